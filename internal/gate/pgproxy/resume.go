package pgproxy

import (
	"context"
	"fmt"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/gate/netloop"
	"sekisho/internal/gate/pgproxy/pglogin"
	"sekisho/internal/lineage"
	"sekisho/internal/roll"
)

// resumed is a session that another gate kept, until Run takes it up.
type resumed struct {
	kept  Kept
	state keptState
	entry *roll.Entry
	locks []event.Place // that its transaction holds
}

// takeUp enters the sessions of Config.Resume into the roll: the watch must know
// them when it first looks. The server has counted them before that. What others
// must know of their transactions holds from here on.
func (g *Gate) takeUp() {
	for _, k := range g.cfg.Resume {
		r := resumed{kept: k}
		if err := g.fits(&r); err != nil {
			g.log("take up a session", err)
			k.Close()
			continue
		}
		if s, ok := g.cfg.Databases[g.nameOf(&r.state)]; ok { // of others nothing is compared
			s.Common.hours.merge(r.state.Who.User, r.state.Hour)
			if t := r.state.Transaction; t != nil {
				r.locks = s.Common.takeUp(t)
			}
			if stream := r.state.Streaming; stream != nil {
				stream.takeUp(s.Common)
			}
		}
		r.entry = g.roll.Begin()
		r.entry.Uncounted(r.state.Who.ServerPID)
		g.resumes = append(g.resumes, r)
	}
	g.cfg.Resume = nil
}

// nameOf is the database of a session that was kept.
func (g *Gate) nameOf(k *keptState) string {
	if k.Streaming != nil {
		return g.streamedName(k.Who.Database)
	}
	return k.Who.Database
}

// fits reads what a session brings along, and checks that it can go on here.
func (g *Gate) fits(r *resumed) error {
	k := &r.state
	if err := k.decode(r.kept.State); err != nil {
		return err
	}
	if now := g.acceptor.Server(); k.Server != now {
		return fmt.Errorf("it is at %q, and this gate at %q", k.Server, now)
	}
	if now := [2]bool{r.kept.Client.TLS != nil, r.kept.Upstream.TLS != nil}; k.Encrypted != now || k.Who.TLS != now[0] {
		return fmt.Errorf("legs over TLS: %v, before %v", now, k.Encrypted)
	}
	return nil
}

// resume takes up the sessions of another gate: each is recorded as open and
// asks the cuts, like one that begins. What they wrote last the server may not
// have counted yet.
func (g *Gate) resume(ctx context.Context) {
	g.mu.Lock()
	list := g.resumes
	g.resumes = nil
	g.mu.Unlock()
	wrote := map[*shared]int64{}
	for i := range list {
		r := &list[i]
		sh, err := g.goOn(ctx, r)
		if err != nil {
			g.log("take up a session", err)
			continue
		}
		wrote[sh] = max(wrote[sh], r.state.Wrote)
	}
	for sh, at := range wrote {
		if at != 0 {
			sh.unsettled(time.Unix(0, at).Add(statsDelay))
		}
	}
}

// statsDelay is how late the counters of a server's process may be
// (PGSTAT_MAX_INTERVAL, src/backend/utils/activity/pgstat.c).
const statsDelay = time.Minute

// unsettled says that until a time the server may count what was written before
// the start: nothing is compared until then, and from a new baseline after it.
func (g *shared) unsettled(until time.Time) {
	left := until.Sub(g.Now())
	if left <= 0 || len(g.Protected) == 0 {
		return
	}
	n := &g.changed
	n.total.inFlight.Add(1)
	n.any.inFlight.Add(1)
	g.spawn(func() {
		t := time.NewTimer(left)
		defer t.Stop()
		select {
		case <-t.C:
		case <-g.ctx.Done():
		}
		n.total.unclear.Add(1)
		n.any.unclear.Add(1)
		n.total.inFlight.Add(^uint64(0))
		n.any.inFlight.Add(^uint64(0))
	})
}

// goOn gives a session to the loop, or ends it.
func (g *Gate) goOn(ctx context.Context, r *resumed) (*shared, error) {
	k := &r.state
	login := &pglogin.Login{Client: netloop.Transport{Socket: r.kept.Client}, Upstream: netloop.Transport{Socket: r.kept.Upstream},
		PID: k.Who.ServerPID, Key: k.Key}
	g.acceptor.Resume(login)
	g.mu.Lock()
	sh, rec := g.database(ctx, g.nameOf(k)), g.cfg.Recorders[int(uint64(k.Session)%uint64(len(g.cfg.Recorders)))]
	g.mu.Unlock()
	s := &session{gate: g, login: login, entry: r.entry, since: k.Since, gone: make(chan struct{}), again: true}
	g.engage(ctx, s, newEngine(sh, ctx, rec, k.Session, k.Who))
	s.e.restore(k, r.locks)
	err := g.readmit(ctx, k)
	if err == nil {
		err = g.begin(ctx, s, rec)
	}
	if err != nil {
		r.kept.Close()
		login.Release()
		s.e.goes(s.e.late, s.e.unfinished()) // until its process is gone
	}
	return sh, err
}

// restore puts back what keep returned. The environment is asked for before the
// first statement.
func (e *engine) restore(k *keptState, locks []event.Place) {
	v := &e.env
	v.temp, v.askTemp, v.plain, v.setting, v.temps = k.Temporary, k.AskTemporary, k.Plain, k.Setting, k.Temporaries
	v.unsafeEncoding, v.encoding, v.trace = k.UnsafeEncoding, k.Encoding, k.Trace
	e.age = age{k.First, k.Began, k.Remembered}
	e.rows, e.bytesOut, e.wroteAt = k.Rows, k.BytesOut, k.Wrote
	e.client.Hold, e.server.Hold = max(e.client.Hold, k.ClientHold), max(e.server.Hold, k.ServerHold)
	e.limits.rows = k.LimitRows
	for source, set := range k.LimitSubjects {
		if e.limits.seen == nil {
			e.limits.seen = map[person]struct{}{}
		}
		for _, r := range set {
			for n := r.First; ; n++ {
				e.limits.seen[person{source, n}] = struct{}{}
				if n == r.Last {
					break
				}
			}
		}
	}
	for i := range k.Prepared {
		s := e.preparedAgain(&k.Prepared[i])
		e.prepared[s.name] = s
		e.heldMem += len(s.text)
	}
	if k.Unnamed != nil {
		e.unnamed = e.preparedAgain(k.Unnamed)
	}
	if k.Transaction != nil {
		e.restoreTransaction(k.Transaction, locks)
	}
	for i := range k.Portals {
		e.restorePortal(&k.Portals[i])
	}
	if k.Streaming != nil {
		e.restoreStream(k.Streaming)
	}
	if k.Cycle != nil {
		e.restoreCycle(k.Cycle)
	}
	v.nonstandard = k.Nonstandard
	e.g.signals.add(k.Signals, k.Anyone)
}

// preparedAgain makes a statement from its text, scanned as it was. What it
// means is found out when it is executed, as ever.
func (e *engine) preparedAgain(k *keptPrepared) *prepared {
	s := &prepared{name: k.Name, text: k.Text, trace: k.Trace, types: k.Types, scan: k.Scan, strip: k.Strip, added: insertion{k.At, k.Length}}
	if k.Strip > 0 {
		s.injection = &lineage.Injection{Columns: k.Columns}
	}
	if k.Known {
		e.env.nonstandard = !k.Scan.StandardConformingStrings
		if st := scanOne(s.text, s.scan); st != nil {
			s.command = e.newCommand(s.text, st, k.Parameters)
		}
	}
	return s
}
