package main

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/proof"
	"sekisho/proof/scope"
)

// TestVerifyMoreDestinations: a bundle of before the answer said how many further
// destinations there were is verified as it is; one that says a wrong number is
// not.
func TestVerifyMoreDestinations(t *testing.T) {
	from := time.Date(2026, 3, 19, 9, 0, 0, 0, time.UTC)
	checked, lines := &proof.Checked{}, [][]byte(nil)
	for i := range 103 {
		line := fmt.Appendf(nil, `{"t":"t","s":"gate/out","w":0,"n":1,"at":%d,"ce":0,"k":%d,"p":"","b":{"id":"M%d","place":"egress/out","protocol":"connect","client":"10.0.0.9","host":"h%d.example","port":443,"action":"report","step":"mode","rule":"mode report"}}`,
			from.Add(time.Duration(i)*time.Second).UnixNano(), event.KindFlow, i, i)
		checked.Lines, lines = append(checked.Lines, proof.Line{Text: line}), append(lines, line)
	}
	r, _, err := scope.Evaluate(lines, scope.Query{From: from, To: from.Add(time.Hour)})
	if err != nil || r.Leaving == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	for more, good := range map[int]bool{3: true, 0: true, 2: false} {
		r.Leaving.MoreDestinations = more
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := sameAgain(&proof.Bundle{Scope: text}, checked); (err == nil) != good {
			t.Errorf("%d more of 3: %v", more, err)
		}
	}
}
