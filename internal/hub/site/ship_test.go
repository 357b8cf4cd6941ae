package site

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/hub/frame"
	_ "sekisho/internal/seed"
)

// recorded is a site's ledger in memory.
type recorded struct {
	lines [][]byte
	heads map[chainName]event.Digest
	seqs  map[chainName]event.Seq
	idle  func() // everything was sent
}

func emptyRecord() *recorded {
	return &recorded{heads: map[chainName]event.Digest{}, seqs: map[chainName]event.Seq{}}
}

func (r *recorded) add(source string, worker uint16) {
	c := chainName{source, worker}
	r.seqs[c]++
	e := &event.Event{Tenant: "test", Source: event.Source(source), Worker: worker, Seq: r.seqs[c], At: time.Unix(1, 0), Prev: r.heads[c], Body: &event.Heartbeat{}}
	line := bytes.TrimSuffix(event.Append(nil, e), []byte{'\n'})
	r.heads[c] = event.Sum(line)
	r.lines = append(r.lines, line)
}

// Scan implements Lines.
func (r *recorded) Scan(_ context.Context, from event.Index, fn func(event.Index, []byte) error) error {
	for i := from; int(i) < len(r.lines); i++ {
		if err := fn(i, r.lines[i]); err != nil {
			return err
		}
	}
	return nil
}

// Wait implements Lines.
func (r *recorded) Wait(ctx context.Context, next event.Index) (event.Index, error) {
	if int(next) < len(r.lines) {
		return r.Head(), nil
	}
	r.idle()
	return 0, ctx.Err()
}

// Head implements Lines.
func (r *recorded) Head() event.Index { return event.Index(len(r.lines)) }

// What becomes of a request.
const (
	answered = iota
	refused  // nothing of it is taken
	lost     // it is taken, and nobody hears of it
	halved   // a part is taken, and nobody hears of it
	kinds
)

// taker is a hub in memory: it keeps what continues its chains, as a ledger does.
type taker struct {
	lines [][]byte
	seqs  map[chainName]uint64
	fate  func() int
	bad   error // a line that does not follow
}

// RoundTrip implements http.RoundTripper.
func (k *taker) RoundTrip(r *http.Request) (*http.Response, error) {
	fate := k.fate()
	if fate == refused {
		return nil, errors.New("away")
	}
	var answer any
	if r.Body == nil || strings.HasSuffix(r.URL.Path, "/heads") {
		var heads frame.Heads
		for c, seq := range k.seqs {
			heads.Heads = append(heads.Heads, frame.Head{Source: c.source, Worker: c.worker, Seq: seq})
		}
		answer = heads
	} else {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		lines := bytes.Split(bytes.TrimSuffix(body, []byte{'\n'}), []byte{'\n'})
		if fate == halved {
			lines = lines[:len(lines)/2]
		}
		k.take(lines)
		answer = frame.Taken{Lines: len(lines)}
	}
	if fate != answered {
		return nil, errors.New("the connection broke")
	}
	text, err := json.Marshal(answer)
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(text)), Request: r}, err
}

func (k *taker) take(lines [][]byte) {
	for _, line := range lines {
		h, err := event.ParseHeader(line)
		c := chainName{string(h.Source), h.Worker}
		switch due := k.seqs[c] + 1; {
		case err != nil || uint64(h.Seq) > due:
			k.bad = errors.Join(k.bad, fmt.Errorf("%s/%d/%d is sent, %d is due (%v)", c.source, c.worker, h.Seq, due, err))
		case uint64(h.Seq) == due:
			k.seqs[c] = due
			k.lines = append(k.lines, slices.Clone(line))
		}
	}
}

// TestShipProperty: whatever breaks when, what the hub has is what the site recorded
// first, in its order and once each. On that order rests what a hub says of a place
// whose record has not arrived.
func TestShipProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ledger := emptyRecord()
		fates := rapid.SliceOfN(rapid.IntRange(0, kinds-1), 0, 30).Draw(rt, "fates")
		hub := &taker{seqs: map[chainName]uint64{}}
		hub.fate = func() int {
			if len(fates) == 0 {
				return answered
			}
			fate := fates[0]
			fates = fates[1:]
			return fate
		}
		client := &http.Client{Transport: hub}
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		ships := func(source string) bool { return strings.HasSuffix(source, "@osaka") }
		start := func() *Site {
			s := &Site{cfg: Config{Dir: dir, Files: durable.Dir(dir), Log: slog.New(slog.DiscardHandler), Lines: ledger, Ships: ships, Now: time.Now}, member: &Membership{Hub: "https://hub"}}
			if err := s.readShipped(); err != nil {
				rt.Fatal(err)
			}
			return s
		}
		check := func() {
			if hub.bad != nil {
				rt.Fatal(hub.bad)
			}
			due := slices.DeleteFunc(slices.Clone(ledger.lines), func(line []byte) bool {
				h, err := event.ParseHeader(line)
				return err != nil || !ships(string(h.Source))
			})
			if len(hub.lines) > len(due) || !slices.EqualFunc(hub.lines, due[:len(hub.lines)], bytes.Equal) {
				rt.Fatalf("the hub has %d lines that are not the first of %d", len(hub.lines), len(due))
			}
			if len(fates) == 0 && len(hub.lines) != len(due) {
				rt.Fatalf("nothing is broken any more, and the hub has %d of %d lines", len(hub.lines), len(due))
			}
		}
		s := start()
		var kept []byte // an older position, which a power cut may bring back
		ship := func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ledger.idle = cancel
			for ctx.Err() == nil {
				_ = s.shipOver(ctx, client) // it always fails: the hub is away, or all is sent
			}
		}
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			for range rapid.IntRange(0, 20).Draw(rt, "events") {
				ledger.add(rapid.SampledFrom([]string{"gate/shop-db@osaka", "scan/shop@osaka", "process", "gate/out@osaka"}).Draw(rt, "source"),
					uint16(rapid.IntRange(0, 1).Draw(rt, "worker")))
			}
			switch rapid.IntRange(0, 3).Draw(rt, "then") {
			case 0: // killed
				s = start()
			case 1:
				if kept, err = os.ReadFile(filepath.Join(dir, shippedFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
					rt.Fatal(err)
				}
			case 2:
				if kept != nil {
					if err := os.WriteFile(filepath.Join(dir, shippedFile), kept, 0o600); err != nil {
						rt.Fatal(err)
					}
					s = start()
				}
			}
			ship()
			check()
		}
		fates = nil
		ship()
		check()
	})
}
