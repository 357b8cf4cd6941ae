package site

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http"
	"sync"
	"time"

	"sekisho/internal/hub/frame"
	"sekisho/internal/hub/pki"
)

// renewAgain is how long a renewal that failed waits for the next try.
const renewAgain = time.Minute

// errRenewed ends a stream, to come back with the new certificate.
var errRenewed = errors.New("there is a new certificate")

// renewal gets new certificates beside a stream: whoever does not answer it, or
// answers slowly, holds up no order.
type renewal struct {
	s      *Site
	client *http.Client
	done   context.CancelCauseFunc // of the stream
	wait   sync.WaitGroup

	mu      sync.Mutex // guards what follows
	running bool
}

// begin asks for a new certificate when one is due, and returns at once. As long as
// the old one is good, a failure is no reason to hear no orders.
func (r *renewal) begin(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running || !r.s.due() || r.s.cfg.Now().Before(r.s.unkept.renew) {
		return
	}
	r.running = true
	r.wait.Go(func() {
		err := r.s.renew(ctx, r.client)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.running = false
		switch {
		case err == nil:
			r.done(errRenewed)
		case ctx.Err() == nil:
			r.s.unkept.renew = r.s.cfg.Now().Add(renewAgain)
			r.s.cfg.Log.Warn("no new certificate yet; the old one goes on", "until", r.s.current().Leaf.NotAfter, "err", err)
		}
	})
}

// due reports whether two thirds of the certificate's life are over.
func (s *Site) due() bool { return !s.cfg.Now().Before(s.current().Leaf.NotAfter.Add(-pki.Life / 3)) }

// renew gets a new certificate, with a new key. One that there was no room for is
// kept until there is: the hub is asked once.
func (s *Site) renew(ctx context.Context, client *http.Client) error {
	if s.unkept.identity == nil {
		fresh, err := s.ask(ctx, client)
		if err != nil {
			return err
		}
		s.unkept.identity = fresh
	}
	if err := s.write(identityFile, s.unkept.identity); err != nil {
		return err
	}
	s.unkept.identity = nil
	client.CloseIdleConnections()
	return s.load()
}

// ask returns a new certificate and its key, as they are kept.
func (s *Site) ask(ctx context.Context, client *http.Client) ([]byte, error) {
	key, keyText, err := pki.NewKey()
	if err != nil {
		return nil, err
	}
	request, err := pki.Request(key)
	if err != nil {
		return nil, err
	}
	var r frame.Renewed
	if err := call(ctx, client, http.MethodPost, s.member.Hub+"/v1/renew", frame.Renew{Request: string(request)}, &r); err != nil {
		return nil, err
	}
	if block, _ := pem.Decode([]byte(r.Cert)); block == nil {
		return nil, errors.New("the hub sent no certificate")
	}
	return append([]byte(r.Cert), keyText...), nil
}
