package pgproxy

import (
	"bytes"
	"testing"
	"time"

	"sekisho/internal/policy"
)

// A break-glass holds to the moment, in a session that stays open and for a
// statement that was allowed before.
func TestGrantEndsInAnOpenSession(t *testing.T) {
	p, err := policy.Compile(&policy.Source{Generation: 1, Default: "deny",
		BreakGlass: &policy.BreakGlassSource{Requesters: []string{"ayame"}, Approvers: []string{"botan"}, Longest: "1h"}})
	if err != nil {
		t.Fatal(err)
	}
	const sql = "SELECT id, name, email FROM customers WHERE id > 3"
	b := newBench(t, nil)
	b.an.by[sql] = exactByColumn()
	begin := time.Unix(0, b.e.clock).UTC()
	b.g.current.Store(&Rules{Policy: p, Mode: policy.Enforce, Grants: []policy.Grant{{ID: "bg-1", User: "app", Database: "shop",
		Elements: personal, Requester: "ayame", Approver: "botan", From: begin, Until: begin.Add(10 * time.Minute), Purpose: "lost"}}})
	for _, c := range []struct {
		after   time.Duration
		refused bool
	}{{-time.Second, true}, {0, false}, {9*time.Minute + 59*time.Second, false}, {9*time.Minute + 59*time.Second + 500*time.Millisecond, false}, {10 * time.Minute, true}, {time.Hour, true}} {
		b.e.clock = begin.Add(c.after).UnixNano()
		if got := bytes.Contains(b.client(q(sql)), []byte(failingText)); got != c.refused {
			t.Errorf("%v after it began: refused=%v", c.after, got)
		}
		b.server(fails("42601"), ready('I'))
	}
}
