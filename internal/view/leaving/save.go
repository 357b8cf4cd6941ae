package leaving

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"
)

// Save implements view.Fold.
func (v *View) Save(ctx context.Context, tx *sql.Tx) error {
	b := &v.batch
	steps := []struct {
		query string
		rows  func(put func(args ...any) error) error
	}{
		{"INSERT OR REPLACE INTO flow (" + flowColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", func(put func(...any) error) error {
			return all(b.flows, func(f *flow) error {
				if f.drops {
					return nil
				}
				return put(f.row()...)
			})
		}},
		{"DELETE FROM flow WHERE n = ?", func(put func(...any) error) error {
			return all(b.flows, func(f *flow) error {
				if !f.drops || !f.saved {
					return nil
				}
				return put(f.n)
			})
		}},
		{"INSERT INTO piece (level, block, n, at, till, client, host, named, flows, questions, sent, received, refused, early, late) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", func(put func(...any) error) error {
			return all(b.pieces, func(p piece) error {
				a := &p.amount
				return put(p.level, p.block, p.n, p.at, p.till, p.client, p.host, p.named, a.flows, a.questions, int64(a.sent), int64(a.received), a.refused, p.early, p.late)
			})
		}},
		{`INSERT INTO sum (level, client, block, host, named, flows, questions, sent, received, refused) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET flows = flows + excluded.flows, questions = questions + excluded.questions, sent = sent + excluded.sent,
			received = received + excluded.received, refused = refused + excluded.refused`, func(put func(...any) error) error {
			return all(slices.SortedFunc(maps.Keys(b.sums), func(a, b sumKey) int {
				return cmp.Or(cmp.Compare(a.level, b.level), cmp.Compare(a.client, b.client), cmp.Compare(a.block, b.block), cmp.Compare(a.host, b.host))
			}), func(k sumKey) error {
				a := b.sums[k]
				return put(k.level, k.client, k.block, k.host, k.named, a.flows, a.questions, int64(a.sent), int64(a.received), a.refused)
			})
		}},
		{"INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)", func(put func(...any) error) error {
			return all(slices.Sorted(maps.Keys(b.seen)), func(h int64) error { return put(h, b.seen[h][0], b.seen[h][1]) })
		}},
		{"UPDATE rest SET last = max(last, ?)", func(put func(...any) error) error { return put(b.rest) }},
		{"INSERT INTO due VALUES (?, ?) ON CONFLICT DO UPDATE SET at = max(at, excluded.at)", func(put func(...any) error) error {
			return all(slices.Sorted(maps.Keys(b.dues)), func(site string) error { return put(site, b.dues[site]) })
		}},
		{"INSERT INTO way VALUES (?, ?, ?, ?, ?, ?, ?, ?)", func(put func(...any) error) error {
			return all(b.ways, func(w way) error {
				return put(w.n, w.at, w.source, w.step, w.way, w.interfaceName, w.next, w.address)
			})
		}},
		{"INSERT OR REPLACE INTO sign (" + signColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", func(put func(...any) error) error {
			return all(b.signs, func(s *sign) error { return put(s.row()...) })
		}},
	}
	for _, s := range steps {
		if err := exec(ctx, tx, s.query, s.rows); err != nil {
			return err
		}
	}
	for _, f := range b.flows {
		f.saved, f.changed = true, false
	}
	for _, s := range b.signs {
		s.changed = false
	}
	v.batch = newBatch()
	return nil
}

func exec(ctx context.Context, tx *sql.Tx, query string, rows func(put func(args ...any) error) error) error {
	var stmt *sql.Stmt
	err := rows(func(args ...any) (err error) {
		if stmt == nil {
			if stmt, err = tx.PrepareContext(ctx, query); err != nil {
				return err
			}
		}
		_, err = stmt.ExecContext(ctx, args...)
		return err
	})
	if stmt != nil {
		err = cmp.Or(err, stmt.Close())
	}
	return err
}

func all[T any](list []T, fn func(T) error) error {
	for _, x := range list {
		if err := fn(x); err != nil {
			return err
		}
	}
	return nil
}
