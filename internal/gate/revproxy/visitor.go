package revproxy

import (
	"container/list"
	"context"
	"encoding/hex"
	"net/http"
	"sync"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/policy/visit"
)

const (
	// maxSessions bounds the sessions that are remembered by their numbers; the
	// longest unused is closed and gets another number when it comes back.
	maxSessions = 50_000
	// sessionIdle ends a session.
	sessionIdle = 30 * time.Minute
)

// sessionKey is what makes two requests one session. The same cookie from
// another address is another session: scopes ask by address.
type sessionKey struct {
	place   event.Place
	cookie  [16]byte
	address string
	account string
}

// seat is a session of a visitor, numbered when the first crossing is recorded.
type seat struct {
	number event.Session
	key    sessionKey
	last   time.Time // guarded by sessions.mu
	open   sync.Once // records that it opened
}

// sessions are those of a gate.
type sessions struct {
	start uint32

	mu     sync.Mutex // guards what follows
	count  uint32
	known  map[sessionKey]*list.Element
	recent list.List // of *seat, the last used first
}

// get returns the session of a key, and those that ended meanwhile.
func (s *sessions) get(key sessionKey, now time.Time) (_ *seat, ended []event.Body) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := s.recent.Back(); e != nil; e = s.recent.Back() {
		old := e.Value.(*seat)
		idle := now.Sub(old.last) > sessionIdle
		if !idle && s.recent.Len() < maxSessions {
			break
		}
		reason := "idle"
		if !idle {
			reason = "too many"
		}
		s.recent.Remove(e)
		delete(s.known, old.key)
		ended = append(ended, &event.SessionClose{Session: old.number, Reason: reason})
	}
	e := s.known[key]
	if e == nil {
		s.count++
		if s.known == nil {
			s.known = map[sessionKey]*list.Element{}
		}
		e = s.recent.PushFront(&seat{number: event.Session(uint64(s.start)<<32 | uint64(s.count)), key: key})
		s.known[key] = e
	}
	s.recent.MoveToFront(e)
	one := e.Value.(*seat)
	one.last = now
	return one, ended
}

// visiting is who an exchange is with.
type visiting struct {
	key  sessionKey
	who  []visit.Visitor
	self visit.Person
}

// visitor tells who asks.
func (x *exchange) visitor(r *http.Request) *visiting {
	p := x.host.persons
	v := &visiting{key: sessionKey{place: x.host.Place, cookie: p.cookie(r), address: address(r)}}
	network := visit.Network(v.key.address)
	name := network
	if v.key.cookie != [16]byte{} {
		name = hex.EncodeToString(v.key.cookie[:])
	}
	if a, ok := p.entered(v.key.cookie); ok && v.key.cookie != [16]byte{} {
		v.key.account, v.self = a.name, a.self
	}
	v.who = []visit.Visitor{{By: visit.Session, Name: name}, {By: visit.Address, Name: network}}
	if v.key.account != "" {
		v.who = append(v.who, visit.Visitor{By: visit.Account, Name: v.key.account})
	}
	return v
}

// remember notes whose account a session is from now on: of the cookies that the
// answer sets, or else of those that were sent.
func (p *persons) remember(a *http.Response, t *attempt) {
	who := account{name: label(t.account)}
	if t.known {
		who.self = visit.Person{Source: string(t.owner.Source), Number: t.owner.Number}
	}
	var all []sessionCookie
	for _, set := range a.Cookies() {
		for _, name := range p.names() {
			if c := (sessionCookie{name, compared(set.Value)}); c.value != "" && set.MaxAge >= 0 && isNamed(set.Name, name) {
				all = append(all, c)
			}
		}
	}
	if len(all) == 0 {
		all = sessionCookies(a.Request, p.names())
	}
	for _, c := range all[:min(len(all), maxEntered)] {
		p.enter(p.hashed(c), who)
	}
}

// session returns the number of the exchange's session. That it opened is
// recorded when it returns.
func (x *exchange) session(ctx context.Context) (event.Session, bool) {
	key := x.shown.key
	s, ended := x.gate.sessions.get(key, time.Now())
	if len(ended) > 0 && !x.record(ctx, ended...) {
		return 0, false
	}
	ok := true
	s.open.Do(func() {
		ok = x.record(ctx, &event.SessionOpen{Session: s.number, Place: x.host.Place, User: key.account, Address: key.address})
	})
	return s.number, ok
}
