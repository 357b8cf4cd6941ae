package event

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/element"
)

// What a decoder remembers of earlier lines never shows in a later one.
func TestDecoderRemembersNothingWrong(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	texts := []string{"", "a", "ab", "abc", "shop/public.t1", "shop/public.t2", "shop/publix.t1", "店/公開.表", `quo"ted`, "gate/x", "gate/y"}
	for i := range 300 { // more than there is room for
		texts = append(texts, fmt.Sprint("name", i))
	}
	some := func() string { return texts[rng.IntN(len(texts))] }
	var dec Decoder
	for range 5000 {
		line := Append(nil, &Event{
			Tenant: Tenant(some()), Source: Source(some()), Worker: uint16(rng.IntN(3)), Seq: Seq(rng.Uint64N(1<<rng.IntN(64)) + 1),
			At: Time(rng.Int64()), ClockErr: time.Duration(rng.Int32()), Body: &Intent{
				Session: Session(rng.Uint64()), Statement: StatementID(rng.Uint64()), From: rng.Int64(),
				Parts: []Part{{Table: Place(some()), Source: SubjectSource(some()), Elements: element.Mask(rng.Uint64() & rng.Uint64()), Class: Exact, Reason: some()}},
			},
		})
		if rng.IntN(3) == 0 {
			cut := line[:rng.IntN(len(line)-1)]
			if _, err := dec.Parse(cut); err == nil {
				t.Fatalf("%s was taken", cut)
			}
		}
		want, err := Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		got, err := dec.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s (-fresh +used):\n%s", line, diff)
		}
	}
}

// BenchmarkDecoder decodes what a rebuild reads: crossings of many sessions and
// tables, one chain.
func BenchmarkDecoder(b *testing.B) {
	var lines [][]byte
	var prev Digest
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for n := range 1000 {
		at = at.Add(86_400 * time.Microsecond)
		subject := uint32(n*2654435761) % 10_000_000
		line := Append(nil, &Event{
			Tenant: "bench", Source: "gate/bench", Seq: Seq(n + 1_000_000), At: at, ClockErr: time.Millisecond, Prev: prev,
			Body: &Crossing{
				Session: Session(1<<32 | n%200), Statement: StatementID(0x9e3779b97f4a7c15 * uint64(n%50+1)), Intent: Seq(n + 1_000_000),
				Outcome: OutcomeDone, From: at.UnixNano(), To: at.UnixNano() + 90_000, Count: 1,
				Parts: []Part{{
					Table: Place(fmt.Sprintf("shop/public.table%02d", n%20)), Source: "shop.customers",
					Elements: element.MaskOf(element.Name, element.Email, element.Phone), Class: Exact,
					Rows: 1, Subjects: Set{{subject, subject}, {subject + 7, subject + 9}},
				}},
			},
		})
		prev = Sum(line)
		lines = append(lines, line)
	}
	dec := Decoder{Slabs: true}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := dec.Parse(lines[i%len(lines)]); err != nil {
			b.Fatal(err)
		}
	}
}
