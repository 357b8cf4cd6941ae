package datamap

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/roll"
)

// agreement is when each comparison was last exact, or its disagreement was
// last recorded.
type agreement struct{ sessions, changes, catalogue time.Time }

// latest returns since when somebody may have been unseen. complete says that
// no session escapes the comparison of sessions: then it does not matter that
// changes, which somebody always makes, agreed long ago.
func (a agreement) latest(complete bool) time.Time {
	all := []time.Time{a.sessions, a.catalogue}
	if !complete {
		all = append(all, a.changes)
	}
	return slices.MinFunc(all, time.Time.Compare)
}

// baseline is what the server's counters said when the gate had carried a
// known number. It moves when a difference was found.
type baseline struct {
	sessions  int64 // the server's count less ours
	tables    map[event.Place]*tableBase
	writes    Changes   // of the whole database, at the last look
	quiet     time.Time // since when nothing was written through the gate
	behind    time.Time // since when the server counts too few sessions; zero: it does not
	catalogue digest
	last      *sight
	strange   map[backend]time.Time // unknown at the last look, and when first seen
	known     map[backend]bool      // carried by the gate or ours, once
	agreed    agreement
	// suspects were there and unknown at the last look, which found sessions that
	// are not the gate's.
	suspects map[backend]bool
	// comparable: no session escapes the comparison of sessions.
	comparable bool
	// others: the last look found sessions that were not the gate's, and they may
	// have gone on after it.
	others bool
	doubt  doubt
}

// doubt is a change of the catalogue that what passed the gate may explain: it
// does if nobody else was there.
type doubt struct {
	from  time.Time // the catalogue's last agreement before it; zero: there is none
	since time.Time // the look that found it
}

func newBaseline(at time.Time, s *sight) *baseline {
	b := &baseline{
		// Logins under way may be in the server's count: without them the
		// baseline would hide as many sessions for good.
		sessions:  s.sessions - int64(s.established) - int64(s.pending),
		tables:    map[event.Place]*tableBase{},
		writes:    s.writes,
		quiet:     at,
		catalogue: s.catalogue, last: s,
		strange: map[backend]time.Time{}, known: map[backend]bool{}, agreed: agreement{at, at, at},
	}
	b.strangers(s)
	for place, t := range s.tables {
		c := newTableBase(at, t)
		// What the gate carried may be in the server's count already, or come.
		c.bound, c.known = t.server, t.gate.Unclear == 0
		b.tables[place] = c
	}
	return b
}

// tableBase bounds the changes of a table that are in the server's count and
// not in the gate's rows: what was there at first, and what nobody can count.
// The server may be late, and an unclear statement changed a number of rows
// that nobody knows, so the bound is learnt from looks that lie statsDelay
// apart: by the second the server has counted what had ended by the first.
type tableBase struct {
	bound   int64
	known   bool
	unclear uint64
	calm    time.Time // a look at which nothing was in flight; zero: none yet
	rows    uint64    // of the gate, then
}

func newTableBase(at time.Time, t tableSight) *tableBase {
	c := &tableBase{unclear: t.gate.Unclear}
	c.rest(at, t)
	return c
}

// rest remembers a look at which nothing was in flight.
func (c *tableBase) rest(at time.Time, t tableSight) {
	if c.calm.IsZero() && t.gate.InFlight == 0 {
		c.calm, c.rows = at, t.gate.Rows
	}
}

// learn lowers the bound. settled says that the server has counted all that
// passed the gate.
func (c *tableBase) learn(at time.Time, t tableSight, settled bool) {
	switch {
	case settled:
		c.lower(t.server - int64(t.gate.Rows))
	case !t.indirect && !c.calm.IsZero() && at.Sub(c.calm) >= statsDelay:
		c.lower(t.server - int64(c.rows))
		c.calm = time.Time{}
	}
	c.rest(at, t)
}

func (c *tableBase) lower(bound int64) {
	if !c.known || bound < c.bound {
		c.bound, c.known = bound, true
	}
}

// begunAnew says whether the server's counters cannot be compared with those
// of the last look: a crash or a reset throws them away, a clean restart keeps
// them.
func (b *baseline) begunAnew(s *sight) bool {
	if s.epoch != b.last.epoch || s.sessions < b.last.sessions {
		return true
	}
	for place, t := range s.tables {
		if old, ok := b.last.tables[place]; ok && t.oid == old.oid && t.server < old.server {
			return true
		}
	}
	return false
}

// compare returns what is certainly wrong, and moves the baseline past it.
func (b *baseline) compare(at time.Time, s *sight) (found []trouble) {
	sessions := b.compareSessions(at, s)
	found = append(found, sessions...)
	found = append(found, b.compareChanges(at, s)...)
	found = append(found, b.compareCatalogue(at, s)...)
	found = append(found, b.settleDoubt(at, b.others || len(sessions) > 0)...)
	b.others = len(sessions) > 0
	b.last = s
	return found
}

// reported notes that intervals up to at were recorded as uncovered.
func (b *baseline) reported(at time.Time, reasons map[string]bool) {
	for reason, agreed := range map[string]*time.Time{
		ReasonSessions: &b.agreed.sessions, ReasonChanges: &b.agreed.changes, ReasonCatalogue: &b.agreed.catalogue,
	} {
		if reasons[reason] {
			*agreed = at
		}
	}
}

// compareSessions compares counts and lists of sessions.
func (b *baseline) compareSessions(at time.Time, s *sight) []trouble {
	ended := b.ended(s)
	found := b.strangers(s)
	excess := s.sessions - b.sessions - int64(s.established)
	switch {
	case excess > int64(s.pending):
		surplus := excess - int64(s.pending)
		b.sessions += surplus
		if len(found) == 0 {
			found = append(found, trouble{
				reason: ReasonSessions, title: "sessions bypass the gate", from: b.agreed.sessions,
				detail: fmt.Sprintf("the server counts %d sessions that the gate did not carry", surplus),
			})
		}
	case excess == 0 && s.pending == 0 && len(found) == 0 && len(b.strange) == 0 && ended == 0:
		b.agreed.sessions = at
	}
	if len(found) == 0 && ended > 0 {
		found = append(found, trouble{
			reason: ReasonSessions, title: "sessions bypass the gate", from: b.agreed.sessions,
			detail: fmt.Sprintf("%d sessions that may have bypassed the gate ended since the last look", ended),
		})
	}
	b.suspect(s, len(found) > 0)
	return append(found, b.lagging(at, excess)...)
}

// ended counts the suspects that went since the last look: until then they may
// have gone on.
func (b *baseline) ended(s *sight) (n int) {
	for be := range b.suspects {
		if _, there := s.backends[be]; !there {
			n++
		}
	}
	return n
}

// suspect remembers who is there and unknown, when somebody was found.
func (b *baseline) suspect(s *sight, found bool) {
	b.suspects = nil
	if !found {
		return
	}
	b.suspects = map[backend]bool{}
	for be := range b.strange {
		if s.backends[be] == roll.Unknown {
			b.suspects[be] = true
		}
	}
}

// lagging notices that the server counts fewer sessions than were carried for
// longer than it may be late: its count says nothing then, and hides others.
func (b *baseline) lagging(at time.Time, excess int64) []trouble {
	switch {
	case excess >= 0:
		b.behind = time.Time{}
	case b.behind.IsZero():
		b.behind = at
	case at.Sub(b.behind) > 2*statsDelay:
		b.behind = time.Time{}
		b.sessions += excess
		return []trouble{{
			reason: ReasonSessions, title: "sessions cannot be compared", from: b.agreed.sessions,
			detail: "the server counts fewer sessions than the gate carried: is there a pooler in between?",
		}}
	}
	return nil
}

// strangers finds backends that are neither the gate's nor ours at two looks in
// a row. One whose session has just left the roll may not be gone yet, and a
// login that was under way before a stranger was first seen may be the
// stranger; a login that began later is not.
func (b *baseline) strangers(s *sight) []trouble {
	strange := map[backend]time.Time{}
	certain, perhaps := 0, 0
	for be, presence := range s.backends {
		if presence == roll.Serving {
			b.known[be] = true
		}
		if b.known[be] {
			continue
		}
		first, again := b.strange[be]
		if !again {
			first = s.listed
		}
		strange[be] = first
		switch {
		case !again || presence == roll.Left:
		case s.logins.Pending > 0 && !s.logins.Oldest.After(first):
			perhaps++
		default:
			certain++
		}
	}
	maps.DeleteFunc(b.known, func(be backend, _ bool) bool { _, there := s.backends[be]; return !there })
	b.strange = strange
	// One login is one stranger.
	lasting := certain + max(0, perhaps-int(s.logins.Pending))
	if lasting == 0 {
		return nil
	}
	return []trouble{{
		reason: ReasonSessions, title: "sessions bypass the gate", from: b.agreed.sessions,
		detail: fmt.Sprintf("%d sessions at the server are not the gate's", lasting),
	}}
}

// compareChanges compares the counters of changed rows, table by table.
func (b *baseline) compareChanges(at time.Time, s *sight) (found []trouble) {
	if s.writes.InFlight > 0 || s.writes.Rows != b.writes.Rows || s.writes.Unclear != b.writes.Unclear {
		b.quiet, b.writes = at, s.writes
	}
	settled := s.writes == (Changes{}) || at.Sub(b.quiet) >= statsDelay
	exact := true
	for _, place := range slices.Sorted(maps.Keys(s.tables)) {
		t := s.tables[place]
		old, seen := b.last.tables[place]
		c := b.tables[place]
		if c == nil || !seen || t.oid != old.oid || t.gate.Unclear != c.unclear || t.indirect && !settled {
			// New, made anew, or changed by what nobody can count. The gate
			// has asked for a scan where it could not tell the subjects.
			c = newTableBase(at, t)
			b.tables[place] = c
		}
		c.learn(at, t, settled)
		if !c.known {
			exact = false
			continue
		}
		excess := t.server - c.bound - int64(t.gate.Rows)
		exact = exact && excess == 0 && t.gate.InFlight == 0
		if excess > 0 && t.gate.InFlight == 0 {
			c.bound += excess
			found = append(found, trouble{
				reason: ReasonChanges, title: "rows were changed around the gate", from: b.agreed.changes,
				detail: fmt.Sprintf("%d changes of rows of %s did not pass the gate", excess, place),
			})
		}
	}
	if exact {
		b.agreed.changes = at
	}
	return found
}

// compareCatalogue compares digests. A change while statements passed that may
// have made it is in doubt until it is known who else was there.
func (b *baseline) compareCatalogue(at time.Time, s *sight) (found []trouble) {
	old, now := b.catalogue, s.catalogue
	b.catalogue = now
	switch {
	case now.text == old.text:
		b.agreed.catalogue = now.at
	case now.after == old.before:
		found = append(found, b.catalogueTrouble("relations, columns, views, functions or policies changed without a statement through the gate"))
	case now.shared != old.shared: // a session at another database may have done it
		found = append(found, b.catalogueTrouble("settings of roles or databases changed while the gate carried schema changes: nobody can tell which did it"))
	case b.doubt.from.IsZero():
		b.doubt = doubt{b.agreed.catalogue, at}
	}
	return found
}

func (b *baseline) catalogueTrouble(detail string) trouble {
	return trouble{reason: ReasonCatalogue, title: "the catalogue was changed around the gate", from: b.agreed.catalogue, detail: detail}
}

// settleDoubt says what became of a doubt. Whoever changes a database's
// catalogue has a session there. When all sessions up to a look after the change
// were the gate's, the gate carried it; the sessions of a look are read after
// its catalogue. disagree says that others were found.
func (b *baseline) settleDoubt(at time.Time, disagree bool) []trouble {
	d := b.doubt
	if d.from.IsZero() {
		return nil
	}
	detail := "the gate carried schema changes, and sessions that it did not carry were there: nobody can tell which changed it"
	switch {
	case disagree:
	case b.comparable && b.agreed.sessions.Equal(at):
		b.doubt = doubt{}
		return nil
	case b.comparable && at.Sub(d.since) <= 2*statsDelay:
		return nil
	default:
		detail = "the gate carried schema changes, and nobody can tell whether others were there"
	}
	b.doubt = doubt{}
	t := b.catalogueTrouble(detail)
	t.from = d.from
	return []trouble{t}
}
