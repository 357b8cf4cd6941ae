// Package webui is the console's pages: it shows what the process knows, takes
// forms, and shows the receipt of what was done.
//
// It decides nothing: who may do what is package account's, what is allowed in
// a case is the case's, what is done is the process's (package office). It
// keeps no state but a few figures that it drew before. Every page works
// without its scripts.
package webui

import (
	"crypto/rand"
	"embed"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sekisho/internal/console/account"
	"sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/lang"
)

//go:embed texts.yaml
var textFile []byte

//go:embed rooms.yaml
var roomFile []byte

//go:embed parts.yaml
var partFile []byte

var texts = lang.MustLoad(slices.Concat(textFile, roomFile, partFile))

//go:embed static
var staticFiles embed.FS

// Config is what a Server needs.
type Config struct {
	Accounts *account.Accounts
	Office   office.Office
	Tenant   string
	Origin   string   // as browsers write it: "http://localhost:8600"
	Hosts    []string // further host names that are answered
	Words    *lang.Catalogue
	Log      *slog.Logger
	Now      func() time.Time
	Version  string
	API      http.Handler // below control.API; nil serves none
	// Calm, if not nil, lets the goroutine that calls it stand back behind pages
	// until it ends.
	Calm func()
}

// Server serves the console. It is safe for concurrent use.
type Server struct {
	Config
	secure  bool
	cookie  string
	mux     *http.ServeMux
	days    days
	errands errands
	looking errands // of searches in the log: short, and not to wait for others
	asking  errands // of questions for the three figures
	shared  shared
	pages   []pattern
	stopped <-chan struct{} // closed when the server stops: it ends the streams
}

// Cookie is the name of the cookie with which people enter the console at an
// origin.
func Cookie(origin string) string {
	// A cookie of this prefix belongs to this host alone, whatever its
	// neighbours set (RFC 6265bis, 4.1.3.2). It needs TLS.
	if strings.HasPrefix(origin, "https:") {
		return "__Host-sekisho"
	}
	return "sekisho"
}

// New returns the handler of the console. Streams end when stopped is closed.
func New(stopped <-chan struct{}, c Config) *Server {
	s := &Server{Config: c, secure: strings.HasPrefix(c.Origin, "https:"), mux: http.NewServeMux(), stopped: stopped}
	s.cookie = Cookie(c.Origin)
	s.asking.most, s.asking.once = 8, true // answers are taken in turn, and not kept for later pages
	s.routes()
	return s
}

// maxForm bounds a form, in bytes.
const maxForm = 256 << 10

// ServeHTTP implements http.Handler: what every answer has in common.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
	h.Set("Cache-Control", "no-store")
	if s.secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	if !s.known(r.Host) {
		// Another name that leads here is a trick with DNS: answering it would
		// let a foreign page read what we say (DNS rebinding).
		http.Error(w, "this name is not served here", http.StatusMisdirectedRequest)
		return
	}
	defer readOut(r)
	if s.API != nil && strings.HasPrefix(r.URL.Path, control.API) {
		s.API.ServeHTTP(w, r)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	s.mux.ServeHTTP(w, r.WithContext(arriving(r.Context(), time.Now())))
}

// readOut reads what the answer left unread of a request, within its bound. Who
// asks that the connection be closed and still sends would otherwise find it
// reset, and never see why the request was refused: net/http reads on only where
// a connection is kept.
func readOut(r *http.Request) {
	if _, err := io.CopyN(io.Discard, r.Body, maxForm); err != nil {
		return // the end, or the bound; else there is nobody to answer
	}
}

// known reports whether the console answers to the host name.
func (s *Server) known(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	if u, err := url.Parse(s.Origin); err == nil && strings.EqualFold(u.Hostname(), strings.Trim(name, "[]")) {
		return true
	}
	for _, h := range s.Hosts {
		if strings.EqualFold(h, name) {
			return true
		}
	}
	return false
}

// Request is a request of somebody who entered, or not yet.
type Request struct {
	*http.Request
	w       http.ResponseWriter
	session *account.Session // nil: nobody entered
	page    *Page
	out     bool // something else than a page was written
}

// Address returns the client's address without port.
func (r *Request) Address() string {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return a.Addr().Unmap().String()
}

// By returns who it is.
func (r *Request) By() string { return r.session.User.Name }

func (s *Server) routes() {
	static, err := fs.Sub(staticFiles, "static")
	if err != nil {
		panic("webui: " + err.Error())
	}
	files := http.FileServerFS(static)
	s.mux.HandleFunc("GET /static/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=3600")
		http.StripPrefix("/static", files).ServeHTTP(w, r)
	})
	s.open("GET /login", s.loginPage)
	s.open("POST /login", s.login)
	s.open("GET /join", s.joinPage)
	s.open("POST /join", s.join)
	s.open("POST /lang", s.setLang)
	s.open("POST /passkey/ask", s.passkeyAsk)
	s.open("POST /passkey/login", s.passkeyLogin)
	s.rooms()
}

// open serves a page for which nobody needs to have entered.
func (s *Server) open(at string, f func(*Request) (templ.Component, error)) {
	s.mux.HandleFunc(at, func(w http.ResponseWriter, hr *http.Request) {
		s.serve(w, hr, "", f)
	})
}

// pattern is a page and what somebody must be allowed for it.
type pattern struct {
	at string // "GET /cases"
	do account.Action
}

// page serves a page for those who may do something.
func (s *Server) page(at string, do account.Action, f func(*Request) (templ.Component, error)) {
	s.pages = append(s.pages, pattern{at, do})
	s.mux.HandleFunc(at, func(w http.ResponseWriter, hr *http.Request) {
		s.serve(w, hr, do, f)
	})
}

// serve finds out who asks, refuses what is not allowed, and answers with a
// page, a redirect or an error.
func (s *Server) serve(w http.ResponseWriter, hr *http.Request, do account.Action, f func(*Request) (templ.Component, error)) {
	r := &Request{Request: hr, w: w}
	if c, err := hr.Cookie(s.cookie); err == nil {
		session, err := s.Accounts.Session(hr.Context(), c.Value)
		switch {
		case err == nil:
			r.session = session
		case !errors.Is(err, account.ErrUnknown):
			r.page = s.newPage(r)
			s.fail(r, err)
			return
		}
	}
	r.page = s.newPage(r)
	if err := s.allowed(r, do); err != nil {
		s.fail(r, err)
		return
	}
	c, err := f(r)
	if hr.Method == http.MethodPost {
		s.shared.acted()
	}
	var to redirect
	switch {
	case errors.As(err, &to):
		http.Redirect(w, hr, string(to), http.StatusSeeOther)
	case err != nil:
		s.fail(r, err)
	case !r.out:
		s.render(r, http.StatusOK, c)
	}
}

// redirect is an error that leads to another page of the console. It is made
// of our own paths only.
type redirect string

// Error implements error.
func (r redirect) Error() string { return "see " + string(r) }

// errEnter leads to the login; errToken is a form that was not made here.
var (
	errEnter   = errors.New("nobody entered")
	errToken   = errors.New("the form was not made in this session")
	errRefused = errors.New("the roles do not allow this")
	errNothing = errors.New("there is no such page")
)

// allowed says whether the request may go on. An act must come from a form of
// the same session, and from a page of ours.
func (s *Server) allowed(r *Request, do account.Action) error {
	if r.Method == http.MethodPost && r.foreign() {
		return errToken
	}
	if do == "" {
		return nil
	}
	if r.session == nil {
		return errEnter
	}
	if r.Method == http.MethodPost && !same(r.PostFormValue("csrf"), r.session.CSRF) && !same(r.Header.Get("X-CSRF"), r.session.CSRF) {
		return errToken
	}
	if do != anybody && !r.session.User.May(do, s.Tenant) {
		return errors.Join(errRefused, s.Office.Record(r.Context(), event.Source("person/"+r.By()),
			&event.Act{By: r.By(), Do: string(do), Target: r.URL.Path, Result: "refused"}))
	}
	return nil
}

// anybody is the action of those who entered, whatever their roles.
const anybody account.Action = "enter"

// foreign reports that a browser sent the request from another site.
func (r *Request) foreign() bool {
	return http.NewCrossOriginProtection().Check(r.Request) != nil
}

// same compares without telling by its time how much was right.
func same(got, want string) bool {
	return want != "" && subtleEqual(got, want)
}

func (s *Server) render(r *Request, status int, c templ.Component) {
	r.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	r.w.WriteHeader(status)
	if err := c.Render(r.Context(), r.w); err != nil && r.Context().Err() == nil {
		s.Log.Error("console page", "path", r.URL.Path, "err", err)
	}
}

// foreseen reports an error of the console's own, which has its own words.
func foreseen(err error) bool {
	return slices.ContainsFunc([]error{errEnter, errToken, errRefused, errNothing, account.ErrUnknown}, func(own error) bool { return errors.Is(err, own) })
}

// fail answers with what went wrong, in words for people.
func (s *Server) fail(r *Request, err error) {
	status, title, what, try := http.StatusConflict, "error_title", "", ""
	all := fault.Faults(err)
	if !foreseen(err) {
		all = fault.Faults(control.Told(r.Context(), s.Office.Status, err))
	}
	f := all[0]
	switch {
	case errors.Is(err, errEnter):
		if r.Header.Get("HX-Request") != "" { // a part of a page cannot hold the login
			r.w.Header().Set("HX-Redirect", "/login")
			r.w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.Method == http.MethodGet {
			http.Redirect(r.w, r.Request, "/login?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
			return
		}
		status, what, try = http.StatusUnauthorized, r.page.T("error_enter"), r.page.T("error_enter_try")
	case errors.Is(err, errToken):
		status, what, try = http.StatusForbidden, r.page.T("error_form"), r.page.T("error_form_try")
	case errors.Is(err, errRefused):
		status, what, try = http.StatusForbidden, r.page.T("error_refused"), r.page.T("error_refused_try")
	case errors.Is(err, errNothing), errors.Is(err, account.ErrUnknown):
		status, what, try = http.StatusNotFound, r.page.T("error_nothing"), r.page.T("error_nothing_try")
	case f.Code != fault.Internal:
		l := r.page.Lang()
		what, try = f.What(l), f.Try(l)+" ("+f.Code.String()+")"
		for _, more := range all[1:] {
			if more.Code != fault.Internal {
				what += "; " + more.What(l)
				try += "; " + more.Try(l) + " (" + more.Code.String() + ")"
			}
		}
		if f.Code == fault.LedgerFull || f.Code == fault.LedgerBroken || f.Code == fault.LedgerLost {
			status = http.StatusServiceUnavailable
		}
	default:
		var id [4]byte
		rand.Read(id[:])
		number := hex.EncodeToString(id[:])
		s.Log.Error("console", "id", number, "path", r.URL.Path, "err", err)
		status, what, try = http.StatusInternalServerError, r.page.T("error_internal"), r.page.T("error_internal_try", "id", number)
	}
	r.page.Title = r.page.T(title)
	s.render(r, status, errorPage(r.page, what, try))
}
