package revproxy

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"sekisho/internal/element"
)

// What went out of a response that is given up on the way is counted, whoever gave
// it up and whatever stood at its end.
func TestGivenUpStreamIsCounted(t *testing.T) {
	for name, c := range map[string]struct {
		kind, body, outcome, unread string
		upstream                    bool // it gives up, else the client
		stalls                      bool // the client takes no more
		cards                       Mode
	}{
		"the client, guarded":     {kind: "text/html", body: "<p>taro@example.jp", outcome: "aborted", cards: Enforce},
		"the client, not guarded": {kind: "text/html", body: "<p>taro@example.jp", outcome: "aborted", cards: Off},
		"the upstream":            {kind: "text/html", body: "<p>taro@example.jp", outcome: "upstream", upstream: true, cards: Enforce},
		"a client that stalls":    {kind: "text/html", body: "<p>taro@example.jp", outcome: "aborted", stalls: true, cards: Enforce},
		"no text, stalled":        {kind: "image/png", body: "\x89PNG", outcome: "aborted", unread: "no text", stalls: true, cards: Enforce},
		"no text":                 {kind: "image/png", body: "\x89PNG", outcome: "aborted", unread: "no text", cards: Enforce},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan struct{})
			w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Type", c.kind)
				_, _ = io.WriteString(rw, c.body+" ")
				_ = http.NewResponseController(rw).Flush()
				if c.upstream {
					<-got
					panic(http.ErrAbortHandler)
				}
				for r.Context().Err() == nil { // more, until nobody takes it
					if _, err := io.WriteString(rw, "words and words\n"); err != nil {
						return
					}
					_ = http.NewResponseController(rw).Flush()
				}
			}, func(cfg *Config) { cfg.Hosts[0].Cards, cfg.Limits.Send = c.cards, 50*time.Millisecond })
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			r, err := http.NewRequestWithContext(ctx, "GET", w.url+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = "shop.example.jp"
			r.Header.Set("User-Agent", "Mozilla/5.0")
			r.Header.Set("Accept", "*/*")
			a, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Body.Close()
			if _, err := io.ReadFull(a.Body, make([]byte, len(c.body))); err != nil {
				t.Fatal(err)
			}
			close(got)
			if c.upstream {
				_, _ = io.Copy(io.Discard, a.Body) // to where it breaks off
			}
			if !c.stalls {
				leave()
			}
			ends := w.ends(t)
			if len(ends) != 1 || ends[0].Outcome != c.outcome || ends[0].Unread != c.unread {
				t.Fatalf("%+v, want outcome %s, not read %q", *ends[0], c.outcome, c.unread)
			}
			if email := element.MaskOf(element.Email); c.unread == "" && (ends[0].Elements != email || len(ends[0].Counts) != 1 || ends[0].Counts[0].Count != 1) {
				t.Errorf("%v of %v, want one e-mail address", ends[0].Counts, ends[0].Elements)
			}
		})
	}
}

// An encoding that nobody takes off is no text in which nothing was found.
func TestEncodedStreamIsNoText(t *testing.T) {
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		rw.Header().Set("Content-Encoding", "zstd")
		_, _ = io.WriteString(rw, "\x28\xb5\x2f\xfd")
	}, func(c *Config) { c.Hosts[0].Cards, c.Hosts[0].Firewall = Off, Off })
	if _, _, err := w.get(t, "/"); err != nil {
		t.Fatal(err)
	}
	if ends := w.ends(t); len(ends) != 1 || ends[0].Unread != "no text" {
		t.Errorf("%+v, want that no text was there", ends)
	}
}
