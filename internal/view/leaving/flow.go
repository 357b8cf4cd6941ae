package leaving

import (
	"database/sql"
	"math"

	"sekisho/internal/event"
)

const (
	hour = int64(3600e9)
	day  = 24 * hour
)

// levels are how long a block is.
var levels = [2]int64{hour, day}

// blockOf returns the number of the block that a time is in.
func blockOf(at, size int64) int64 {
	b := at / size
	if at%size < 0 {
		b--
	}
	return b
}

// flow is what is known of a flow.
type flow struct {
	n                     event.Index
	id                    string
	known, named          bool
	at, last              int64
	lo, early, late       int64
	client, host          string
	sent, received        uint64
	ended, odd            bool
	saved, changed, drops bool
}

const flowColumns = "n, id, known, at, last, lo, early, late, client, host, named, sent, received, ended, odd"

func (f *flow) scan(r *sql.Rows) error {
	var sent, received int64
	err := r.Scan(&f.n, &f.id, &f.known, &f.at, &f.last, &f.lo, &f.early, &f.late, &f.client, &f.host, &f.named, &sent, &received, &f.ended, &f.odd)
	f.sent, f.received = uint64(sent), uint64(received)
	return err
}

func (f *flow) row() []any {
	return []any{f.n, f.id, f.known, f.at, f.last, f.lo, f.early, f.late, f.client, f.host, f.named, int64(f.sent), int64(f.received), f.ended, f.odd}
}

// piece is what was wholly in one block: a flow, a question or a refusal.
type piece struct {
	level, block, at, till int64
	n                      event.Index
	client, host           string
	named                  bool
	amount                 amount
	early, late            int64
}

type amount struct{ flows, questions, sent, received, refused uint64 }

func (a *amount) add(b amount) {
	a.flows += b.flows
	a.questions += b.questions
	a.sent += b.sent
	a.received += b.received
	a.refused += b.refused
}

type sumKey struct {
	level, block int64
	client, host string
	named        bool
}

// everybody are the sums of all clients.
const everybody = "*"

type way struct {
	n                                               event.Index
	at                                              int64
	source, step, way, interfaceName, next, address string
}

// batch is what changed since the last Save.
type batch struct {
	flows  []*flow
	pieces []piece
	sums   map[sumKey]*amount
	seen   map[int64][2]int64
	rest   int64
	dues   map[string]int64
	ways   []way
	signs  []*sign
}

func newBatch() batch {
	return batch{sums: map[sumKey]*amount{}, seen: map[int64][2]int64{}, dues: map[string]int64{}, rest: math.MinInt64}
}

func (v *View) touch(f *flow) {
	if !f.changed {
		f.changed = true
		v.batch.flows = append(v.batch.flows, f)
	}
}

// saw notes that something began to leave, or was refused.
func (v *View) saw(at int64) {
	h := blockOf(at, hour)
	s, is := v.batch.seen[h]
	if !is {
		s = [2]int64{at, at}
	}
	v.batch.seen[h] = [2]int64{min(s[0], at), max(s[1], at)}
}

func (v *View) put(p piece) {
	v.batch.pieces = append(v.batch.pieces, p)
	for level := p.level; level < int64(len(levels)); level++ {
		for _, client := range []string{p.client, everybody} {
			k := sumKey{level: level, block: blockOf(p.at, levels[level]), client: client, host: p.host, named: p.named}
			if v.batch.sums[k] == nil {
				v.batch.sums[k] = new(amount)
			}
			v.batch.sums[k].add(p.amount)
		}
	}
}

// moment puts something that took no time.
func (v *View) moment(index event.Index, at int64, client, host string, named bool, a amount) {
	v.put(piece{block: blockOf(at, hour), n: index, at: at, till: at, early: at, late: at, client: client, host: host, named: named, amount: a})
}

func (v *View) question(index event.Index, at int64, b *event.Lookup) {
	v.saw(at)
	sent := uint64(b.Bytes)
	switch {
	case b.Action == "refuse":
		v.moment(index, at, b.Client, "", true, amount{refused: 1})
	case b.Action == "allow" && b.Step == "allow":
		v.moment(index, at, b.Client, "", true, amount{questions: 1, sent: sent})
	default:
		v.moment(index, at, b.Client, b.Name, false, amount{questions: 1, sent: sent})
	}
}

func (v *View) begin(index event.Index, at int64, b *event.Flow) {
	v.saw(at)
	if b.Action == "refuse" {
		v.moment(index, at, b.Client, "", true, amount{refused: 1})
		return
	}
	f := &flow{n: index, id: b.ID, known: true, at: at, last: at, lo: at, early: math.MaxInt64, late: math.MinInt64,
		client: b.Client, host: b.Host, named: b.Action == "allow" && b.Step == "allow"}
	if old := v.open[f.id]; old != nil { // two with one name: whose what follows is depends on the window
		old.odd, f.odd = true, true
		f.lo = min(f.lo, old.lo)
		v.touch(old)
	}
	v.open[f.id] = f
	v.touch(f)
}

// goOn takes how far a flow has come, or its end.
func (v *View) goOn(index event.Index, at int64, id string, sent, received uint64, nanos int64, end bool) {
	v.batch.rest = max(v.batch.rest, at)
	f := v.open[id]
	if f == nil {
		f = &flow{n: index, id: id, at: at, last: at, lo: at - nanos, early: math.MaxInt64, late: math.MinInt64, host: "?"}
		v.open[id] = f
	}
	f.odd = f.odd || at < f.last || sent < f.sent || received < f.received
	f.last, f.sent, f.received = max(f.last, at), max(f.sent, sent), max(f.received, received)
	f.early, f.late = min(f.early, at-nanos), max(f.late, at-nanos)
	f.lo = min(f.lo, f.early)
	f.ended = end
	v.touch(f)
	if !end {
		return
	}
	delete(v.open, id)
	if !f.known || f.odd {
		return
	}
	for level, size := range levels {
		if block := blockOf(f.lo, size); block == blockOf(f.last, size) && block == blockOf(f.late, size) {
			host := f.host
			if f.named {
				host = ""
			}
			v.put(piece{level: int64(level), block: block, n: f.n, at: f.at, till: f.last, early: f.early, late: f.late, client: f.client, host: host, named: f.named,
				amount: amount{flows: 1, sent: f.sent, received: f.received}})
			f.drops = true
			return
		}
	}
}
