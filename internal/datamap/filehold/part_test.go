package filehold

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sekisho/internal/datamap/document"
	"sekisho/internal/event"
	"sekisho/proof/scope"
)

// ledger collects what a world records, as lines of a ledger.
type ledger struct {
	w     *world
	now   time.Time
	lines [][]byte
}

func newLedger(t *testing.T) *ledger {
	l := &ledger{w: newWorld(t), now: time.Unix(1_000_000, 0)}
	l.w.tree.cfg.Now = func() time.Time { l.now = l.now.Add(time.Millisecond); return l.now }
	return l
}

// read reads a tree of some objects, a minute after the last time.
func (l *ledger) read(t *testing.T, all ...document.Object) []string {
	t.Helper()
	l.now = l.now.Add(time.Minute)
	l.w.tree.cfg.Store = store(all)
	got := l.w.scan()
	for _, b := range l.w.rec.Bodies() {
		l.now = l.now.Add(time.Millisecond)
		e := &event.Event{Tenant: "test", Source: "scan/www", Seq: event.Seq(len(l.lines) + 1), At: l.now, Body: b}
		l.lines = append(l.lines, event.Append(nil, e))
	}
	return got
}

// held is how many were ever held since a time, or from it until to.
func (l *ledger) held(t *testing.T, from, to time.Time) uint64 {
	t.Helper()
	r, _, err := scope.Evaluate(l.lines, scope.Query{Places: []string{"www"}, From: from, To: to})
	if err != nil {
		t.Fatal(err)
	}
	return r.EverHeld.Subjects
}

// TestInPart: who was in a file counts as resting there until the file was read to its
// end without them, and who is found in the part that was read counts beside them.
func TestInPart(t *testing.T) {
	const head = "氏名,メールアドレス\n"
	row := func(names ...string) (text string) {
		for _, n := range names {
			text += "," + n + "@mail.example\n"
		}
		return head + text
	}
	for _, trouble := range []document.Trouble{document.Damaged, document.Limit, document.Changed, document.Unreadable} {
		t.Run(trouble.String(), func(t *testing.T) {
			l := newLedger(t)
			for i, n := range []string{"taro", "hanako", "jiro", "sakura"} {
				l.w.owners[n+"@mail.example"] = uint32(7 + i)
			}
			l.read(t, object("a.csv", 1, row("taro", "hanako", "somebody"), 0))
			if n := l.held(t, l.now, time.Time{}); n != 3 {
				t.Fatalf("%d of 3 at first", n)
			}
			got := l.read(t, object("a.csv", 2, row("taro", "jiro"), trouble))
			if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "SK3201 www/a.csv "+trouble.String()) }) {
				t.Errorf("not told: %q", got)
			}
			if n := l.held(t, l.now, time.Time{}); n != 4 {
				t.Errorf("%d of 4 after it was read in part", n)
			}
			l.read(t, object("a.csv", 3, row("sakura"), trouble))
			if n := l.held(t, l.now, time.Time{}); n != 5 {
				t.Errorf("%d of 5 after it was read in part again", n)
			}
			// A restart knows as much.
			l.w.tree = New(l.w.config(map[event.Place]map[event.SubjectSource]bool{"www/a.csv": {"shop.customers": true, Unknown: true}}))
			l.w.tree.cfg.Now = func() time.Time { l.now = l.now.Add(time.Millisecond); return l.now }
			l.read(t, object("a.csv", 3, row("sakura"), trouble))
			part := l.now
			if n := l.held(t, part, time.Time{}); n != 5 {
				t.Errorf("%d of 5 after a restart", n)
			}
			l.read(t, object("a.csv", 4, row("sakura"), 0))
			if n := l.held(t, l.now, time.Time{}); n != 1 {
				t.Errorf("%d of 1 after it was read to its end", n)
			}
			if n := l.held(t, part, part.Add(time.Second)); n != 5 {
				t.Errorf("%d of 5 before it was read to its end", n)
			}
			if r := l.read(t, object("b.csv", 9, "x", 0)); !slices.ContainsFunc(r, func(s string) bool { return strings.HasSuffix(s, " of 0") }) {
				t.Errorf("gone: %q", r)
			}
			if n := l.held(t, l.now.Add(time.Second), l.now.Add(time.Minute)); n != 0 {
				t.Errorf("%d after it was gone", n)
			}
		})
	}
}
