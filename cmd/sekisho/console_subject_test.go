package main

import (
	"bytes"
	"fmt"
	"maps"
	"testing"
	"time"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/event"
	"sekisho/internal/fault"
)

// TestSubjectElsewhere: who asks for one subject is recorded, without the key, also when
// there is none; an account may try few keys within a day, and another's do not count.
func TestSubjectElsewhere(t *testing.T) {
	p := bareProcess(t, "stores:\n  - {name: club, address: 'sqlite:club.db', protect: [{table: members, key: id, columns: {mail: email}, plain: [id]}]}\n")
	c := &console{process: p}
	begin := p.now()
	now := begin
	p.now = func() time.Time { return now }
	numbers := make([]uint32, 1)
	if err := p.dict.Source("club.members").AssignInts(t.Context(), []int64{918273645001}, numbers); err != nil {
		t.Fatal(err)
	}
	at := begin.UnixNano()
	if _, err := p.ledger.Recorder("scan/club", 0).Record(t.Context(), event.Durable, &event.HoldingScan{Scan: 1, Part: 1, Parts: 1, Table: "club/members", Source: "club.members",
		From: at, To: at, Rows: 1, Subjects: event.SetOf(numbers)}); err != nil {
		t.Fatal(err)
	}
	ask := func(by, key string) (*consoleoffice.Whereabouts, error) {
		return c.Whereabouts(t.Context(), consoleoffice.SubjectRequest{Key: key, By: by, Lang: "en"})
	}
	if w, err := ask("ren", "918273645001"); err != nil || len(w.Rests) != 1 || w.Rests[0].Place != "club/members" {
		t.Fatalf("%+v, %v", w, err)
	}
	code := func(err error) fault.Code {
		if err == nil {
			return 0
		}
		return fault.Faults(err)[0].Code
	}
	for i := range consoleoffice.MaxSubjects - 1 {
		if _, err := ask("ren", fmt.Sprint(918273646000+i)); code(err) != fault.Usage {
			t.Fatalf("question %d for nobody: %v", i, err)
		}
	}
	if _, err := ask("ren", "918273645001"); code(err) != fault.ControlRefused {
		t.Errorf("one too many: %v", err)
	}
	if _, err := ask("sora", "918273645001"); err != nil {
		t.Errorf("another account: %v", err)
	}
	now = begin.Add(subjectSpan)
	if _, err := ask("ren", "918273645001"); err != nil {
		t.Errorf("a day later: %v", err)
	}
	said := map[string]int{}
	err := p.ledger.Scan(t.Context(), 0, func(_ event.Index, line []byte) error {
		if bytes.Contains(line, []byte("918273645001")) || bytes.Contains(line, []byte("918273646")) {
			t.Errorf("a key is in the ledger: %s", line)
		}
		e, err := event.Parse(line)
		if err != nil {
			return err
		}
		if a, ok := e.Body.(*event.Act); ok {
			said[a.By+" "+a.Result+" "+a.Detail]++
		}
		return nil
	})
	want := map[string]int{"ren done subject 0": 2, "sora done subject 0": 1, "ren done no such subject": consoleoffice.MaxSubjects - 1, "ren refused too many within a day": 1}
	if err != nil || !maps.Equal(said, want) {
		t.Errorf("acts %v, want %v; %v", said, want, err)
	}
}
