package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/view/disclosure"
)

// Our side gets the same rows as crossings of one subject each, one after the
// other, through the fold that a running view uses; only the JSON between is
// left out. A client is an address with one session a day. Every table is
// scanned once a month; the gate gives a sign of life every hour.

const (
	gate      = event.Source("gate/shop")
	scanner   = event.Source("scan/shop")
	batchSize = 200_000
	silence   = 2 * time.Hour
)

// Each table has one of these as its columns.
var columns = []element.Mask{
	element.MaskOf(element.Name, element.Kana, element.Email),
	element.MaskOf(element.Name, element.Address, element.PostalCode, element.Phone),
	element.MaskOf(element.Booking, element.Note),
	element.MaskOf(element.Passport, element.BirthDate, element.Name),
}

func tableName(t int) event.Place { return event.Place(fmt.Sprintf("shop/public.t%02d", t)) }

func address(client int) string { return fmt.Sprintf("10.0.%d.%d", client/100, client%100+1) }

// number gives every hundredth number to a subject that is gone: it never
// crosses, and was held until the month that its number says.
func number(subject uint32) uint32 { return subject + subject/99 }

// filler feeds a view.
type filler struct {
	ctx      context.Context // of the one fill that this is for
	view     *disclosure.View
	index    event.Index
	seq      event.Seq
	batch    int
	sessions [clients]event.Session
	day      int64
	hour     int64
	month    int
}

func (f *filler) apply(src event.Source, at int64, b event.Body) error {
	if f.batch == 0 {
		f.view.Begin()
	}
	f.seq++
	e := &event.Event{Tenant: "bench", Source: src, Seq: f.seq, At: event.Time(at), Body: b}
	if _, err := f.view.Apply(f.index, e); err != nil {
		return err
	}
	f.index++
	if f.batch++; f.batch == batchSize {
		return f.save()
	}
	return nil
}

func (f *filler) save() error {
	if f.batch == 0 {
		return nil
	}
	f.batch = 0
	defer f.view.End()
	tx, err := f.view.DB().BeginTx(f.ctx, nil)
	if err != nil {
		return err
	}
	if err := f.view.Save(f.ctx, tx); err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE view_cursor SET next = ?", f.index); err != nil {
		return err
	}
	return tx.Commit()
}

// scan records what every table held at a month's beginning.
func (f *filler) scan(at int64) error {
	last := number(subjects - 1)
	var part event.Set
	var parts []event.Set
	for hole := uint32(99); ; hole += 100 {
		first := hole - 99
		if first > last {
			break
		}
		until := hole // a subject that is gone was held up to some month
		if int(hole/100)%(12*years) < f.month {
			until--
		}
		if n := len(part); n > 0 && part[n-1].Last+1 == first {
			part[n-1].Last = until
		} else {
			part = append(part, event.Range{First: first, Last: min(until, last)})
		}
		if len(part) >= 3000 {
			parts, part = append(parts, part), nil
		}
	}
	if len(part) > 0 {
		parts = append(parts, part)
	}
	for t := range tables {
		for i, set := range parts {
			err := f.apply(scanner, at, &event.HoldingScan{Scan: uint64(f.month + 1), Part: uint32(i + 1), Parts: uint32(len(parts)),
				Table: tableName(t), Source: "shop.customers", Elements: columns[t%len(columns)], From: at - 60e9, To: at, Rows: subjects, Subjects: set})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// tick records what happens by the clock.
func (f *filler) tick(at int64) error {
	for month := begin.AddDate(0, f.month, 0).UnixNano(); at >= month && f.month <= 12*years; month = begin.AddDate(0, f.month, 0).UnixNano() {
		if err := f.scan(month); err != nil {
			return err
		}
		f.month++
	}
	for ; f.hour <= at/3600e9; f.hour++ {
		if err := f.apply(gate, f.hour*3600e9, &event.Heartbeat{Places: []event.Place{"shop"}}); err != nil {
			return err
		}
	}
	if day := at / 86400e9; day != f.day {
		f.day = day
		for c := range clients {
			if f.sessions[c] != 0 {
				if err := f.apply(gate, at, &event.SessionClose{Session: f.sessions[c]}); err != nil {
					return err
				}
			}
			f.sessions[c] = event.Session(day*clients + int64(c) + 1)
			if err := f.apply(gate, at, &event.SessionOpen{Session: f.sessions[c], Place: "shop", Database: "shop", User: "app", Address: address(c)}); err != nil {
				return err
			}
		}
	}
	return nil
}

func fill(ctx context.Context, path string, n int, seed uint64) error {
	v, err := disclosure.Open(ctx, disclosure.Config{Path: path, Silence: silence})
	if err != nil {
		return err
	}
	defer v.Close()
	start := begin.UnixNano()
	f := &filler{ctx: ctx, view: v, hour: start / 3600e9}
	if err := f.apply(gate, start, &event.SourceStart{Start: 1, Places: []event.Place{"shop"}}); err != nil {
		return err
	}
	done, began := 0, time.Now()
	err = generate(n, seed, func(r row) error {
		if err := f.tick(r.at); err != nil {
			return err
		}
		p := event.Part{Table: tableName(r.table), Source: "shop.customers", Elements: columns[r.table%len(columns)], Rows: 1}
		if r.bounded {
			p.Class, p.Reason = event.Bounded, "key not in result"
		} else {
			p.Class, p.Subjects = event.Exact, event.Set{{First: number(r.subject), Last: number(r.subject)}}
		}
		if done++; done%5_000_000 == 0 {
			fmt.Fprintf(os.Stderr, "folded %d crossings in %v\n", done, time.Since(began).Round(time.Second))
		}
		return f.apply(gate, r.at, &event.Crossing{Session: f.sessions[r.client], Statement: event.StatementID(1 + r.table), Outcome: event.OutcomeDone,
			From: r.at, To: r.at, Count: 1, Parts: []event.Part{p}})
	})
	if err == nil {
		err = f.tick(end.UnixNano())
	}
	if err == nil {
		err = f.apply(gate, end.UnixNano(), &event.Heartbeat{Places: []event.Place{"shop"}})
	}
	if err != nil {
		return err
	}
	return f.save()
}
