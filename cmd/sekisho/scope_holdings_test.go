package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"sekisho/internal/lang"
	"sekisho/proof/scope"
)

// TestScopeSaysOfFewHoldings: of a folder with many files the screen names as many as of
// anything else, those first of which nothing is known.
func TestScopeSaysOfFewHoldings(t *testing.T) {
	var r scope.Result
	for i := range 1000 {
		r.Coverage.Holdings = append(r.Coverage.Holdings, scope.Holding{Table: fmt.Sprintf("www/%04d.csv", i), Provisional: true, LastScan: time.Unix(1, 0), Unknown: i == 900})
	}
	r.Coverage.Holdings = append(r.Coverage.Holdings, scope.Holding{Table: "www/never.csv"})
	var out bytes.Buffer
	s := &scopeText{w: &out, say: texts.In(lang.English)}
	s.coverage(&r)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != maxShown+1 || !strings.Contains(lines[0], "www/never.csv") || !strings.Contains(lines[1], "www/0900.csv") || !strings.Contains(lines[maxShown], "981") {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
}
