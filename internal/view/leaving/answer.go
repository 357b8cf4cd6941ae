package leaving

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"sekisho/internal/event"
	"sekisho/proof/scope"
)

// errUnsure ends an answer that depends on what is not kept.
var errUnsure = errors.New("not sure")

// question is a question under way.
type question struct {
	ctx      context.Context
	tx       *sql.Tx
	leavings *scope.Leavings
	clients  []string // nil: all
	open     bool     // no end was asked for
	from, to int64    // of the window; the ends of time where it is open
	before   int64    // from when on the beginnings of flows count
}

// Leaving answers what left in the window w for the clients of q, as scope.Leavings
// does from the ledger up to the view's cursor. It is not sure where events of a
// flow contradict one another: then the ledger has to be asked.
func (v *View) Leaving(ctx context.Context, q scope.Query, w scope.Frame) (answer *scope.Leaving, sure bool, err error) {
	tx, err := v.db.Read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, false, fmt.Errorf("leaving view: %w", err)
	}
	defer tx.Rollback() // nothing was written
	k := question{ctx: ctx, tx: tx, leavings: scope.NewLeavings(q, w), clients: q.Canonical().Addresses, open: w.OpenTill, from: w.From, to: w.To}
	k.before = k.from - int64(scope.Before)
	if w.OpenFrom {
		k.from, k.before = math.MinInt64, math.MinInt64
	}
	if w.OpenTill {
		k.to = math.MaxInt64
	}
	for _, part := range []func() error{k.seen, k.flows, k.blocks, k.ways, k.signs} {
		if err := part(); errors.Is(err, errUnsure) {
			return nil, false, nil
		} else if err != nil {
			return nil, false, fmt.Errorf("leaving view: %w", err)
		}
	}
	return k.leavings.Result(), true, nil
}

func (k *question) seen() error {
	var seen bool
	err := k.tx.QueryRowContext(k.ctx, "SELECT EXISTS (SELECT 1 FROM seen WHERE last >= ? AND (first < ? OR ?)) OR EXISTS (SELECT 1 FROM rest WHERE last >= ? AND last > ?)",
		k.before, k.to, k.open, k.before, int64(math.MinInt64)).Scan(&seen)
	if seen {
		k.leavings.Saw()
	}
	return err
}

// mine reports whether a client is asked about.
func (k *question) mine(client string) bool {
	return len(k.clients) == 0 || slices.Contains(k.clients, client)
}

// flows takes the flows that are in no block.
func (k *question) flows() error {
	return each(k.ctx, k.tx, "SELECT "+flowColumns+" FROM flow WHERE last >= ? AND (lo < ? OR ?)", func(r *sql.Rows) error {
		var f flow
		if err := f.scan(r); err != nil {
			return err
		}
		if f.odd {
			return errUnsure
		}
		host, named, mine, from := f.host, f.named, k.mine(f.client), f.at
		if !f.known || f.at < k.before || f.at >= k.to && !k.open {
			// Its beginning is not known to the question. What follows counts unless it
			// says that it began after the window.
			host, named, mine, from = "?", false, true, f.early
			switch {
			case f.early == math.MaxInt64 || f.early >= k.to && !k.open:
				return nil
			case f.late >= k.to && !k.open:
				return errUnsure
			}
		}
		if !mine || from >= k.to && !k.open || f.ended && f.last < k.from {
			return nil
		}
		a := scope.Amount{Flows: 1, Sent: f.sent, Received: f.received}
		if !f.ended {
			a.Open = 1
		}
		k.leavings.Sum(host, named, a)
		return nil
	}, k.before, k.to, k.open)
}

// blocks takes the sums of what is wholly in the window, and what is in the blocks
// that its ends cut, piece by piece.
func (k *question) blocks() error {
	cut := [2]map[int64]bool{{}, {}} // by level: blocks that are partly in the window
	for level, size := range levels {
		if k.from > math.MinInt64 && k.from%size != 0 {
			cut[level][blockOf(k.from, size)] = true
		}
		if k.to < math.MaxInt64 && k.to%size != 0 {
			cut[level][blockOf(k.to, size)] = true
		}
	}
	first, end := int64(math.MinInt64), int64(math.MaxInt64) // days
	if k.from > math.MinInt64 {
		first = blockOf(k.from+day-1, day)
	}
	if k.to < math.MaxInt64 {
		end = blockOf(k.to, day)
	}
	if err := k.sums(1, first, end); err != nil {
		return err
	}
	for d := range cut[1] {
		lo, hi := max(d*day, k.from), min((d+1)*day, k.to)
		if err := k.sums(0, blockOf(lo+hour-1, hour), blockOf(hi, hour)); err != nil {
			return err
		}
	}
	for level := range levels {
		for block := range cut[level] {
			if err := k.pieces(level, block); err != nil {
				return err
			}
		}
	}
	return nil
}

// sums takes the sums of blocks of a level, from first to before end.
func (k *question) sums(level int, first, end int64) error {
	clients := k.clients
	if len(clients) == 0 {
		clients = []string{everybody}
	}
	for _, client := range clients {
		err := each(k.ctx, k.tx, `SELECT host, named, sum(flows), sum(questions), sum(sent), sum(received), sum(refused) FROM sum
			WHERE level = ? AND client = ? AND block >= ? AND block < ? GROUP BY host, named`, func(r *sql.Rows) error { return k.add(r) }, level, client, first, end)
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *question) add(r *sql.Rows) error {
	var host string
	var named bool
	var flows, questions, sent, received, refused int64
	if err := r.Scan(&host, &named, &flows, &questions, &sent, &received, &refused); err != nil {
		return err
	}
	k.leavings.SumRefused(uint64(refused))
	if flows+questions > 0 {
		k.leavings.Sum(host, named, scope.Amount{Flows: uint64(flows), Questions: uint64(questions), Sent: uint64(sent), Received: uint64(received)})
	}
	return nil
}

// pieces takes what is in a block that an end of the window cuts.
func (k *question) pieces(level int, block int64) error {
	return each(k.ctx, k.tx, "SELECT at, till, client, host, named, flows, questions, sent, received, refused, early, late FROM piece WHERE level = ? AND block = ?", func(r *sql.Rows) error {
		var at, till, early, late, flows, questions, sent, received, refused int64
		var client, host string
		var named bool
		if err := r.Scan(&at, &till, &client, &host, &named, &flows, &questions, &sent, &received, &refused, &early, &late); err != nil {
			return err
		}
		mine := k.mine(client)
		if at >= k.to {
			switch {
			case flows == 0 || early >= k.to:
				return nil
			case late >= k.to:
				return errUnsure
			}
			host, named, mine = "?", false, true // its end says that it began in the window
		}
		if !mine || till < k.from {
			return nil
		}
		k.leavings.SumRefused(uint64(refused))
		if flows+questions > 0 {
			k.leavings.Sum(host, named, scope.Amount{Flows: uint64(flows), Questions: uint64(questions), Sent: uint64(sent), Received: uint64(received)})
		}
		return nil
	}, level, block)
}

func (k *question) ways() error {
	return each(k.ctx, k.tx, "SELECT at, source, step, way, interface, next, address FROM way WHERE at >= ? AND (at < ? OR ?) ORDER BY n", func(r *sql.Rows) error {
		var at int64
		var step string
		var x scope.Exit
		if err := r.Scan(&at, &x.Source, &step, &x.Way, &x.Interface, &x.Next, &x.Address); err != nil {
			return err
		}
		x.From = time.Unix(0, at).UTC()
		k.leavings.Way(step, x)
		return nil
	}, k.before, k.to, k.open)
}

// signs tells of the cover of gates: what Uses wants of it.
func (k *question) signs() error {
	near := k.leavings.Silence() + int64(time.Minute)
	from, to := k.from, k.to
	if from > math.MinInt64 {
		from -= near
	}
	if to < math.MaxInt64 {
		to += near
	}
	err := each(k.ctx, k.tx, "SELECT "+signColumns+" FROM sign WHERE till >= ? AND at <= ? OR kind = ? ORDER BY n", func(r *sql.Rows) error {
		var s sign
		if err := s.scan(r); err != nil {
			return err
		}
		return s.tell(k.leavings)
	}, from, to, event.KindSourceStart)
	if err != nil {
		return err
	}
	return each(k.ctx, k.tx, "SELECT site, at FROM due", func(r *sql.Rows) error {
		var site string
		var at int64
		err := r.Scan(&site, &at)
		k.leavings.Sign(&scope.Sign{Kind: int(event.KindRecordDue), At: at, Sites: []string{site}})
		return err
	})
}
