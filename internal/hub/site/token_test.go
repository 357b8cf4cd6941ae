package site

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"testing"

	"sekisho/internal/event"
	"sekisho/internal/hub"
	"sekisho/internal/hub/answer"
)

// steps are what the ledger says of gates that join and go.
func (w *world) steps() (all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.bodies {
		if e, ok := b.(*event.GateEnrolled); ok {
			all = append(all, e.Gate+" "+e.Step+" "+e.By)
		}
	}
	return all
}

func (w *world) token(name string) string {
	w.t.Helper()
	token, _, err := w.server.Token(w.t.Context(), name, "ayame")
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

func (w *world) joins(token string) error {
	w.t.Helper()
	dir := w.t.TempDir()
	_, vkey, err := hub.ReceiptsKey(dir, "osaka")
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = Join(w.t.Context(), token, dir, vkey, true)
	return err
}

// A token that nobody used is void once its gate is revoked, whether or not the gate
// had joined before and whatever a restart finds; that it was made is recorded.
func TestRevokeVoidsToken(t *testing.T) {
	w := newWorld(t)
	early := w.token("osaka")
	if err := w.cuts.Revoke(t.Context(), "osaka", "ren"); err != nil {
		t.Errorf("revoke a gate that only has a token: %v", err)
	}
	if err := w.joins(early); err == nil {
		t.Error("a token was good after its gate was revoked")
	}
	w.joined("osaka")
	late := w.token("osaka")
	if err := w.cuts.Revoke(t.Context(), "osaka", "ren"); err != nil {
		t.Fatal(err)
	}
	w.stop()
	w.start()
	if err := w.joins(late); err == nil {
		t.Error("a token was good after its gate was revoked and the hub started again")
	}
	if err := w.cuts.Revoke(t.Context(), "osaka", "ren"); !errors.Is(err, hub.ErrUnknown) {
		t.Errorf("revoke who is not there: %v", err)
	}
	want := []string{"osaka invited ayame", "osaka revoked ren", "osaka invited ayame", "osaka enrolled ayame", "osaka invited ayame", "osaka revoked ren"}
	if got := w.steps(); !slices.Equal(got, want) {
		t.Errorf("recorded %q, want %q", got, want)
	}
}

// What the ledger cannot take makes no token, and revokes nothing.
func TestTokenIsRecordedFirst(t *testing.T) {
	w := newWorld(t)
	first := w.token("osaka")
	w.fail(errors.New("disk full"))
	if token, _, err := w.server.Token(t.Context(), "osaka", "ayame"); err == nil || token != "" {
		t.Errorf("token %q, %v", token, err)
	}
	if err := w.cuts.Revoke(t.Context(), "osaka", "ren"); err == nil {
		t.Error("revoked without a record")
	}
	w.fail(nil)
	w.stop()
	w.start()
	if err := w.joins(first); err != nil {
		t.Errorf("a token that stays is no good after a restart: %v", err)
	}
}

// Who had a gate's name before it was revoked does not come back with its old
// certificate when the name joins anew, also after a restart of the hub.
func TestOldCertificateStaysOut(t *testing.T) {
	w := newWorld(t)
	old := w.joined("osaka")
	if got := w.asks(old); got != http.StatusNotFound { // let in; no intake here
		t.Fatalf("an enrolled gate got %d", got)
	}
	if err := w.cuts.Revoke(t.Context(), "osaka", "ren"); err != nil {
		t.Fatal(err)
	}
	fresh := w.joined("osaka")
	for _, when := range []string{"at once", "after a restart"} {
		if got := w.asks(old); got != http.StatusForbidden {
			t.Errorf("%s: the old certificate got %d", when, got)
		}
		if got := w.asks(fresh); got != http.StatusNotFound {
			t.Errorf("%s: the new certificate got %d", when, got)
		}
		w.stop()
		w.start()
	}
}

// asks returns the hub's status for a question of the member in dir.
func (w *world) asks(dir string) int {
	w.t.Helper()
	s, err := Open(w.t.Context(), Config{Dir: dir, Gates: answer.New("osaka", receiptSigner(w.t, dir, "osaka"), w.now), Now: w.now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
	client, err := s.client()
	if err != nil {
		w.t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	res, err := client.Get("https://" + w.listen + "/v1/heads")
	if err != nil {
		w.t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode
}
