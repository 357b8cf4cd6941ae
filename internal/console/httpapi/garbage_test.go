package httpapi

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sekisho/internal/console/account"
	"sekisho/internal/control"
)

// counted counts what is read of a text that never ends.
type counted struct {
	text string
	n    int
}

func (c *counted) Read(p []byte) (int, error) {
	n := copy(p, strings.Repeat(c.text, 1+len(p)/len(c.text)))
	c.n += n
	return n, nil
}

// TestGarbage sends to every call what is no request: it is refused, and not read
// beyond its limit. The same account is answered afterwards.
func TestGarbage(t *testing.T) {
	w := newWorld(t)
	w.add("ren", account.Viewer)
	token := "Bearer " + w.token("ren", account.See)
	bodies := []string{"\x00\xff", "null null", `{"By":`, `[]`, `{"":{}}`, strings.Repeat("[", 20_000), strings.Repeat(`{"x":`, 20_000)}
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 0x6a7b))
		noise := make([]byte, 1+r.IntN(1<<12))
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		bodies = append(bodies, string(noise))
	}
	for call := range every() {
		for _, body := range bodies {
			if resp := w.ask("POST", call, body, "Authorization", token); resp.Code != http.StatusBadRequest {
				t.Errorf("%s, %.20q: %d", call, body, resp.Code)
			}
		}
	}
	for _, call := range []string{"status", "cut"} {
		for _, begin := range []string{`{"Reason":"`, "[", "", "{} "} {
			endless := &counted{text: " x"}
			r := httptest.NewRequest("POST", control.API+call, io.MultiReader(strings.NewReader(begin), endless))
			r.Header.Set("Authorization", token)
			resp := httptest.NewRecorder()
			w.server.ServeHTTP(resp, r)
			if resp.Code != http.StatusBadRequest {
				t.Errorf("%s, %q and more without end: %d", call, begin, resp.Code)
			}
			if endless.n > 2*maxRequest {
				t.Errorf("%s, %q and more without end: %d bytes were read", call, begin, endless.n)
			}
		}
	}
	for _, head := range []string{"Bearer", "Bearer ", "Bearer \x00", "Basic x", "Bearer " + strings.Repeat("x", 1<<20), token + "x"} {
		if resp := w.ask("POST", "status", "{}", "Authorization", head); resp.Code != http.StatusUnauthorized {
			t.Errorf("%.20q: %d", head, resp.Code)
		}
	}
	for _, path := range []string{"..%2f..%2fcut", "status%00", strings.Repeat("a", 1<<16), fmt.Sprint("status/", 1)} {
		if resp := w.ask("POST", path, "{}", "Authorization", token); resp.Code != http.StatusNotFound {
			t.Errorf("%.20q: %d", path, resp.Code)
		}
	}
	if resp := w.ask("POST", "status", "{}", "Authorization", token); resp.Code != http.StatusOK {
		t.Errorf("afterwards: %d", resp.Code)
	}
}
