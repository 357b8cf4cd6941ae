package hub

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/hub/frame"
	"sekisho/internal/hub/pki"
)

// ServerConfig is what a Server needs.
type ServerConfig struct {
	Listener  net.Listener // TCP; the server closes it
	Hosts     []string     // names and addresses under which gates reach it
	URL       string       // https://host:port as tokens carry it
	Dir       string       // for tokens; it exists
	Authority *pki.Authority
	Cuts      *Cuts
	Orders    string // verifies orders
	// Intake takes what remote gates recorded; nil: it stays with them.
	Intake Intake
	Now    func() time.Time
	Log    *slog.Logger
}

// Server answers remote gates.
type Server struct {
	cfg    ServerConfig
	policy pushed
	intake intakeState

	mu   sync.Mutex // guards cert
	cert *tls.Certificate
}

// NewServer makes the hub's certificate. It starts nothing.
func NewServer(cfg ServerConfig) (*Server, error) {
	s := &Server{cfg: cfg}
	_, err := s.certificate(nil)
	return s, err
}

// certificate renews the hub's certificate when half of its life is over.
func (s *Server) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cert == nil || s.cfg.Now().After(s.cert.Leaf.NotAfter.Add(-pki.Life/2)) {
		fresh, err := s.cfg.Authority.Server(s.cfg.Hosts)
		if err != nil {
			return s.cert, err
		}
		s.cert = fresh
	}
	return s.cert, nil
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/join", s.join)
	mux.HandleFunc("POST /v1/renew", s.known(s.renew))
	mux.HandleFunc("GET /v1/stream", s.known(s.stream))
	mux.HandleFunc("POST /v1/receipts", s.known(s.receipts))
	mux.HandleFunc("POST /v1/order", s.known(s.order))
	mux.HandleFunc("GET /v1/seen", s.known(s.seen))
	mux.HandleFunc("GET /v1/heads", s.known(s.heads))
	mux.HandleFunc("POST /v1/lines", s.known(s.lines))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10, IdleTimeout: time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
		HTTP2:       &http.HTTP2Config{MaxConcurrentStreams: 16, SendPingTimeout: frame.Beat, PingTimeout: frame.Silence},
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}, GetCertificate: s.certificate,
			ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: s.cfg.Authority.Pool(), Time: s.cfg.Now}}
	done := make(chan error, 1)
	go func() { done <- server.ServeTLS(s.cfg.Listener, "", "") }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), frame.Beat)
	defer cancel()
	err := server.Shutdown(stop) // streams end with ctx
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	<-done
	return err
}

// known lets only enrolled gates in.
func (s *Server) known(do func(w http.ResponseWriter, r *http.Request, site string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
			http.Error(w, "a certificate of this hub is needed", http.StatusUnauthorized)
			return
		}
		leaf := r.TLS.VerifiedChains[0][0]
		if s.cfg.Now().After(leaf.NotAfter) { // a connection that outlived it
			http.Error(w, "the certificate is over", http.StatusUnauthorized)
			return
		}
		name := leaf.Subject.CommonName
		if !s.cfg.Cuts.lets(name, pki.Fingerprint(leaf.Raw)) {
			http.Error(w, "this gate is not enrolled", http.StatusForbidden)
			return
		}
		do(w, r, name)
	}
}

// read decodes a body, or answers that it cannot.
func read[T any](w http.ResponseWriter, r *http.Request, v *T) bool {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, frame.MaxBody)).Decode(v)
	if err != nil {
		http.Error(w, "the request is not understood", http.StatusBadRequest)
	}
	return err == nil
}

func (s *Server) write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.cfg.Log.Warn("hub", "op", "answer a gate", "err", err)
	}
}

// refuse answers with a problem that is the gate's; others stay in the log.
func (s *Server) refuse(w http.ResponseWriter, op, site string, err error) {
	s.cfg.Log.Warn("hub", "op", op, "gate", site, "err", err)
	http.Error(w, op+" failed", http.StatusBadRequest)
}

// What is taken of whoever asks to join: its key, a request for a certificate, a token.
const (
	maxJoin  = 64 << 10 // bytes
	joinTime = 10 * time.Second
)

func (s *Server) join(w http.ResponseWriter, r *http.Request) {
	var q frame.Join
	// Anybody may ask: little is taken of them, and not for long.
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(joinTime)); err != nil {
		s.cfg.Log.Debug("hub", "op", "bound a request to join", "err", err)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxJoin)
	if !read(w, r, &q) {
		return
	}
	cert, by, err := s.enrol(r.Context(), &q)
	if err != nil {
		s.refuse(w, "join", q.Site, err)
		return
	}
	s.cfg.Log.Info("a gate has joined", "gate", q.Site, "by", by)
	s.write(w, frame.Joined{Tenant: s.cfg.Cuts.cfg.Tenant, Cert: string(cert), Root: string(s.cfg.Authority.Root()), Orders: s.cfg.Orders})
}

func fingerprint(cert []byte) string {
	c, err := pki.ParseCert(cert)
	if err != nil {
		return ""
	}
	return pki.Fingerprint(c.Raw)
}

func (s *Server) renew(w http.ResponseWriter, r *http.Request, site string) {
	var q frame.Renew
	if !read(w, r, &q) {
		return
	}
	cert, err := s.cfg.Authority.Client([]byte(q.Request), site)
	if err == nil {
		err = s.cfg.Cuts.renewed(r.Context(), site, fingerprint(cert))
	}
	if err != nil {
		s.refuse(w, "renew", site, err)
		return
	}
	s.write(w, frame.Renewed{Cert: string(cert)})
}

// stream sends orders as they are made, and signs of life between them.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, site string) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/jsonl")
	l, err := s.cfg.Cuts.connect(ctx, site, cancel)
	if err != nil {
		s.cfg.Log.Warn("hub", "op", "stream", "gate", site, "err", err)
		if l == nil {
			return
		}
	}
	enc := json.NewEncoder(w)
	send := func(f frame.Frame) error {
		return errors.Join(out.SetWriteDeadline(time.Now().Add(frame.Silence)), enc.Encode(f), out.Flush())
	}
	tick := time.NewTicker(frame.Beat)
	defer tick.Stop()
	// The first frame says which generation follows, if any.
	err = send(frame.Frame{Generation: l.first})
	policy, changed := s.policy.now()
	if policy != nil && err == nil {
		err = send(frame.Frame{Policy: string(policy)})
	}
	for err == nil {
		select {
		case <-changed:
			policy, changed = s.policy.now()
			err = send(frame.Frame{Policy: string(policy)})
		case <-ctx.Done():
			err = ctx.Err()
		case text := <-l.next:
			err = send(frame.Frame{Order: string(text)})
		case <-tick.C:
			if err = send(frame.Frame{}); s.cfg.Now().After(r.TLS.VerifiedChains[0][0].NotAfter) {
				err = errors.New("the certificate is over")
			}
		}
	}
	reason := "the connection broke"
	if ctx.Err() != nil {
		reason = "the connection ended"
	}
	if err := s.cfg.Cuts.disconnect(ctx, l, reason); err != nil {
		s.cfg.Log.Error("hub", "op", "record that a gate is silent", "gate", site, "err", err)
	}
}

func (s *Server) receipts(w http.ResponseWriter, r *http.Request, site string) {
	var q frame.Receipts
	if !read(w, r, &q) {
		return
	}
	err := s.cfg.Cuts.receive(r.Context(), site, &q)
	if err != nil && !errors.Is(err, event.ErrStopped) {
		s.refuse(w, "receipts", site, err)
		return
	}
	if err != nil { // the gates have acted and are shown so; the run after the outage asks them again
		s.cfg.Log.Warn("hub", "op", "record receipts", "gate", site, "err", err)
	}
	s.write(w, struct{}{})
}

// order takes back an order of the hub's that the hub does not know.
func (s *Server) order(w http.ResponseWriter, r *http.Request, site string) {
	var q frame.Order
	if !read(w, r, &q) {
		return
	}
	err := s.cfg.Cuts.adopt(r.Context(), []byte(q.Text))
	if err != nil && !errors.Is(err, event.ErrStopped) {
		s.refuse(w, "order", site, err)
		return
	}
	if err != nil { // it is in force all the same
		s.cfg.Log.Warn("hub", "op", "record an order that a gate brought", "gate", site, "err", err)
	}
	s.write(w, struct{}{})
}
