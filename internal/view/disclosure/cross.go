package disclosure

import (
	"context"
	"database/sql"
	"slices"

	"sekisho/internal/event"
	"sekisho/proof/scope"
)

// actorsOf finds the clients and sessions that a narrow question is about.
func (e *evaluation) actorsOf(ctx context.Context) error {
	if !e.actors.Narrow() {
		return nil
	}
	e.sureClients, e.maySessions = map[uint32]bool{}, map[uint32]bool{}
	for id, c := range e.clients.list {
		if id > 0 && e.actors.Client(e.names.texts[c.user], e.names.texts[c.address]) {
			e.sureClients[uint32(id)] = true
		}
	}
	if len(e.q.Sessions) > 0 {
		e.sureSessions = map[uint32]bool{}
		for _, s := range e.q.Sessions {
			if err := e.namedSession(ctx, s); err != nil {
				return err
			}
		}
	}
	for _, label := range e.q.Labels {
		id, ok := e.names.ids[label]
		if !ok {
			continue
		}
		err := query(ctx, e.db.Read, "SELECT id FROM session WHERE label = ? AND client <> 0", e.may, id)
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *evaluation) may(r *sql.Rows) error {
	var id uint32
	err := r.Scan(&id)
	e.maySessions[id] = true
	return err
}

func (e *evaluation) namedSession(ctx context.Context, s scope.Session) error {
	return query(ctx, e.db.Read, "SELECT id, source, client FROM session WHERE number = ?", func(r *sql.Rows) error {
		var id, src, client uint32
		if err := r.Scan(&id, &src, &client); err != nil {
			return err
		}
		switch {
		case s.Source != "" && s.Source != e.names.texts[src]:
		case client == 0:
			e.maySessions[id] = true // it is this session, whoever that was
		case e.sureClients[client]:
			e.sureSessions[id] = true
		}
		return nil
	}, int64(s.ID))
}

// fit says how a session fits the actors.
func (e *evaluation) fit(session uint32) (sure, maybe bool) {
	if !e.narrow {
		return true, true
	}
	client := e.clientOf[session]
	sure = e.sureClients[client] && (e.sureSessions == nil || e.sureSessions[session])
	return sure, sure || e.maySessions[session] || client == 0 && e.sureSessions == nil
}

// cross gathers the crossings of the actors and enters them.
func (e *evaluation) cross(ctx context.Context) error {
	sure, maybe := totals{}, totals{}
	err := e.doubted(ctx)
	switch {
	case err != nil:
	case !e.actors.Narrow():
		err = e.crossAnybody(ctx, sure, maybe)
	case e.sureSessions != nil || len(e.maySessions) > 0:
		err = e.gatherAll(ctx, e.w, func(r *record) {
			e.ofActors(r, sure, maybe)
		})
	default:
		err = e.crossClients(ctx, sure, maybe)
	}
	if err != nil {
		return err
	}
	e.enter(sure, true)
	e.enter(maybe, false)
	for _, t := range []totals{sure, maybe} {
		for _, x := range t {
			e.temp = append(e.temp, &x.set)
		}
	}
	if !e.actors.Narrow() && len(e.doubts) == 0 {
		e.exact = sure
	}
	return nil
}

// doubted finds the times in which exact crossings are not confirmed, and the
// hours of the records that they touch: sums do not tell them apart.
func (e *evaluation) doubted(ctx context.Context) error {
	e.doubts = e.gates.Doubts(e.w)
	hours := map[int64]bool{}
	for _, m := range e.doubts {
		from, to := hourOf(m.From), min(hourOf(m.To), e.pages.last)
		for h := max(from, e.pages.first); h <= to; h++ {
			hours[h] = true
		}
		err := e.readSpills(ctx, e.db.Read, m.From, from, func(r *record) { hours[hourOf(r.lo)] = true })
		if err != nil {
			return err
		}
	}
	e.apart = sortedKeys(hours)
	return nil
}

// doubtful says that a record is in such a time.
func (e *evaluation) doubtful(r *record, table uint32) bool {
	return slices.ContainsFunc(e.doubts, func(m scope.Mark) bool {
		return m.Touches(e.names.texts[table], scope.Span{From: r.lo, To: r.hi})
	})
}

// asked reports whether a series is asked about.
func (e *evaluation) asked(id uint32) bool {
	if e.askedOf == nil {
		e.askedOf = make([]uint8, len(e.series.list))
	}
	if e.askedOf[id] == 0 {
		k := &e.series.list[id]
		e.askedOf[id] = 1
		if _, ok := e.narrowed(k.mask); ok {
			if _, ok = e.relevant(k.table); ok {
				e.askedOf[id] = 2
			}
		}
	}
	return e.askedOf[id] == 2
}

func (e *evaluation) ofActors(r *record, sure, maybe totals) {
	isSure, is := e.fit(r.session)
	if !is || !e.asked(r.series) {
		return
	}
	k := &e.series.list[r.series]
	if e.clientOf[r.session] == 0 && e.names.texts[k.reason] != scope.ReasonNoNumber {
		e.unnamed++
	}
	at, t := &e.sureOf, sure
	if !isSure || k.class == event.Exact && e.doubtful(r, k.table) {
		at, t = &e.maybeOf, maybe
	}
	if *at == nil {
		*at = make([]*total, len(e.series.list))
	}
	x := (*at)[r.series]
	if x == nil {
		x = t.at(r.series)
		(*at)[r.series] = x
	}
	x.addRecord(r, k.class, nil)
}

// seriesTables returns the places of all series that are asked about.
func (e *evaluation) seriesTables() []uint32 {
	set := map[uint32]bool{}
	for id := range e.series.list {
		if e.asked(uint32(id)) {
			set[e.series.list[id].table] = true
		}
	}
	return sortedKeys(set)
}

func (e *evaluation) crossAnybody(ctx context.Context, sure, maybe totals) error {
	err := e.gather(ctx, e.w, e.apart, dimTable, e.seriesTables(), func(x entry) error {
		if !e.asked(x.series) {
			return nil
		}
		return sure.wait(x, e.series.list[x.series].class)
	}, func(r *record) { e.ofActors(r, sure, maybe) })
	if err != nil {
		return err
	}
	// Sums by table do not tell who crossed without being announced.
	p := e.planned(e.w, e.apart)
	return e.gatherBlocks(ctx, &p, dimClient, []uint32{0}, func(x entry) error {
		if k := &e.series.list[x.series]; e.asked(x.series) && e.names.texts[k.reason] != scope.ReasonNoNumber {
			e.unnamed += x.n
		}
		return nil
	})
}

func (e *evaluation) crossClients(ctx context.Context, sure, maybe totals) error {
	err := e.gather(ctx, e.w, e.apart, dimClient, sortedKeys(e.sureClients), func(x entry) error {
		if !e.asked(x.series) {
			return nil
		}
		return sure.wait(x, e.series.list[x.series].class)
	}, func(r *record) { e.ofActors(r, sure, maybe) })
	if err != nil {
		return err
	}
	p := e.planned(e.w, e.apart)
	return e.gatherBlocks(ctx, &p, dimClient, []uint32{0}, func(x entry) error {
		if !e.asked(x.series) {
			return nil
		}
		if k := &e.series.list[x.series]; e.names.texts[k.reason] != scope.ReasonNoNumber {
			e.unnamed += x.n
		}
		return maybe.wait(x, e.series.list[x.series].class)
	})
}

// enter puts gathered crossings into the sums. Sure ones are by the actors
// without doubt.
func (e *evaluation) enter(t totals, sure bool) {
	classes := []int{int(scope.Reachable), noAggregates}
	if sure {
		classes = append(classes, int(scope.Confirmed))
	}
	masks, tables := map[maskSource][]*bag{}, map[tableSource][]*bag{}
	for id, x := range t {
		k := e.series.list[id]
		m, _ := e.narrowed(k.mask)
		if k.class == event.Exact {
			if x := e.rolls.ever[tableSource{k.table, k.source}]; x != nil {
				t[id].set.of = []*ever{x}
			}
			masks[maskSource{m, k.source}] = append(masks[maskSource{m, k.source}], &x.set)
			tables[tableSource{k.table, k.source}] = append(tables[tableSource{k.table, k.source}], &x.set)
			if sure {
				e.leaves = append(e.leaves, countLeaf{tableSource{k.table, k.source}, maskSource{m, k.source}, &x.set})
			}
			for _, c := range classes {
				e.sums[c].count(k.table, x.rows, x.lost)
			}
			continue
		}
		e.bound(k.table, k.class, e.names.texts[k.reason], x.n, x.rows)
		tables, _ := e.relevant(k.table)
		for _, id := range tables {
			w := e.want(id).bounded
			if k.class == event.Aggregate {
				w = e.want(id).aggregate
			}
			if w[m] == nil {
				w[m] = new(bag)
			}
			w[m].subs = append(w[m].subs, &x.set)
		}
	}
	// The unions are made once and shared by the classes.
	for k, list := range masks {
		set := e.unite(list)
		for _, c := range classes {
			at(e.sums[c].masks, k).own(set)
		}
	}
	for k, list := range tables {
		set := e.unite(list)
		for _, c := range classes {
			at(e.sums[c].tables, k).own(set)
		}
	}
}

func (e *evaluation) unite(list []*bag) *bag {
	if len(list) == 1 {
		return list[0]
	}
	set := &bag{subs: list}
	known := true
	for _, b := range list {
		known = known && len(b.of) > 0
		set.of = append(set.of, b.of...)
	}
	if !known {
		set.of = nil
	}
	e.temp = append(e.temp, set)
	return set
}

func (e *evaluation) bound(table uint32, class event.Class, reason string, n, rows uint64) {
	key := boundKey{table, class, reason}
	b := e.bounds[key]
	if b == nil {
		b = &scope.Bound{Table: e.names.texts[table], Class: "bounded", Reason: reason}
		if class == event.Aggregate {
			b.Class = "aggregate"
		}
		e.bounds[key] = b
	}
	b.Count += n
	b.Rows += rows
	if tables, _ := e.relevant(table); len(tables) == 0 {
		e.unknownPlace(e.names.texts[table])
	}
}

// intents enters the intents without completion: bounded, from when they were
// announced until their session or source ended, or the window does.
func (e *evaluation) intents(context.Context) error {
	for _, i := range e.View.intents {
		until := max(e.w.To, i.lo)
		if i.until != 0 {
			until = min(i.until, until)
		}
		span := scope.Span{From: i.lo, To: until}
		_, maybe := e.fit(i.session)
		if !maybe || !e.w.In(span) {
			continue
		}
		e.open++
		span = e.w.Clip(span)
		if i.since < i.lo { // what passed in the window may be older
			span.From = min(span.From, i.since)
		}
		for j := range i.parts {
			e.openPart(&i.parts[j], span, e.clientOf[i.session] == 0)
		}
	}
	return nil
}

func (e *evaluation) openPart(p *event.Part, span scope.Span, unnamed bool) {
	id := e.names.ids[string(p.Table)]
	tables, ok := e.relevant(id)
	m, about := e.narrowed(p.Elements)
	if !ok || !about {
		return
	}
	if unnamed {
		e.unnamed++
	}
	class := p.Class
	if class != event.Aggregate {
		class = event.Bounded
	}
	e.bound(id, class, scope.ReasonOpenIntent, 1, 0)
	for _, t := range tables {
		spans := e.want(t).boundedSpans
		if class == event.Aggregate {
			spans = e.want(t).aggregateSpans
		}
		spans[m] = append(spans[m], scope.Seconds(span))
	}
}
