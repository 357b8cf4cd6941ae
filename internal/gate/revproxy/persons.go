package revproxy

import (
	"slices"
	"strings"
	"sync"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/policy/visit"
)

// Persons says how what a site answers is attributed to persons, and how many of
// them a visitor may be shown.
type Persons struct {
	// Identifiers are the elements that Owners can tell.
	Identifiers element.Mask
	// Owners appends the subjects to whom a value belongs for certain, in the
	// canonical form of package element. It must not keep the value. nil: nobody
	// is known.
	Owners func(dst []Owner, k element.Kind, value []byte) []Owner
	// Hash is a keyed hash of its parts, for values that belong to nobody known
	// and for cookies. Required; safe for concurrent use.
	Hash func(parts ...[]byte) [16]byte
	// Cookies name the cookies by which the application knows a session. Without
	// one of them a session is an address.
	Cookies []string
	// Nobody are the beginnings of paths whose responses hold nobody's data. What
	// is found there all the same is recorded and raised.
	Nobody []string
	// Ours are values that are no person's: the shop's own address and number.
	Ours []string
	// Mode is what is done when a visitor passes one of Limits.
	Mode   Mode
	Limits visit.Limits
}

// Owner is a subject.
type Owner struct {
	Source event.SubjectSource
	Number uint32
}

// knownCookies are the names that frameworks give to the cookie of a session.
var knownCookies = []string{"PHPSESSID", "JSESSIONID", "connect.sid", "laravel_session", "sessionid", "_session_id", "ASP.NET_SessionId", "session", "sid", "EC-CUBE", "eccube"}

// persons are the Persons of a site, compiled, with its counters.
type persons struct {
	*Persons
	ours map[string]bool
	book *visit.Book

	mu       sync.Mutex
	accounts map[[16]byte]account // who entered, by cookie; guarded by mu
	raised   map[string]bool      // routes of Nobody with personal data; guarded by mu
}

// account is who entered with a session.
type account struct {
	name string
	self visit.Person
}

// maxAccounts bounds the sessions whose accounts are remembered; beyond it all
// are forgotten, and count everybody as others.
const maxAccounts = 100_000

func (p *persons) enter(cookie [16]byte, a account) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.accounts) >= maxAccounts || p.accounts == nil {
		p.accounts = map[[16]byte]account{}
	}
	p.accounts[cookie] = a
}

func (p *persons) entered(cookie [16]byte) (account, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, ok := p.accounts[cookie]
	return a, ok
}

// maxRaised bounds the routes that are raised.
const maxRaised = 1000

// raise reports whether a route is to be raised: once a run.
func (p *persons) raise(route string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.raised[route] || len(p.raised) >= maxRaised {
		return false
	}
	p.raised[route] = true
	return true
}

func (p *Persons) compile() *persons {
	if p == nil {
		return nil
	}
	made := &persons{Persons: p, ours: map[string]bool{}, raised: map[string]bool{}, book: visit.NewBook(p.Limits)}
	for _, v := range p.Ours {
		v = strings.ToLower(strings.TrimSpace(v))
		made.ours[v] = true
		if digits := strings.Map(digit, v); len(digits) > 5 {
			made.ours[digits] = true
		}
	}
	return made
}

func digit(r rune) rune {
	if r >= '0' && r <= '9' {
		return r
	}
	return -1
}

// nobody reports whether a path is said to hold nobody's data.
func (p *persons) nobody(path string) bool {
	for _, path := range bothPaths(path) {
		if !slices.ContainsFunc(p.Nobody, func(prefix string) bool { return strings.HasPrefix(path, prefix) }) {
			return false
		}
	}
	return true
}
