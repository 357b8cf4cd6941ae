package hub

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"sekisho/internal/event"
	"sekisho/internal/hub/frame"
)

// Intake is where what remote gates recorded is kept: the hub's ledger.
type Intake interface {
	// Heads are the ends of the chains whose source Ships says are the site's. A
	// ledger that cannot say what is on its disk is an error: a site that hears of
	// less than there is would lose its place.
	Heads(site string) ([]frame.Head, error)
	// Take returns when the lines are on disk. It leaves out those it has. What
	// does not continue a chain is an error that wraps ErrBroken.
	Take(ctx context.Context, lines [][]byte) error
}

// ErrBroken says that lines do not follow those that the hub has.
var ErrBroken = errors.New("the record does not continue what the hub has")

// Ships reports whether a source is one whose events a remote process ships: its
// gates, the scans of its databases, folders and stores, the numbers of their
// subjects, who looked at them in its console, and what the process says of its exits.
func Ships(source, site string) bool {
	name, of, ok := strings.Cut(source, "@")
	return ok && of == site && (strings.HasPrefix(name, "gate/") || strings.HasPrefix(name, "scan/") ||
		name == "process" || name == "dictionary" || name == "console")
}

// mostChains bounds the chains of one site: a gate has one for each of its workers.
const mostChains = 1024

// intakeState remembers whose record is broken, so that it is raised once.
type intakeState struct {
	mu     sync.Mutex
	broken map[string]bool
}

// seen tells a site where it comes from: a way out that it does not know shows.
func (s *Server) seen(w http.ResponseWriter, r *http.Request, _ string) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		http.Error(w, "no address", http.StatusInternalServerError)
		return
	}
	s.write(w, frame.Seen{Address: host})
}

func (s *Server) heads(w http.ResponseWriter, _ *http.Request, site string) {
	if s.cfg.Intake == nil {
		http.Error(w, "this hub keeps no records of remote gates", http.StatusNotFound)
		return
	}
	heads, err := s.cfg.Intake.Heads(site)
	if err != nil {
		s.later(w, "tell heads", site, err)
		return
	}
	s.write(w, frame.Heads{Heads: heads})
}

// later answers what cannot be done now: 507 while the hub's ledger has stopped,
// which who watches it says, else 503.
func (s *Server) later(w http.ResponseWriter, op, site string, err error) {
	if errors.Is(err, event.ErrStopped) {
		http.Error(w, "its ledger cannot be written now, for want of room or because its disk failed; what it does not have yet stays here, and is sent when it can be", http.StatusInsufficientStorage)
		return
	}
	s.cfg.Log.Warn("hub", "op", op, "gate", site, "err", err)
	http.Error(w, "not now; it is tried again", http.StatusServiceUnavailable)
}

// lines takes lines of a site's ledger. 409: they cannot be what the site
// recorded after what is here; 507: the hub's ledger has stopped; 503: not now.
func (s *Server) lines(w http.ResponseWriter, r *http.Request, site string) {
	if s.cfg.Intake == nil {
		http.Error(w, "this hub keeps no records of remote gates", http.StatusNotFound)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, frame.MaxLines+event.MaxLine))
	if err != nil {
		http.Error(w, "the request is not understood", http.StatusBadRequest)
		return
	}
	lines := bytes.Split(bytes.TrimSuffix(body, []byte{'\n'}), []byte{'\n'})
	if err = s.admit(site, lines); err == nil {
		err = s.cfg.Intake.Take(r.Context(), lines)
	}
	switch {
	case errors.Is(err, ErrBroken):
		s.cfg.Log.Error("what a remote gate recorded is not taken", "code", "SK3707", "gate", site, "err", err)
		s.raise(r.Context(), site, err)
		http.Error(w, err.Error(), http.StatusConflict)
	case err != nil:
		s.later(w, "take lines", site, err)
	default:
		s.mend(site)
		s.write(w, frame.Taken{Lines: len(lines)})
	}
}

// raise records that a site's record is broken, once until it is whole again.
func (s *Server) raise(ctx context.Context, site string, err error) {
	s.intake.mu.Lock()
	known := s.intake.broken[site]
	if s.intake.broken == nil {
		s.intake.broken = map[string]bool{}
	}
	s.intake.broken[site] = true
	s.intake.mu.Unlock()
	if known {
		return
	}
	if err := s.cfg.Cuts.cfg.Record(context.WithoutCancel(ctx), &event.Finding{Code: "SK3707", Title: "what a remote gate recorded is not taken",
		Place: "egress", Detail: site + ": " + err.Error()}); err != nil {
		s.cfg.Log.Error("hub", "op", "record that a gate's record is broken", "gate", site, "err", err)
		s.mend(site)
	}
}

func (s *Server) mend(site string) {
	s.intake.mu.Lock()
	defer s.intake.mu.Unlock()
	delete(s.intake.broken, site)
}
