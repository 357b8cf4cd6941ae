package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/config"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/event"
	"sekisho/internal/ledger"
)

// TestSearch: whatever is asked for, and wherever the newest events in memory
// end, the pages together hold exactly what a look at every event finds, the
// newest first. Asked again, when it is known what is where, too.
func TestSearch(t *testing.T) {
	begin := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	clock := begin
	cfg := ledger.Config{Dir: filepath.Join(t.TempDir(), "ledger"), Tenant: "shop", Now: func() time.Time { return clock }}
	if err := ledger.Init(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	rng := rand.New(rand.NewPCG(4, 8))
	c := &console{process: &process{ledger: l, cfg: &config.Loaded{Config: &config.Config{}}, now: time.Now}}
	const parts, each = 6, 60
	var all []recentLine
	for part := range parts {
		for i := range each {
			clock = clock.Add(time.Duration(rng.IntN(5)-1) * time.Minute) // also backwards
			source, body := event.Source(fmt.Sprintf("gate/g%d", rng.IntN(2)+part/3)), event.Body(&event.Heartbeat{})
			switch rng.IntN(6) {
			case 0:
				body = &event.SessionOpen{Session: event.Session(i % 9), User: "Ayame", Place: "shop"}
			case 1:
				body = &event.SessionClose{Session: event.Session(i % 9), Reason: "終わり"}
			case 2:
				source, body = "detect", &event.Finding{Code: "SK3901", Title: "a Host was never seen", Place: "egress", Detail: fmt.Sprintf("pc-%d", i)}
			case 3:
				if part == 1 {
					body = &event.KeyDestroyed{KeyID: "k1"}
				}
			}
			if _, err := l.Recorder(source, 0).Record(t.Context(), event.Written, body); err != nil {
				t.Fatal(err)
			}
		}
		if part < parts-1 {
			if err := l.Seal(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := l.Wait(t.Context(), parts*each-1); err != nil {
		t.Fatal(err)
	}
	for _, kept := range []bool{false, true} {
		if kept { // what stays of what retention lets go is found, too
			if _, err := l.Retain(t.Context(), ledger.RetentionPolicy{Name: "test", MaxAge: clock.Sub(begin) / 2}); err != nil {
				t.Fatal(err)
			}
			c.seen = seenKinds{}
			first, err := l.First()
			if err != nil || first == 0 {
				t.Fatalf("nothing was let go: %d, %v", first, err)
			}
			seenSince(t, c, event.Time(headerAt(t, l, first)))
		}
		all = nil
		if err := l.Scan(t.Context(), 0, func(i event.Index, line []byte) error {
			all = append(all, recentLine{index: i, line: bytes.Clone(line)})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		searchedAs(t, c, rng, begin, all)
		if len(c.seen.kinds) < parts-1 {
			t.Errorf("the kinds of %d segments are known, want %d at least", len(c.seen.kinds), parts-1)
		}
	}
}

func headerAt(t *testing.T, l *ledger.Ledger, index event.Index) (at int64) {
	t.Helper()
	if err := l.ScanTo(t.Context(), index, index+1, func(_ event.Index, line []byte) error {
		h, err := event.ParseHeader(line)
		at = h.At
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return at
}

// seenSince: what is said to be seen since a time does not begin with what stayed of
// those that retention let go.
func seenSince(t *testing.T, c *console, want time.Time) {
	t.Helper()
	if got, err := c.oldest(t.Context()); err != nil || !got.Equal(want) {
		t.Errorf("the oldest is of %s, want %s, %v", got, want, err)
	}
	if got, err := c.backwards(t.Context(), func(*event.Event) {}, event.KindFinding); err != nil || !got.Equal(want) {
		t.Errorf("looked back to %s, want %s, %v", got, want, err)
	}
	c.recent = recent{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.follow(ctx) }()
	c.until(t, "the newest events", func() bool {
		c.recent.mu.Lock()
		defer c.recent.mu.Unlock()
		n := len(c.recent.lines)
		return n > 0 && c.recent.lines[n-1].index+1 == c.ledger.Head()
	})
	if got, from := c.recent.newest(1e6, func(*event.Event) bool { return true }, event.KindFinding); !got.Equal(want) || from != 0 {
		t.Errorf("in memory since %s from %d, want %s", got, from, want)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// searchedAs asks about everything in many ways, with more and fewer of the newest in
// memory.
func searchedAs(t *testing.T, c *console, rng *rand.Rand, begin time.Time, all []recentLine) {
	t.Helper()
	for _, near := range []int{0, 20, 150} {
		c.recent = recent{}
		for _, e := range all[len(all)-near:] {
			if err := c.recent.add(e.index, e.line); err != nil {
				t.Fatal(err)
			}
		}
		for range 40 {
			q := anyQuery(rng, begin, c.ledger.Head())
			want := foundIn(t, all, q)
			for range 2 {
				if diff := cmp.Diff(want, searched(t, c, q, all)); diff != "" {
					t.Fatalf("%d near, %+v (-want +got):\n%s", near, q, diff)
				}
			}
		}
	}
}

func anyQuery(rng *rand.Rand, begin time.Time, end event.Index) consoleoffice.EventQuery {
	q := consoleoffice.EventQuery{Limit: 1 + rng.IntN(40), Whole: rng.IntN(2) == 0}
	pick := func(of ...string) string { return of[rng.IntN(len(of))] }
	if rng.IntN(2) == 0 {
		q.Kinds = []string{pick("session-open", "heartbeat", "finding", "key-destroyed", "crossing")}
	}
	if rng.IntN(3) == 0 {
		q.Text = pick("host", "AYAME", "終わり", "pc-7", "nowhere", `"`)
	}
	if rng.IntN(3) == 0 {
		q.Source = pick("gate/", "gate/g0", "detect", "mail")
	}
	if rng.IntN(4) == 0 {
		q.Session = uint64(1 + rng.IntN(9))
	}
	if rng.IntN(3) == 0 {
		q.From = begin.Add(time.Duration(rng.IntN(700)) * time.Minute)
	}
	if rng.IntN(3) == 0 {
		q.To = begin.Add(time.Duration(rng.IntN(700)) * time.Minute)
	}
	if rng.IntN(3) == 0 {
		q.Before = event.Index(1 + rng.IntN(int(end)))
	}
	return q
}

// foundIn is what a query asks for, by looking at every event.
func foundIn(t *testing.T, all []recentLine, q consoleoffice.EventQuery) (out []event.Index) {
	for _, l := range slices.Backward(all) {
		e, err := event.Parse(l.line)
		if err != nil {
			t.Fatal(err)
		}
		kind := kindName(e.Body.Kind())
		switch {
		case q.Before > 0 && l.index >= q.Before,
			len(q.Kinds) > 0 && !slices.Contains(q.Kinds, kind),
			len(q.Kinds) == 0 && kind == "heartbeat" && q.Source == "" && !q.Whole,
			!strings.HasPrefix(string(e.Source), q.Source),
			!q.From.IsZero() && e.At.Before(q.From),
			!q.To.IsZero() && !e.At.Before(q.To),
			!strings.Contains(strings.ToLower(string(l.line)), strings.ToLower(q.Text)),
			q.Session != 0 && sessionOf(e.Body) != q.Session:
			continue
		}
		out = append(out, l.index)
	}
	return out
}

// searched goes from page to page. Each leads on, none is too long, and together
// they looked at every event, or know of it; of those that stayed when others of their
// segment went, it is not known how many there are before they are read.
func searched(t *testing.T, c *console, q consoleoffice.EventQuery, all []recentLine) (out []event.Index) {
	left := c.ledger.Head()
	if q.Before > 0 {
		left = q.Before
	}
	first, err := c.ledger.First()
	if err != nil {
		t.Fatal(err)
	}
	there := 0
	for _, l := range all {
		if l.index < left && l.index < first {
			there++
		}
	}
	looked := int(max(left, first) - first)
	for {
		page, err := c.Events(t.Context(), q)
		if err != nil || len(page.Lines) > q.Limit || !page.Done && page.Next >= left {
			t.Fatalf("%+v: %d lines, next %d, %v", q, len(page.Lines), page.Next, err)
		}
		for i := range page.Lines {
			out = append(out, page.Lines[i].Index)
		}
		if looked -= page.Looked; page.Done {
			if looked > 0 || looked < -there {
				t.Fatalf("%+v: %d events were not looked at, of those that stayed there are %d", q, looked, there)
			}
			return out
		}
		left, q.Before = page.Next, page.Next
		if left == 0 {
			return out
		}
	}
}

// TestTextFinder: a text is found where lower case says it is.
func TestTextFinder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	letters := []rune("aAbBzZ1\" -カk\u212aéiI\u0130")
	word := func(most int) string {
		var b strings.Builder
		for range rng.IntN(most + 1) {
			b.WriteRune(letters[rng.IntN(len(letters))])
		}
		return b.String()
	}
	found := 0
	for range 20_000 {
		text, line := word(4), word(60)
		f := newTextFinder(text)
		want := strings.Contains(strings.ToLower(line), strings.ToLower(text))
		if got := f.in([]byte(line)); got != want {
			t.Fatalf("%q in %q: %v, want %v", text, line, got, want)
		}
		if want {
			found++
		}
	}
	if found < 1000 || found > 19_000 {
		t.Errorf("%d of 20,000 were found: the test asks for too much of one", found)
	}
	for r := rune(utf8.RuneSelf); r <= unicode.MaxRune; r++ { // what folds rests on it
		if low := unicode.ToLower(r); low < utf8.RuneSelf && low != 'i' && low != 'k' {
			t.Errorf("the lower case of %U is %q", r, low)
		}
	}
}
