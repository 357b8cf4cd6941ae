package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sekisho/internal/control"
	"sekisho/internal/fault"
	"sekisho/internal/person"
	"sekisho/proof/scope"
)

// fixedScope answers every question with the same sets.
type fixedScope struct {
	lines []string // class, source, key
	forms []string // what was asked for
}

func (f *fixedScope) Scope(_ context.Context, r control.ScopeRequest, w io.Writer) error {
	f.forms = append(f.forms, r.Form)
	if r.Form == control.FormList {
		_, err := io.WriteString(w, strings.Join(f.lines, "\n")+"\n# 1 subjects cannot be named: key was destroyed\n")
		return err
	}
	var result scope.Result
	result.Confirmed.Subjects, result.Confirmed.Records = 2, 3
	result.Reachable.Subjects, result.Reachable.Records = 3, 4
	result.EverHeld.Subjects, result.EverHeld.Records = 5, 5
	result.EverHeld.Elements = map[string]uint64{"email": 5}
	return json.NewEncoder(w).Encode(result)
}

func TestScopeInPersons(t *testing.T) {
	dir := t.TempDir()
	rows := []string{"会員番号,氏名,フリガナ,生年月日,メールアドレス,電話番号"}
	for i := range 60 { // a crowd to learn from, every second person twice
		row := fmt.Sprintf("%%d,佐藤 花%c,サトウ ハナ%c,19%02d-0%d-1%d,u%d@example.jp,0901234%04d", '子'+rune(i), []rune("アイウエオカキクケコ")[i%10], 30+i, 1+i%9, i%9, i*7919, i*13)
		rows = append(rows, fmt.Sprintf(row, 100+i))
		if i%2 == 0 {
			rows = append(rows, fmt.Sprintf(row, 200+i))
		}
	}
	file := filepath.Join(dir, "customers.csv")
	if err := os.WriteFile(file, []byte(strings.Join(rows, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(dir, "state")
	s, _, err := person.OpenState(state)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), []person.Source{{Name: "customers", File: file}}, person.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	a := &app{ctx: t.Context()}
	op := &fixedScope{lines: []string{"confirmed\tshop.customers\t100", "confirmed\tshop.customers\t200", "reachable\tshop.customers\t101", "ever held\tshop.customers\t999"}}
	op.lines[3] = scope.EverHeld.String() + "\tshop.customers\t999"
	out, _, err := scopeCmd{Persons: state}.persons(a, op, control.ScopeRequest{By: "ayame"})
	if err != nil {
		t.Fatal(err)
	}
	if p := out.Confirmed.Persons; p.Records != 2 || p.Persons != 1 || out.Confirmed.Subjects != 2 || out.Confirmed.Rows != 3 {
		t.Errorf("confirmed: %+v, want two subjects of one person", out.Confirmed)
	}
	if p := out.Reachable.Persons; p.Persons != 2 || p.Low < 1 || p.High < 2 {
		t.Errorf("reachable: %+v, want two persons", out.Reachable)
	}
	// key 999 is not in the state, and one subject has no name any more: both widen the interval
	if out.EverHeld.Unmatched != 2 || out.EverHeld.Persons.High < 4 || out.EverHeld.Persons.Low > 2 {
		t.Errorf("ever held: %+v, want two unmatched subjects above two persons", out.EverHeld)
	}
	if _, ok := out.Elements["email"]; !ok || len(op.forms) != 4 {
		t.Errorf("asked for %v, elements %v", op.forms, out.Elements)
	}
	op.lines = []string{"confirmed\tbilling.cards\t1"}
	if _, _, err := (scopeCmd{Persons: state}).persons(a, op, control.ScopeRequest{}); err == nil || fault.Faults(err)[0].Code != fault.PersonSubjects {
		t.Errorf("subjects of no source: %v, want SK3301", err)
	}
}
