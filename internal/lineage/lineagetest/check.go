package lineagetest

import (
	"context"
	"fmt"
	"strings"

	"sekisho/internal/lineage"
)

// Tally counts what Check saw.
type Tally struct {
	Refused  int // statements the server refused
	Run      int // statements that ran
	Opaque   int
	Bare     int
	Exact    int // crossings with every entry exact
	Bounded  int
	Injected int // statements that keys were added to
	Sharp    int // crossings with confirmed = truth = reachable
}

// String returns one line.
func (t Tally) String() string {
	return fmt.Sprintf("refused %d, run %d: opaque %d, bare %d, exact %d, bounded %d, injected %d; sharp %d",
		t.Refused, t.Run, t.Opaque, t.Bare, t.Exact, t.Bounded, t.Injected, t.Sharp)
}

// Check runs a statement, finds its truth and returns what the analysis claims
// wrongly: nothing, if it is sound.
func (w *World) Check(ctx context.Context, st Statement, an *lineage.Analysis, tally *Tally) ([]string, error) {
	got, err := w.Run(ctx, st)
	if err != nil {
		tally.Refused++
		return nil, nil
	}
	tally.Run++
	truth, err := w.Truth(ctx, st, an.Bare)
	if err != nil {
		return nil, err
	}
	claim := Attribute(an, got, w.Held)
	switch {
	case an.Opaque != "":
		tally.Opaque++
	case an.Bare:
		tally.Bare++
	case claim.Bounded:
		tally.Bounded++
	default:
		tally.Exact++
	}
	var problems []string
	for s := range claim.Confirmed {
		if !truth.Has(s) {
			problems = append(problems, fmt.Sprintf("confirmed but not true: %v", s))
		}
	}
	for s := range truth.Deleted {
		if _, ok := claim.Reachable[s]; !ok {
			problems = append(problems, fmt.Sprintf("true (deleted) but not reachable: %v", s))
		}
	}
	// A changed row moves in the storage, and a limit may cut elsewhere then:
	// which element did it does not count.
	cut := strings.Contains(st.SQL, "LIMIT") || strings.Contains(st.SQL, "OFFSET") || strings.Contains(st.SQL, "OVER") || st.Take > 0
	for s, m := range truth.Changed {
		if an.Bare && cut {
			break
		}
		if _, ok := claim.Reachable[s]; cut && ok {
			continue
		}
		if missing := m &^ claim.Reachable[s]; missing != 0 {
			problems = append(problems, fmt.Sprintf("true (changed %s) but not reachable: %v", missing, s))
		}
	}
	sharp := len(problems) == 0 && len(claim.Confirmed) == len(claim.Reachable)
	for s := range claim.Reachable {
		sharp = sharp && truth.Has(s)
	}
	if sharp && !an.Bare {
		tally.Sharp++
	}
	return problems, nil
}

// CheckInjection runs a statement with and without added keys and returns what
// is wrong: other rows than before, or a claim that does not hold.
func (w *World) CheckInjection(ctx context.Context, st Statement, in *lineage.Injection, tally *Tally) ([]string, error) {
	text, ok := in.Insert(st.SQL)
	if !ok {
		return []string{"no place to insert"}, nil
	}
	before, err := w.Run(ctx, st)
	if err != nil {
		return nil, nil
	}
	after, err := w.Run(ctx, Statement{SQL: text, Params: st.Params, Take: st.Take})
	if err != nil {
		return []string{"does not run with keys: " + err.Error()}, nil
	}
	stripped := after
	stripped.Rows = make([][]*string, len(after.Rows))
	for i, row := range after.Rows {
		stripped.Rows[i] = row[:len(row)-len(in.Columns)]
	}
	if !strings.Contains(st.SQL, "LIMIT") && st.Take == 0 && image(before, nil) != image(stripped, nil) {
		return []string{"other rows with keys"}, nil
	}
	tally.Injected++
	return w.Check(ctx, Statement{SQL: text, Params: st.Params, Take: st.Take}, in.With, tally)
}

// Describe writes an analysis on one line, for people.
func Describe(an *lineage.Analysis) string {
	var b strings.Builder
	if an.Opaque != "" {
		fmt.Fprintf(&b, "opaque %q ", an.Opaque)
	}
	if an.Bare {
		b.WriteString("bare ")
	}
	if an.Aggregate {
		b.WriteString("aggregate ")
	}
	if an.Predicate != 0 {
		fmt.Fprintf(&b, "predicate{%s} ", an.Predicate)
	}
	if an.TaintsSession {
		b.WriteString("taints-session ")
	}
	b.WriteString("cols[")
	for i, c := range an.Columns {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "{%s}", c.Elements)
		if len(c.Entries) > 0 {
			fmt.Fprintf(&b, "%v", c.Entries)
		}
	}
	b.WriteString("]")
	for i, e := range an.Entries {
		fmt.Fprintf(&b, " #%d %s{%s}", i, name(string(e.Table)), e.Elements)
		b.WriteString(by(e.KeyBy, e.Ordinal))
		if e.Reason != "" {
			fmt.Fprintf(&b, " %q", e.Reason)
		}
		if e.ConfirmBy != lineage.KeyNone {
			b.WriteString(" confirm" + by(e.ConfirmBy, e.ConfirmOrdinal))
		}
		if e.Whole {
			b.WriteString(" whole")
		}
		if e.Pinned {
			b.WriteString(" pinned")
		}
		if e.Identifier >= 0 {
			fmt.Fprintf(&b, " identifier=%d:%s", e.Identifier, e.IdentifierElement)
		}
	}
	for _, w := range an.Writes {
		fmt.Fprintf(&b, " write %s %s{%s}%s", w.Op, name(string(w.Table)), w.Taints, by(w.KeyBy, w.Ordinal))
		if len(w.KeyParams) > 0 {
			fmt.Fprintf(&b, "%v", w.KeyParams)
		}
		for _, c := range w.Columns {
			fmt.Fprintf(&b, " others' %s{%s}", c.Name, c.Elements)
		}
		for _, c := range w.Own {
			fmt.Fprintf(&b, " own %s{%s}", c.Name, c.Elements)
		}
		if w.Rows != 0 {
			fmt.Fprintf(&b, " rows{%s}", w.Rows)
		}
		if w.Triggers {
			b.WriteString(" triggers")
		}
	}
	if an.Injectable != nil {
		fmt.Fprintf(&b, " inject%q@%d", an.Injectable.Columns, an.Injectable.At)
	}
	return b.String()
}

func name(place string) string {
	_, after, _ := strings.Cut(place, "/")
	return strings.TrimPrefix(after, "public.")
}

func by(k lineage.KeyBy, ordinal int) string {
	switch k {
	case lineage.KeyColumn:
		return fmt.Sprintf(" column %d", ordinal)
	case lineage.KeyParam:
		return fmt.Sprintf(" $%d", ordinal)
	case lineage.KeyParams:
		return " params"
	}
	return " -"
}
