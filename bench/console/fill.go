package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/keyring"
	"sekisho/internal/ledger"
	"sekisho/internal/subject"
)

const (
	gate     = event.Source("gate/shop-db")
	source   = event.SubjectSource("shop.customers")
	table    = event.Place("shop/public.customers")
	days     = 100
	beatPace = 9e9 // ns between signs of life: nearly what the figures take for silence
	clients  = 200 // addresses with one session a day
	zipf     = 0.8 // exponent by which subjects are chosen
)

// filler writes a ledger whose events happened at the times that it says.
type filler struct {
	*ledger.Ledger
	ctx   context.Context // of the one fill that this is for
	clock atomic.Int64
	recs  map[event.Source]event.Recorder
}

func openLedger(ctx context.Context, c *config.Config) (*filler, error) {
	f := &filler{ctx: ctx, recs: map[event.Source]event.Recorder{}}
	f.clock.Store(time.Now().UnixNano())
	l, err := ledger.Open(ctx, ledger.Config{Dir: filepath.Join(c.Data, "ledger"), Tenant: event.Tenant(c.Tenant), Origin: c.Ledger.Origin,
		Now: func() time.Time { return event.Time(f.clock.Load()) }, SegmentAge: 1000 * time.Hour})
	f.Ledger = l
	return f, err
}

func (f *filler) write(at int64, src event.Source, bodies ...event.Body) error {
	rec := f.recs[src]
	if rec == nil {
		rec = f.Recorder(src, 0)
		f.recs[src] = rec
	}
	f.clock.Store(at)
	for {
		_, err := rec.Submit(event.Written, nil, bodies...)
		if !errors.Is(err, event.ErrFull) {
			return err
		}
		if _, err := f.Wait(f.ctx, f.Head()); err != nil {
			return err
		}
	}
}

// number gives the subjects their numbers, as a scan of the table does.
func (f *filler) number(c *config.Config, n int) error {
	ring, err := keyring.Open(c.Keys)
	if err != nil {
		return err
	}
	dict := subject.New(subject.Config{Tenant: event.Tenant(c.Tenant), Keys: ring, Recorder: f.Recorder("dictionary", 0)})
	keys, numbers := make([]int64, 1<<16), make([]uint32, 1<<16)
	for first := 0; first < n; first += len(keys) {
		keys, numbers = keys[:min(len(keys), n-first)], numbers[:min(len(keys), n-first)]
		for i := range keys {
			keys[i] = int64(first + i + 1)
		}
		if err := dict.Source(source).AssignInts(f.ctx, keys, numbers); err != nil {
			return err
		}
	}
	return nil
}

// season writes what the gate saw in the days until now.
func (f *filler) season(s sizes, until time.Time) error {
	begin := until.Add(-days * 24 * time.Hour).UnixNano()
	rng := rand.New(rand.NewPCG(8, 0x5e6b1540))
	if err := f.write(begin, gate, &event.SourceStart{Start: 1, Places: []event.Place{"shop"}}); err != nil {
		return err
	}
	for i := range 50 {
		if err := f.write(begin, gate, &event.Statement{Statement: event.StatementID(i + 1), Text: fmt.Sprintf("SELECT name, email FROM customers WHERE id = $1 AND %d = $2", i)}); err != nil {
			return err
		}
	}
	step := float64(until.UnixNano()-begin) / float64(s.Crossings)
	day, beat, found := int64(0), begin, 0
	for i := range s.Crossings {
		if i%1000 == 0 && f.ctx.Err() != nil {
			return f.ctx.Err()
		}
		at := begin + int64((float64(i)+rng.Float64())*step)
		for ; beat < at; beat += beatPace {
			if err := f.write(beat, gate, &event.Heartbeat{Places: []event.Place{"shop"}}); err != nil {
				return err
			}
		}
		if d := at / 86400e9; d != day {
			if err := f.sessions(at, day, d); err != nil {
				return err
			}
			day = d
		}
		if err := f.write(at, gate, f.crossing(rng, s, at, day)); err != nil {
			return err
		}
		for ; found < s.Findings*(i+1)/s.Crossings; found++ {
			if err := f.write(at, findingSource, finding(found)); err != nil {
				return err
			}
		}
	}
	if err := f.sessions(until.UnixNano(), day, 0); err != nil {
		return err
	}
	return f.write(until.UnixNano(), gate, &event.SourceStop{})
}

// sessions ends those of one day and opens those of the next; 0 is no day.
func (f *filler) sessions(at, old, next int64) error {
	for c := range int64(clients) {
		if old != 0 {
			if err := f.write(at, gate, &event.SessionClose{Session: event.Session(old*clients + c + 1)}); err != nil {
				return err
			}
		}
		if next == 0 {
			continue
		}
		open := &event.SessionOpen{Session: event.Session(next*clients + c + 1), Place: "shop", Database: "shop", User: fmt.Sprintf("app%d", c%7), Address: fmt.Sprintf("10.0.%d.%d", c/100, c%100+1)}
		if err := f.write(at, gate, open); err != nil {
			return err
		}
	}
	return nil
}

// crossing is what one statement delivered in one bucket: some executions of it,
// a few persons. One in twenty says only how many rows.
func (f *filler) crossing(rng *rand.Rand, s sizes, at, day int64) *event.Crossing {
	n := 1 + rng.IntN(4)
	part := event.Part{Table: table, Source: source, Elements: element.MaskOf(element.Name, element.Email, element.Phone), Class: event.Exact, Rows: uint64(n)}
	if rng.IntN(20) == 0 {
		part.Class, part.Reason = event.Bounded, "predicate"
	} else {
		numbers := make([]uint32, n)
		top := math.Pow(float64(s.Subjects), 1-zipf)
		for i := range numbers { // the continuous Zipf distribution, inverted; neighbours in rank are spread
			rank := uint64(math.Pow(rng.Float64()*(top-1)+1, 1/(1-zipf))) - 1
			numbers[i] = uint32(min(rank, uint64(s.Subjects-1)) * 7_368_787 % uint64(s.Subjects))
		}
		part.Subjects = event.SetOf(numbers)
	}
	return &event.Crossing{Session: event.Session(day*clients + rng.Int64N(clients) + 1), Statement: event.StatementID(rng.IntN(50) + 1), Outcome: event.OutcomeDone,
		From: at, To: at + 90_000, Count: uint64(n), Parts: []event.Part{part}}
}

const findingSource = event.Source("detect")

// finding is one of those that are many: none of them opens a case of its own
// each time.
func finding(i int) *event.Finding {
	dest := fmt.Sprintf("host-%d.example", i%5000)
	switch i % 4 {
	case 0:
		return &event.Finding{Code: "SK3901", Title: "a host was never seen there before", Place: "egress", Detail: fmt.Sprintf("pc-%d to %s", i%300, dest)}
	case 1:
		return &event.Finding{Code: "SK3405", Title: "upstream does not answer", Place: "web/shop", Detail: "connection refused"}
	case 2:
		return &event.Finding{Code: "SK3908", Title: "a way to the internet that is in no configuration", Place: "egress", Detail: fmt.Sprintf("pc-%d", i%300)}
	}
	return &event.Finding{Code: "SK3206", Title: "a database is not as the configuration says", Place: "shop", Detail: "a column is new"}
}

// cases writes the firm's incidents: one in ten is open.
func (f *filler) cases(n int, until time.Time) error {
	for i := range n {
		at := until.Add(-time.Duration(n-i) * 50 * time.Minute).UnixNano()
		name := fmt.Sprintf("k%d", i)
		bodies := []event.Body{&event.CaseSign{Case: name, Class: "card-misuse", Channel: "psp", Title: "a card company called", Hosts: []string{fmt.Sprintf("web-%d", i)}, KnownAt: at, KnownBy: "psp", By: "ayame",
			Facts: []string{"card", "personal-data"}}}
		if i%10 != 0 {
			bodies = append(bodies, &event.CaseMove{Case: name, To: "closed", By: "ren", Second: "ayame", Reason: "looked into"})
		}
		if err := f.write(at, "case", bodies...); err != nil {
			return err
		}
	}
	return nil
}
