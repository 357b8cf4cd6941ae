package desk

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/event"
)

// TestTickManyCases: what reached nobody is written together, and whom a call
// reached is written before the next call.
func TestTickManyCases(t *testing.T) {
	const cases = 70 // more than two turns
	for _, c := range []struct {
		name string
		down bool
	}{{"nobody answers", true}, {"the duty person answers", false}} {
		t.Run(c.name, func(t *testing.T) {
			o := newOffice(t)
			for range cases {
				o.sign(t, "many")
			}
			if c.down {
				for _, p := range o.Firm.Roster.People {
					o.down[p.ID] = true
				}
			}
			records, sent, nobody := 0, 0, map[string]int{}
			record := o.Record
			o.Record = func(ctx context.Context, by event.Source, bodies ...event.Body) error {
				records++
				for i, b := range bodies {
					n, ok := b.(*event.CaseNotice)
					switch {
					case !ok:
					case n.Step == "nobody":
						nobody[n.Case+" "+n.Key+" "+n.Rank]++
					case n.Step == "sent":
						sent++
						if i != len(bodies)-1 {
							t.Errorf("case %s: something follows a call that reached somebody", n.Case)
						}
					}
				}
				return record(ctx, by, bodies...)
			}
			o.tick(t)
			if c.down {
				// Two timers each case: one climbs the four ranks, one calls one rank.
				if len(nobody) != cases*5 || sent != 0 {
					t.Errorf("%d calls that reached nobody, want %d; %d sent", len(nobody), cases*5, sent)
				}
				for key, n := range nobody {
					if n != 1 {
						t.Errorf("%s: %d times", key, n)
					}
				}
				if records > cases/2 {
					t.Errorf("%d writes for %d cases", records, cases)
				}
			} else if sent != 2*cases || len(o.sent) != 2*cases {
				t.Errorf("%d recorded, %d sent, want %d", sent, len(o.sent), 2*cases)
			}
			before := records
			if o.tick(t); records != before {
				t.Errorf("a second look wrote %d times", records-before)
			}
		})
	}
}

// TestTickBroken: when a call cannot be written, nobody else is called.
func TestTickBroken(t *testing.T) {
	o := newOffice(t)
	for range 3 {
		o.sign(t, "many")
	}
	full := errors.New("the disk is full")
	record := o.Record
	o.Record = func(context.Context, event.Source, ...event.Body) error { return full }
	if _, err := o.Tick(t.Context()); !errors.Is(err, full) || len(o.sent) != 1 {
		t.Errorf("%v after %d calls, want one", err, len(o.sent))
	}
	o.Record = record
	o.tick(t)
	if len(o.sent) != 1+3*2 { // the first one again
		t.Errorf("%d calls, want 7", len(o.sent))
	}
}

// TestTickReadsChanges: a turn decodes the cases that changed and no others, and
// changes none of what it keeps.
func TestTickReadsChanges(t *testing.T) {
	o := newOffice(t)
	for range 40 {
		o.sign(t, "many")
	}
	o.tick(t)
	o.tick(t)
	waiting, err := o.View.Waiting(t.Context())
	if err != nil || len(waiting) != 40 || len(o.read) != 40 {
		t.Fatalf("%d wait, %d are kept, %v", len(waiting), len(o.read), err)
	}
	before := maps.Clone(o.read)
	o.sign(t, "one more")
	if err := o.Record(t.Context(), "person/sora", &event.CaseNotice{Case: waiting[7], Key: "open:0", Step: "ack", To: "sora"}); err != nil {
		t.Fatal(err)
	}
	o.tick(t)
	if len(o.read) != 41 {
		t.Errorf("%d are kept", len(o.read))
	}
	for id, was := range before {
		if same := o.read[id].Case == was.Case; same == (id == waiting[7]) {
			t.Errorf("case %s: kept %t", id, same)
		}
	}
	for id, kept := range o.read {
		fresh, err := o.View.Case(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(fresh, kept.Case, cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
			t.Fatalf("case %s (-now +kept):\n%s", id, diff)
		}
	}
	o.forget(nil)
	if len(o.read) != 0 {
		t.Errorf("%d are kept of cases that wait no more", len(o.read))
	}
}
