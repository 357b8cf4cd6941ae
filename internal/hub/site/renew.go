package site

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http"
	"time"

	"sekisho/internal/hub/frame"
	"sekisho/internal/hub/pki"
)

// renewAgain is how long a renewal that failed waits for the next try.
const renewAgain = time.Minute

// renewed gets a new certificate when one is due, and reports whether it did. As
// long as the old one is good, a failure is no reason to hear no orders.
func (s *Site) renewed(ctx context.Context, client *http.Client) (bool, error) {
	now := s.cfg.Now()
	if !s.due() || now.Before(s.unkept.renew) {
		return false, nil
	}
	err := s.renew(ctx, client)
	if err == nil || ctx.Err() != nil || !now.Before(s.current().Leaf.NotAfter) {
		return err == nil, err
	}
	s.unkept.renew = now.Add(renewAgain)
	s.cfg.Log.Warn("no new certificate yet; the old one goes on", "until", s.current().Leaf.NotAfter, "err", err)
	return false, nil
}

// due reports whether two thirds of the certificate's life are over.
func (s *Site) due() bool { return !s.cfg.Now().Before(s.current().Leaf.NotAfter.Add(-pki.Life / 3)) }

// renew gets a new certificate, with a new key.
func (s *Site) renew(ctx context.Context, client *http.Client) error {
	key, keyText, err := pki.NewKey()
	if err != nil {
		return err
	}
	request, err := pki.Request(key)
	if err != nil {
		return err
	}
	var r frame.Renewed
	if err := call(ctx, client, http.MethodPost, s.member.Hub+"/v1/renew", frame.Renew{Request: string(request)}, &r); err != nil {
		return err
	}
	if block, _ := pem.Decode([]byte(r.Cert)); block == nil {
		return errors.New("the hub sent no certificate")
	}
	if err := s.write(identityFile, append([]byte(r.Cert), keyText...)); err != nil {
		return err
	}
	client.CloseIdleConnections()
	return s.load()
}
