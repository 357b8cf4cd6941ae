package disclosure

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/proof/scope"
)

// Save implements view.Fold.
func (v *View) Save(ctx context.Context, tx *sql.Tx) error {
	steps := []func(context.Context, *sql.Tx) error{
		v.names.save, v.clients.save, v.series.save, v.saveSessions, v.saveStatements, v.saveIntents,
		v.saveHoldings, v.saveCover, v.savePages, v.saveRolls,
	}
	for _, step := range steps {
		if err := step(ctx, tx); err != nil {
			return fmt.Errorf("save disclosure view: %w", err)
		}
	}
	for key, s := range v.sessions {
		if s.closed != 0 {
			delete(v.sessions, key)
		}
	}
	v.resetChanged()
	return nil
}

// exec runs one statement for each of a list.
func exec[T any](ctx context.Context, tx *sql.Tx, q string, list []T, args func(T) []any) error {
	if len(list) == 0 {
		return nil
	}
	stmt, err := tx.PrepareContext(ctx, q)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for _, x := range list {
		if _, err := stmt.ExecContext(ctx, args(x)...); err != nil {
			return err
		}
	}
	return nil
}

func (v *View) saveSessions(ctx context.Context, tx *sql.Tx) error {
	return exec(ctx, tx, "INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", v.changed.sessions, func(s *session) []any {
		s.dirty, s.saved = false, true
		return []any{s.id, s.source, int64(s.number), s.client, s.label, s.place, s.opened, s.closed, s.index, s.first, s.last}
	})
}

func (v *View) saveStatements(ctx context.Context, tx *sql.Tx) error {
	return exec(ctx, tx, `INSERT INTO statement VALUES (?1, ?2, ?3)
		ON CONFLICT (id) DO UPDATE SET text = excluded.text WHERE excluded.text <> ''`, v.changed.statements, func(s statement) []any {
		return []any{s.id, int64(s.number), s.text}
	})
}

func (v *View) saveIntents(ctx context.Context, tx *sql.Tx) error {
	for k := range v.changed.intents {
		i := v.intents[k]
		var err error
		if i == nil {
			_, err = tx.ExecContext(ctx, "DELETE FROM intent WHERE source = ? AND worker = ? AND seq = ?", k.source, k.worker, int64(k.seq))
		} else {
			var parts []byte
			if parts, err = json.Marshal(i.parts); err == nil {
				_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO intent VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
					k.source, k.worker, int64(k.seq), i.session, i.lo, i.since, i.until, int64(i.ended), int64(i.index), string(parts))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *View) saveHoldings(ctx context.Context, tx *sql.Tx) error {
	c := &v.changed
	err := exec(ctx, tx, "INSERT OR IGNORE INTO known VALUES (?, ?)", c.tables, func(k known) []any { return []any{k.table, int64(k.index)} })
	if err != nil {
		return err
	}
	err = exec(ctx, tx, "INSERT OR REPLACE INTO scan VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", c.scans, func(s *scan) []any {
		s.dirty = false
		return []any{s.id, s.origin, int64(s.number), s.table, s.source, s.span.From, s.span.To, s.parts, int64(s.rows), int64(s.lost)}
	})
	if err != nil {
		return err
	}
	err = exec(ctx, tx, "INSERT INTO scan_set VALUES (?, ?, ?, ?, ?)", c.scanSets, func(s scanSet) []any {
		return []any{s.scan, s.part, int64(s.index), int64(s.mask), s.data}
	})
	if err != nil {
		return err
	}
	err = exec(ctx, tx, "INSERT INTO change (tbl, source, lo, hi, op, rows, lost, idx, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", c.changes, func(x change) []any {
		return []any{x.table, x.source, x.lo, x.hi, x.op, int64(x.rows), int64(x.lost), int64(x.index), x.data}
	})
	if err != nil {
		return err
	}
	for _, t := range c.taints {
		if t.void {
			if _, err := tx.ExecContext(ctx, "DELETE FROM taint WHERE idx = ?", int64(t.index)); err != nil {
				return err
			}
			continue
		}
		from, err := json.Marshal(t.from)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO taint VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			int64(t.index), t.table, t.source, t.at, t.span.From, t.span.To, t.since, int64(t.mask), string(from), t.scanned, t.until, int64(t.cleared), t.shown); err != nil {
			return err
		}
	}
	return nil
}

// saveCover writes runs, marks, signs of life, destroyed keys, the watermark.
func (v *View) saveCover(ctx context.Context, tx *sql.Tx) error {
	c := &v.changed
	for source, runs := range v.gates.Runs() {
		for n, r := range runs {
			if !c.runs[r] {
				continue
			}
			text, err := json.Marshal(r)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO run VALUES (?, ?, ?)", source, n, string(text)); err != nil {
				return err
			}
		}
	}
	marks := v.gates.Marks()
	for n := range c.marks {
		text, err := json.Marshal(marks[n])
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO mark VALUES (?, ?)", n, string(text)); err != nil {
			return err
		}
	}
	err := exec(ctx, tx, "INSERT INTO sign VALUES (?, ?, ?, ?, ?)", c.signs, func(s sign) []any {
		return []any{s.source, s.run, s.at, int64(s.index), s.fixed}
	})
	if err != nil {
		return err
	}
	for src, p := range v.vitals {
		if !p.dirty {
			continue
		}
		p.dirty = false
		if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO vital VALUES (?, ?, ?, ?, ?, ?, ?)",
			src, p.kept, int64(p.keptIndex), p.at, int64(p.index), p.places, p.clock); err != nil {
			return err
		}
	}
	for site, index := range c.due {
		if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO due VALUES (?, ?, ?)", site, v.gates.Dues()[site], index); err != nil {
			return err
		}
	}
	for key, index := range c.destroyed {
		if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO destroyed VALUES (?, ?)", key, index); err != nil {
			return err
		}
	}
	if c.watermark {
		_, err = tx.ExecContext(ctx, "UPDATE watermark SET at = ?", v.watermark)
	}
	return err
}

// load fills the memory from the database.
func (v *View) load(ctx context.Context) error {
	db := v.db.Write
	v.clientOf = []uint32{0} // session ids begin with 1
	steps := []func(context.Context, *sql.DB) error{
		v.names.load, v.clients.load, v.series.load, v.loadSessions, v.loadIntents, v.loadHoldings, v.loadCover, v.loadPending,
	}
	for _, step := range steps {
		if err := step(ctx, db); err != nil {
			return err
		}
	}
	v.resetChanged() // loading is no change
	return v.loadEver(ctx)
}

func (v *View) loadSessions(ctx context.Context, db *sql.DB) error {
	err := query(ctx, db, "SELECT id, client, source, number FROM session ORDER BY id", func(r *sql.Rows) error {
		var id, client, src uint32
		var number int64
		if err := r.Scan(&id, &client, &src, &number); err != nil {
			return err
		}
		v.highest[src] = max(v.highest[src], event.Session(number))
		v.clientOf = append(v.clientOf, client)
		return nil
	})
	if err != nil {
		return err
	}
	err = query(ctx, db, "SELECT id, source, number, client, label, place, opened, closed, idx, first, last FROM session WHERE closed = 0", func(r *sql.Rows) error {
		s := &session{saved: true}
		var number int64
		if err := r.Scan(&s.id, &s.source, &number, &s.client, &s.label, &s.place, &s.opened, &s.closed, &s.index, &s.first, &s.last); err != nil {
			return err
		}
		s.number = event.Session(number)
		v.sessions[s.sessionKey] = s
		return nil
	})
	if err != nil {
		return err
	}
	return query(ctx, db, "SELECT id, number FROM statement", func(r *sql.Rows) error {
		var id uint32
		var number int64
		if err := r.Scan(&id, &number); err != nil {
			return err
		}
		v.statements[uint64(number)] = id
		return nil
	})
}

func (v *View) loadIntents(ctx context.Context, db *sql.DB) error {
	return query(ctx, db, "SELECT source, worker, seq, session, lo, since, until, ended, idx, parts FROM intent", func(r *sql.Rows) error {
		var k intentKey
		var i intent
		var seq, ended, index int64
		var parts []byte
		if err := r.Scan(&k.source, &k.worker, &seq, &i.session, &i.lo, &i.since, &i.until, &ended, &index, &parts); err != nil {
			return err
		}
		k.seq, i.ended, i.index = event.Seq(seq), uint64(ended), uint64(index)
		v.intents[k] = &i
		return json.Unmarshal(parts, &i.parts)
	})
}

func (v *View) loadHoldings(ctx context.Context, db *sql.DB) error {
	byID := map[uint32]*scan{}
	err := query(ctx, db, "SELECT id, origin, number, tbl, source, lo, hi, parts, rows, lost FROM scan", func(r *sql.Rows) error {
		s := &scan{seen: map[uint32]bool{}}
		var number, rows, lost int64
		if err := r.Scan(&s.id, &s.origin, &number, &s.table, &s.source, &s.span.From, &s.span.To, &s.parts, &rows, &lost); err != nil {
			return err
		}
		s.number, s.rows, s.lost = uint64(number), uint64(rows), uint64(lost)
		byID[s.id] = s
		v.scanCount = max(v.scanCount, s.id)
		h := v.table(s.table).at(s.source)
		h.scans = append(h.scans, s)
		return nil
	})
	if err != nil {
		return err
	}
	err = query(ctx, db, "SELECT scan, part, mask FROM scan_set", func(r *sql.Rows) error {
		var id, part uint32
		var mask int64
		if err := r.Scan(&id, &part, &mask); err != nil {
			return err
		}
		byID[id].seen[part] = true
		byID[id].mask |= element.Mask(mask)
		return nil
	})
	if err != nil {
		return err
	}
	err = query(ctx, db, "SELECT DISTINCT tbl, source FROM change", func(r *sql.Rows) error {
		var t, src uint32
		if err := r.Scan(&t, &src); err != nil {
			return err
		}
		v.table(t).at(src).changes = true
		return nil
	})
	if err != nil {
		return err
	}
	err = query(ctx, db, "SELECT coalesce(max(hi - lo), 0) FROM change", func(r *sql.Rows) error { return r.Scan(&v.changeReach) })
	if err != nil {
		return err
	}
	for _, t := range v.tables {
		for _, h := range t.held {
			h.order()
		}
	}
	err = query(ctx, db, "SELECT tbl FROM known", func(r *sql.Rows) error {
		var id uint32
		if err := r.Scan(&id); err != nil {
			return err
		}
		v.table(id)
		return nil
	})
	if err != nil {
		return err
	}
	return query(ctx, db, "SELECT idx, tbl, source, at, lo, hi, since, mask, origin, scanned, until, cleared, shown FROM taint ORDER BY idx", func(r *sql.Rows) error {
		t := new(taint)
		var mask, index, cleared int64
		var from []byte
		if err := r.Scan(&index, &t.table, &t.source, &t.at, &t.span.From, &t.span.To, &t.since, &mask, &from, &t.scanned, &t.until, &cleared, &t.shown); err != nil {
			return err
		}
		t.mask, t.index, t.cleared = element.Mask(mask), uint64(index), uint64(cleared)
		v.table(t.table).taints = append(v.table(t.table).taints, t)
		return json.Unmarshal(from, &t.from)
	})
}

func (v *View) loadCover(ctx context.Context, db *sql.DB) error {
	err := query(ctx, db, "SELECT data FROM run ORDER BY source, n", func(r *sql.Rows) error {
		var text []byte
		if err := r.Scan(&text); err != nil {
			return err
		}
		run := new(scope.Run)
		return restore(text, run, func() { v.gates.Restore(run) })
	})
	if err != nil {
		return err
	}
	err = query(ctx, db, "SELECT data FROM mark ORDER BY n", func(r *sql.Rows) error {
		var text []byte
		if err := r.Scan(&text); err != nil {
			return err
		}
		var m scope.Mark
		return restore(text, &m, func() { v.gates.RestoreMark(m) })
	})
	if err != nil {
		return err
	}
	err = query(ctx, db, "SELECT source, kept, kept_idx, at, idx, places, clock FROM vital", func(r *sql.Rows) error {
		var src uint32
		var kept, index int64
		p := new(vital)
		if err := r.Scan(&src, &p.kept, &kept, &p.at, &index, &p.places, &p.clock); err != nil {
			return err
		}
		p.keptIndex, p.index = uint64(kept), uint64(index)
		if runs := v.gates.RunsOf(v.names.texts[src]); len(runs) > 0 {
			p.run, p.number = runs[len(runs)-1], len(runs)-1
		}
		v.vitals[src] = p
		return nil
	})
	if err != nil {
		return err
	}
	err = query(ctx, db, "SELECT site, at FROM due", func(r *sql.Rows) error {
		var site string
		var at int64
		if err := r.Scan(&site, &at); err != nil {
			return err
		}
		v.gates.RestoreDue(site, at)
		return nil
	})
	if err != nil {
		return err
	}
	return query(ctx, db, "SELECT at FROM watermark", func(r *sql.Rows) error { return r.Scan(&v.watermark) })
}

func restore(text []byte, into any, then func()) error {
	if err := json.Unmarshal(text, into); err != nil {
		return err
	}
	then()
	return nil
}

// loadPending finds the blocks with records that are not over.
func (v *View) loadPending(ctx context.Context, db *sql.DB) error {
	err := query(ctx, db, "SELECT coalesce(min(hour), 0), coalesce(max(hour), -1) FROM page", func(r *sql.Rows) error {
		return r.Scan(&v.pages.first, &v.pages.last)
	})
	if err != nil || v.watermark == math.MinInt64 {
		return err
	}
	top := widths[levelTop]
	from := floorDiv(hourOf(v.watermark), top) * top
	err = query(ctx, db, "SELECT DISTINCT hour FROM page WHERE hour >= ?", func(r *sql.Rows) error {
		var h int64
		if err := r.Scan(&h); err != nil {
			return err
		}
		for level, width := range widths {
			if b := floorDiv(h, width); !over(level, b, v.watermark) {
				v.rolls.pending[level][b] = true
			}
		}
		return nil
	}, from)
	if err != nil {
		return err
	}
	return query(ctx, db, "SELECT coalesce(max(hi - lo), 0) FROM spill", func(r *sql.Rows) error { return r.Scan(&v.pages.reach) })
}

// loadEver gathers everybody who ever crossed exactly, by table.
func (v *View) loadEver(ctx context.Context) error {
	tables := map[uint32]bool{}
	for _, k := range v.series.list {
		tables[k.table] = true
	}
	w := scope.Frame{OpenFrom: true, OpenTill: true}
	err := v.gather(ctx, w, nil, dimTable, sortedKeys(tables), func(e entry) error {
		k := v.series.list[e.series]
		if k.class != event.Exact {
			return nil
		}
		return v.rolls.everAt(tableSource{k.table, k.source}).set.addSet(e.set)
	}, func(r *record) {
		if k := v.series.list[r.series]; k.class == event.Exact {
			v.rolls.everCrossed(k, r.set)
		}
	})
	v.rolls.gatherEver()
	return err
}
