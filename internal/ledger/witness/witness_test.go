package witness

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sekisho/internal/event"
	"sekisho/internal/ledger"
	"sekisho/internal/ledger/tiles"
	"sekisho/proof"
)

// world is a witness and a ledger that it knows.
type world struct {
	cfg    ledger.Config
	server *Server
	http   *httptest.Server
	vkey   string
	key    string // of the ledger
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{cfg: ledger.Config{Dir: filepath.Join(dir, "ledger"), Tenant: "shop"}}
	if err := ledger.Init(t.Context(), w.cfg); err != nil {
		t.Fatal(err)
	}
	id, err := ledger.ReadIdentity(w.cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	w.key = id.Key
	if w.vkey, err = CreateKey(filepath.Join(dir, "witness"), "witness.example"); err != nil {
		t.Fatal(err)
	}
	if _, err := CreateKey(filepath.Join(dir, "witness"), "witness.example"); err == nil {
		t.Fatal("a key was replaced")
	}
	signer, err := ReadKey(filepath.Join(dir, "witness"))
	if err != nil {
		t.Fatal(err)
	}
	if w.server, err = New(Config{Dir: filepath.Join(dir, "witness"), Signer: signer, Logs: []string{id.Key}}); err != nil {
		t.Fatal(err)
	}
	w.http = httptest.NewServer(w.server)
	t.Cleanup(w.http.Close)
	return w
}

// grow records and seals n segments with the witness as it is configured.
func (w *world) grow(t *testing.T, n int) {
	t.Helper()
	l, err := ledger.Open(t.Context(), w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		if _, err := l.Recorder("gate/shop", 0).Record(t.Context(), event.Durable, &event.SourceStop{}); err != nil {
			t.Fatal(err)
		}
		if err := l.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func (w *world) checkpoint(t *testing.T) []byte {
	t.Helper()
	text, err := w.log().Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (w *world) log() tiles.Reader { return tiles.Reader{Dir: filepath.Join(w.cfg.Dir, "log")} }

// TestLedgerIsCosigned: a ledger with a witness publishes only cosigned
// checkpoints, through Tessera's own client.
func TestLedgerIsCosigned(t *testing.T) {
	w := newWorld(t)
	w.cfg.Witnesses = []ledger.Witness{{Key: w.vkey, URL: w.http.URL}}
	w.grow(t, 3)
	w.grow(t, 2)
	keys := proof.Keys{Log: w.key, Witnesses: []string{w.vkey}, Quorum: 1}
	cp, err := proof.ParseCheckpoint(w.checkpoint(t), keys)
	if err != nil || cp.Size != 5 || len(cp.Witnesses) != 1 {
		t.Fatalf("%+v, %v", cp, err)
	}
	report, err := ledger.Verify(t.Context(), w.cfg.Dir, ledger.VerifyOptions{Keys: keys})
	if err != nil || !report.OK() {
		t.Errorf("%v, %+v", err, report)
	}
}

// TestTwoHistories: the witness refuses a log that is not a continuation.
func TestTwoHistories(t *testing.T) {
	w := newWorld(t)
	fork := *w
	fork.cfg.Dir = filepath.Join(t.TempDir(), "fork")
	if err := os.CopyFS(fork.cfg.Dir, os.DirFS(w.cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(fork.cfg.Dir, "keys/checkpoint.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.grow(t, 3)
	fork.grow(t, 4)
	post(t, w, http.StatusOK, 0, 0, w)
	post(t, w, http.StatusOK, 3, 0, w)                      // again, the same
	post(t, w, http.StatusConflict, 0, 0, w)                // the old size is not what it cosigned
	post(t, w, http.StatusUnprocessableEntity, 3, 4, &fork) // a fork with a proof of its own
	w.grow(t, 2)
	post(t, w, http.StatusOK, 3, 5, w)
	post(t, w, http.StatusConflict, 3, 4, &fork) // the witness is at 5
}

// post sends a checkpoint of from with the consistency proof old → size.
func post(t *testing.T, w *world, want int, old, size uint64, from *world) {
	t.Helper()
	body := fmt.Sprintf("old %d\n", old)
	if old > 0 && size > old {
		path, err := from.log().Consistency(t.Context(), old, size)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range path {
			body += base64.StdEncoding.EncodeToString(h[:]) + "\n"
		}
	}
	body += "\n" + string(from.checkpoint(t))
	postBody(t, w, want, body)
}

func postBody(t *testing.T, w *world, want int, body string) string {
	t.Helper()
	resp, err := http.Post(w.http.URL+"/add-checkpoint", "text/plain", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out bytes.Buffer
	if _, err := out.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != want {
		t.Errorf("got %s %q, want %d", resp.Status, out.String(), want)
	}
	return out.String()
}

func TestBadRequests(t *testing.T) {
	w := newWorld(t)
	w.grow(t, 1)
	cp := string(w.checkpoint(t))
	for name, c := range map[string]struct {
		want int
		body string
	}{
		"empty":           {http.StatusBadRequest, ""},
		"no old":          {http.StatusBadRequest, "new 0\n\n" + cp},
		"old with zeros":  {http.StatusBadRequest, "old 00\n\n" + cp},
		"old too big":     {http.StatusBadRequest, "old 2\n\n" + cp},
		"bad hash":        {http.StatusBadRequest, "old 0\nabc\n\n" + cp},
		"too many hashes": {http.StatusBadRequest, "old 0\n" + strings.Repeat(base64.StdEncoding.EncodeToString(make([]byte, 32))+"\n", 64) + "\n" + cp},
		"needless hash":   {http.StatusUnprocessableEntity, "old 0\n" + base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\n\n" + cp},
		"unknown log":     {http.StatusNotFound, "old 0\n\n" + strings.Replace(cp, "sekisho/shop\n", "sekisho/else\n", 1)},
		"bad signature":   {http.StatusForbidden, "old 0\n\n" + strings.Replace(cp, "\n1\n", "\n2\n", 1)},
		"no checkpoint":   {http.StatusBadRequest, "old 0\n\nhello\n"},
		"too long":        {http.StatusBadRequest, "old 0\n\n" + cp + strings.Repeat("x", maxBody)},
	} {
		t.Run(name, func(t *testing.T) { postBody(t, w, c.want, c.body) })
	}
	if out := postBody(t, w, http.StatusConflict, "old 1\n\n"+cp); out != "0\n" {
		t.Errorf("conflict: got %q, want the size that the witness has", out)
	}
}

// TestHeads: the witness holds the newest heads and refuses to go back.
func TestHeads(t *testing.T) {
	w := newWorld(t)
	var all [][]byte
	w.cfg.OnHeads = func(text []byte) { all = append(all, text) }
	w.grow(t, 1)
	w.grow(t, 1)
	client := Client{URL: w.http.URL}
	if len(all) < 2 {
		t.Fatalf("%d heads", len(all))
	}
	for _, text := range all {
		if err := client.PushHeads(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.PushHeads(t.Context(), all[0]); !errors.Is(err, ErrRolledBack) {
		t.Errorf("older heads: got %v, want ErrRolledBack", err)
	}
	got, err := client.Heads(context.Background(), "sekisho/shop")
	if err != nil || !bytes.Equal(got, all[len(all)-1]) {
		t.Errorf("%v\n%s", err, got)
	}
	forged := bytes.Replace(all[0], []byte("gate/shop"), []byte("gate/shot"), 1)
	if err := client.PushHeads(t.Context(), forged); err == nil || errors.Is(err, ErrRolledBack) {
		t.Errorf("forged heads: %v", err)
	}
	report, err := ledger.Verify(t.Context(), w.cfg.Dir, ledger.VerifyOptions{Heads: [][]byte{got}})
	if err != nil || !report.OK() {
		t.Errorf("%v, %+v", err, report)
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte("old 3\n" + base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\n\nsekisho/shop\n3\nAAAA\n\n— x y\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := parseRequest(body)
		if err == nil && (len(r.path) > maxPath || r.old > 1<<63) {
			t.Fatalf("%+v", r)
		}
	})
}
