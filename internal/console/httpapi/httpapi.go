// Package httpapi is the console's API: what commands and pages can ask and
// order, for programs, as JSON over HTTP with tokens that can do a part of what
// their account may.
//
// It decides nothing: who may do what is package account's, what is done is the
// process's (packages control and office). It makes no accounts' sessions and
// shows no pages. Its description is OpenAPI 3.1, at /api/v1/openapi.json.
package httpapi

import (
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"sekisho/internal/console/account"
	"sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/lang"
)

//go:embed texts.yaml
var textFile []byte

var texts = lang.MustLoad(textFile)

// Config is what a Server needs.
type Config struct {
	Accounts *account.Accounts
	Office   office.Office
	Operator control.Operator
	Tenant   string
	Cookie   string // name of the cookie with which people enter the console
	Origin   string // of the console, for links and the description
	Version  string
	Log      *slog.Logger
	// Glossary explains the console's words.
	Glossary func(l lang.Language) []office.Word
}

// Server serves the API. It is safe for concurrent use.
type Server struct {
	Config
	mux *http.ServeMux

	list sync.Mutex // one long request at a time: it is in memory

	mu   sync.Mutex
	busy map[string]int // requests under way by account
}

// Limits of a request.
const (
	maxRequest = 1 << 20 // bytes
	maxBusy    = 16      // under way, of one account

	longestList = 10 * time.Minute // that a list of control.MaxList takes to arrive
)

// longCalls are those whose requests hold a list, or a description of a site.
var longCalls = []string{control.ListCall, "web/import"}

// New returns the handler of everything below control.API.
func New(c Config) *Server {
	s := &Server{Config: c, mux: http.NewServeMux(), busy: map[string]int{}}
	for _, call := range control.Calls {
		if rule, ok := operatorRules[call.Name]; ok {
			s.route(call.Name, empty(call.Request), rule, func(x *exchange) {
				call.Serve(x.w, x.r, s.Operator, s.Log, x.allow, x.fail)
			})
		}
	}
	for _, call := range ownCalls {
		s.route(call.Name, empty(call.Request), ownRules[call.Name], func(x *exchange) {
			call.Serve(x.w, x.r, &caller{s, x}, s.Log, x.allow, x.fail)
		})
	}
	s.mux.HandleFunc("GET "+control.API+"openapi.json", s.openapi)
	s.mux.HandleFunc(control.API, func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, http.StatusNotFound, fault.New(fault.ControlRefused, "problem", "there is no such call", "hint", "see "+control.API+"openapi.json"))
	})
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	s.mux.ServeHTTP(w, r)
}

// exchange is a request of somebody who is known.
type exchange struct {
	w     http.ResponseWriter
	r     *http.Request
	user  *account.User
	scope []account.Action // of the token; nil: a person who entered
	allow func(request any) error
	fail  func(err error)
}

// may reports whether the account, and its token, may do something.
func (x *exchange) may(do account.Action, tenant string) bool {
	if x.scope != nil {
		found := false
		for _, one := range x.scope {
			found = found || one == do
		}
		if !found {
			return false
		}
	}
	return x.user.May(do, tenant)
}

// route serves a call: by POST, and by GET where it asks without saying more
// and anybody who sees may ask.
func (s *Server) route(name string, bare bool, rule rule, serve func(*exchange)) {
	f := func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{w: w, r: r}
		if err := s.enter(x); err != nil {
			s.failed(x, err)
			return
		}
		if !s.begin(x.user.Name) {
			s.failed(x, errBusy)
			return
		}
		defer s.end(x.user.Name)
		most := int64(maxRequest)
		if slices.Contains(longCalls, name) && x.may(rule(nil), s.Tenant) { // nobody else sends so much
			if !s.list.TryLock() {
				s.failed(x, errBusy)
				return
			}
			defer s.list.Unlock()
			most = control.MaxList
			if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(longestList)); err != nil && !errors.Is(err, http.ErrNotSupported) {
				s.failed(x, err)
				return
			}
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		x.r = r.WithContext(control.WithPeer(r.Context(), control.Peer{UID: -1, Console: x.user.Name}))
		x.fail = func(err error) { s.failed(x, err) }
		x.allow = func(request any) error {
			do := rule(request)
			switch {
			case x.may(do, s.Tenant) && reasonless(request):
				return control.ErrReason
			case x.may(do, s.Tenant):
				return nil
			}
			return errors.Join(x.refused(do), s.Office.Record(r.Context(), event.Source("person/"+x.user.Name),
				&event.Act{By: x.user.Name, Do: string(do), Target: r.URL.Path, Result: "refused"}))
		}
		serve(x)
	}
	s.mux.HandleFunc("POST "+control.API+name, f)
	if bare && rule(nil) == account.See {
		s.mux.HandleFunc("GET "+control.API+name, func(w http.ResponseWriter, r *http.Request) {
			r.Body = readerOf("{}")
			f(w, r)
		})
	}
}

var (
	errToken = fault.New(fault.APIToken)
	errBusy  = fault.New(fault.APIBusy)
)

// refused is why something may not be done: no other token would help with what
// none does.
func (x *exchange) refused(do account.Action) error {
	code := fault.APIRefused
	if x.scope != nil && (account.Personal(do) || do == list) {
		code = fault.APIPerson
	}
	return fault.New(code, "action", string(do))
}

// enter finds out who asks: by a token, or by the cookie of the console, with
// the secret of its forms when something could be done.
func (s *Server) enter(x *exchange) error {
	if kind, text, ok := strings.Cut(x.r.Header.Get("Authorization"), " "); ok && strings.EqualFold(kind, "Bearer") {
		u, scope, err := s.Accounts.Bearer(x.r.Context(), strings.TrimSpace(text), addressOf(x.r))
		if errors.Is(err, account.ErrUnknown) || errors.Is(err, account.ErrSlow) {
			return errors.Join(errToken, err)
		}
		x.user, x.scope = u, scope
		return err
	}
	c, err := x.r.Cookie(s.Cookie)
	if err != nil {
		return errToken
	}
	session, err := s.Accounts.Session(x.r.Context(), c.Value)
	if errors.Is(err, account.ErrUnknown) {
		return errToken
	}
	if err != nil {
		return err
	}
	if x.r.Method != http.MethodGet && (!session.Sent(x.r.Header.Get("X-CSRF")) || http.NewCrossOriginProtection().Check(x.r) != nil) {
		return errToken
	}
	x.user = session.User
	return nil
}

// begin counts a request of an account; false: it has too many under way.
func (s *Server) begin(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[name] >= maxBusy {
		return false
	}
	s.busy[name]++
	return true
}

func (s *Server) end(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[name]--; s.busy[name] == 0 {
		delete(s.busy, name)
	}
}

// failed answers with what went wrong.
func (s *Server) failed(x *exchange, err error) {
	status := http.StatusConflict
	switch {
	case errors.Is(err, errToken):
		status, err = http.StatusUnauthorized, errToken
		x.w.Header().Set("WWW-Authenticate", `Bearer realm="sekisho"`)
	case errors.Is(err, errBusy):
		status = http.StatusTooManyRequests
		x.w.Header().Set("Retry-After", "1")
	case errors.Is(err, control.ErrRequest):
		status = http.StatusBadRequest
	default:
		err = control.Told(x.r.Context(), s.Operator.Status, err)
		switch fault.Faults(err)[0].Code {
		case fault.LedgerFull, fault.LedgerBroken, fault.LedgerLost:
			status = http.StatusServiceUnavailable
		case fault.APIRefused, fault.APIPerson:
			status = http.StatusForbidden
		case fault.APIReading:
			status = http.StatusTooManyRequests
			x.w.Header().Set("Retry-After", "60")
		case fault.Internal:
			status = http.StatusInternalServerError
		}
	}
	s.refuse(x.w, x.r, status, err)
}

// refuse writes the problem (RFC 9457) in the language that was asked for. What
// nobody foresaw is told by a number in the log only.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	all := fault.Faults(err)
	p := control.ProblemOf(err)
	l := languageOf(r)
	for i, one := range append([]*control.Problem{&p}, pointers(p.More)...) {
		f := all[i]
		if f.Code == fault.Internal {
			var id [4]byte
			rand.Read(id[:])
			one.Text = "see " + hex.EncodeToString(id[:]) + " in the log of the process"
			s.Log.Error("console API", "id", hex.EncodeToString(id[:]), "path", r.URL.Path, "err", err)
			f = fault.New(f.Code).Because(errors.New(one.Text))
		}
		one.Type, one.Status = "urn:sekisho:"+f.Code.String(), status
		one.Title, one.Detail = f.What(l), f.Try(l)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	// An error here is a client that went away; there is nobody to tell.
	_ = json.NewEncoder(w).Encode(p)
}

func pointers[T any](all []T) (out []*T) {
	for i := range all {
		out = append(out, &all[i])
	}
	return out
}

// languageOf is Japanese or English, as the first of Accept-Language that is one
// of them.
func languageOf(r *http.Request) lang.Language {
	for _, one := range strings.Split(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(one), ";")
		base, _, _ := strings.Cut(tag, "-")
		if l, ok := lang.Parse(base); ok {
			return l
		}
	}
	return lang.English
}

func addressOf(r *http.Request) string {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return a.Addr().Unmap().String()
}
