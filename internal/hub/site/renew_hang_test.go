package site

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"sekisho/internal/hub/answer"
)

// hanging is a way to the hub on which requests for a certificate hang.
type hanging struct {
	http.RoundTripper
	asked chan struct{}
}

// RoundTrip implements http.RoundTripper.
func (h *hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/v1/renew" {
		return h.RoundTripper.RoundTrip(r)
	}
	select {
	case h.asked <- struct{}{}:
	default:
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestOrderBesideHangingRenewal: a request for a certificate that nobody answers
// holds up no order.
func TestOrderBesideHangingRenewal(t *testing.T) {
	w := newWorld(t)
	dir := w.joined("osaka")
	gates, g := answer.New("osaka", receiptSigner(t, dir, "osaka"), w.now), &gate{flows: 2}
	s, err := Open(t.Context(), Config{Dir: dir, Gates: gates, Now: w.now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := gates.Add(t.Context(), "out", g); err != nil {
		t.Fatal(err)
	}
	client, err := s.client()
	if err != nil {
		t.Fatal(err)
	}
	way := &hanging{client.Transport, make(chan struct{}, 1)}
	w.ahead.Add(int64(21 * day))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.followOver(ctx, &http.Client{Transport: way}) }()
	select {
	case <-way.asked:
	case <-time.After(20 * time.Second):
		t.Fatal("no certificate was asked for")
	}
	await(t, "the stream", func() bool { return w.cuts.Sites()["osaka"] })
	if got := state(t, w.order("while it hangs", all()), "osaka/out"); got.Red || got.Closed != 2 {
		t.Errorf("%+v", got)
	}
	cancel()
	<-done
	client.CloseIdleConnections()
}
