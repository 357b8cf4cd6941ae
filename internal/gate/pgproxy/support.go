package pgproxy

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sekisho/internal/event"
)

// Metrics counts what a gate did. All counters only grow.
type Metrics struct {
	Sessions, Refused, Cut, Redacted   atomic.Uint64
	Lost, Mismatches, AnalysisFailures atomic.Uint64
	RecorderFailures, Errors, Injected atomic.Uint64
	LoginFailures                      atomic.Uint64
	// Statements that ended well, and rows that passed to clients, protected or
	// not; a session adds to them when it passes bytes on.
	Statements, Rows atomic.Uint64
}

// place is the place of a table named in a statement. A name without a schema
// is in the first schema of the search path that is no pg_temp and no "$user".
func (g *shared) place(name string, env *environment) event.Place {
	if strings.IndexByte(name, '.') < 0 {
		name = firstSchema(env) + "." + name
	}
	return g.Place + event.Place("/"+name)
}

func firstSchema(env *environment) string {
	if env != nil {
		for _, s := range strings.Split(env.searchPath, ",") {
			s = strings.Trim(strings.TrimSpace(s), `"`)
			if s != "" && s != "$user" && s != "pg_temp" && s != "pg_catalog" {
				return s
			}
		}
	}
	return "public"
}

// wide returns the shape's plan that is bounded over everything.
func (g *shared) wide(s *shape, reason string) *plan { return g.wideOf(s, reason) }

// looseOf is p with the parts that parameters would number bounded instead.
func (g *shared) looseOf(p *plan) *plan {
	if q := p.loose.Load(); q != nil {
		return q
	}
	q := &plan{shape: p.shape, analysis: p.analysis, writes: p.writes, always: p.always, strip: p.strip, cols: p.cols, whole: p.whole}
	q.parts = append(q.parts, p.parts...)
	q.bounded = append(append(q.bounded, p.bounded...), p.pinned...)
	q.writes = slices.Clone(q.writes)
	for i := range q.writes {
		q.writes[i].params = nil
	}
	for _, k := range p.params {
		if k.part >= 0 {
			q.parts[k.part].class, q.parts[k.part].reason, q.parts[k.part].numbers = event.Bounded, "parameter not known", nil
			q.bounded = append(q.bounded, k.part)
		}
	}
	p.loose.Store(q)
	return q
}

// gapBegins and gapEnds frame what an open fail mode could not record.
func (g *shared) gapBegins(now int64) { g.gapFrom.CompareAndSwap(0, now) }

func (g *shared) gapEnds(rec event.Recorder, from, now int64) {
	if !g.gapFrom.CompareAndSwap(from, 0) {
		return
	}
	if _, err := rec.Submit(event.Written, nil, &event.Gap{From: from, To: now, Places: []event.Place{g.Place}, Reason: "recorder failed"}); err != nil {
		g.gapFrom.CompareAndSwap(0, from)
	}
}

type findingKey struct {
	session event.Session
	code    string
	title   string
}

// firstFinding reports whether a session has not had this finding yet.
func (g *shared) firstFinding(s event.Session, code, title string) bool {
	_, seen := g.findings.LoadOrStore(findingKey{s, code, title}, struct{}{})
	return !seen
}

func (g *shared) forgetFindings(s event.Session) {
	g.findings.Range(func(k, _ any) bool {
		if k.(findingKey).session == s {
			g.findings.Delete(k)
		}
		return true
	})
}

// hourly counts rows and persons of each database user over the last 60
// minutes.
type hourly struct {
	mu    sync.Mutex
	users map[string]*hour
}

type hour struct {
	rows    [60]uint64
	minutes [60]int64
	seen    map[person]int64 // subject → minute it last passed
	swept   int64
}

func (h *hourly) of(user string) *hour {
	if h.users == nil {
		h.users = map[string]*hour{}
	}
	u := h.users[user]
	if u == nil {
		u = &hour{seen: map[person]int64{}}
		h.users[user] = u
	}
	return u
}

// add counts rows and returns those of the last 60 minutes.
func (h *hourly) add(user string, now int64, rows uint64) (sum uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	u, minute := h.of(user), now/int64(time.Minute)
	i := minute % 60
	if u.minutes[i] != minute {
		u.minutes[i], u.rows[i] = minute, 0
	}
	u.rows[i] += rows
	for k := range u.rows {
		if minute-u.minutes[k] < 60 {
			sum += u.rows[k]
		}
	}
	return sum
}

// subject counts a person and returns how many passed in the last 60 minutes.
func (h *hourly) subject(user string, now int64, n person) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	u, minute := h.of(user), now/int64(time.Minute)
	u.seen[n] = minute
	if minute != u.swept {
		u.swept = minute
		for k, m := range u.seen {
			if minute-m >= 60 {
				delete(u.seen, k)
			}
		}
	}
	return uint64(len(u.seen))
}
