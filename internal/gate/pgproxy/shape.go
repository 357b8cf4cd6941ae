package pgproxy

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/lineage"
	"sekisho/internal/sqlscan"
)

// shape is a statement without its literals. Shapes are shared by all sessions
// of a gate.
type shape struct {
	id     event.StatementID
	canon  []byte
	text   string      // canon as recorded; no values
	stated atomic.Bool // its event.Statement is recorded

	plans atomic.Pointer[[]*analysed] // appended to by copy under registry.mu
	wide  sync.Map                    // reason → *plan

	kind     sqlscan.Kind // Unknown for data that no statement explains
	code     atomic.Pointer[knownCode]
	noInject atomic.Bool // adding key columns made it fail

	calls bool // it may call a function that is not PostgreSQL's own
	sets  bool // set_config or pg_settings stands in it: it may change settings
	// conflict: ON CONFLICT stands in it, perhaps.
	conflict bool

	// moves: values may come from rows that it reads.
	moves bool

	whole bool // it has no WHERE, LIMIT, FETCH, JOIN or HAVING: a whole table
}

// analysed is a plan for one environment.
type analysed struct {
	env     *environment
	variant variant
	epoch   uint64
	types   []uint32
	text    uint64 // keyed hash of the text it holds for; 0: every text of the shape
	until   int64  // UTC ns; a failed analysis is asked again later. 0: for good
	plan    *plan
}

// environment is what, apart from its text, decides what a statement means.
// Environments are interned: equal ones are the same pointer.
type environment struct {
	searchPath, role, user string // as SHOW tells them
	temps                  string // names of temporary relations, joined by NUL
}

const (
	shards        = 64
	maxShardSize  = 512 // shapes a shard holds before it is emptied
	maxEnvPlans   = 32  // plans a shape holds before they are dropped
	retryAnalysis = 10 * time.Second
)

// registry holds shapes, environments and analyses of a gate. Look-ups of what
// is known take no lock.
type registry struct {
	shapes [shards]atomic.Pointer[map[uint64]*shape]

	mu      sync.Mutex // serialises changes of all below and of shape.plans
	envs    map[environment]*environment
	pending map[pendingKey]*pending
	busy    int
	waiting []*pending

	*Common
	passed atomic.Uint64 // counts beginnings and ends of schema changes that passed this gate
}

type pendingKey struct {
	shape   *shape
	env     *environment
	variant variant
	epoch   uint64
	types   string
	text    uint64
}

type pending struct {
	key     pendingKey
	request lineage.Request
	types   []uint32
	text    uint64
	wakes   []func()
}

// lookup returns the shape of a fingerprint and canonical text, or nil.
func (r *registry) lookup(fingerprint uint64, canon []byte) *shape {
	m := r.shapes[fingerprint%shards].Load()
	if m == nil {
		return nil
	}
	if s := (*m)[fingerprint]; s != nil && bytes.Equal(s.canon, canon) {
		return s
	}
	return nil
}

// shape returns the shape of a statement of sql.
func (r *registry) shape(st *sqlscan.Statement, sql []byte) *shape {
	fingerprint, canon := st.Fingerprint, st.Canon
	if s := r.lookup(fingerprint, canon); s != nil {
		return s
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.lookup(fingerprint, canon); s != nil {
		return s
	}
	s := newShape(fingerprint, canon, sqlscan.Normalised(sql, st, nil))
	s.kind = st.Kind
	slot := &r.shapes[fingerprint%shards]
	next := map[uint64]*shape{}
	if old := slot.Load(); old != nil && len(*old) < maxShardSize {
		for k, v := range *old {
			next[k] = v
		}
	}
	// Two texts with one fingerprint: the newer takes the place, so the older
	// is asked for again. Neither ever gets the other's analysis.
	next[fingerprint] = s
	slot.Store(&next)
	return s
}

func newShape(fingerprint uint64, canon, text []byte) *shape {
	if len(text) > maxStatementText {
		text = append(text[:maxStatementText], " …"...)
	}
	s := &shape{id: event.StatementID(fingerprint), canon: bytes.Clone(canon), text: string(bytes.ToValidUTF8(text, []byte("?")))}
	s.sets = bytes.Contains(canon, []byte("set_config")) || bytes.Contains(canon, []byte("pg_settings"))
	s.calls = callsCode(canon)
	s.conflict = hasWord(canon, "conflict")
	s.moves = hasWord(canon, "insert", "update", "merge") && hasWord(canon, "select", "using", "table", "with", "from", "execute")
	s.whole = !hasWord(canon, "where", "limit", "fetch", "join", "having")
	return s
}

// hasWord reports whether one of the lower-case words stands in canon
// (sqlscan.Statement.Canon) by itself.
func hasWord(canon []byte, words ...string) bool {
	part := func(b byte) bool {
		return b == '_' || b == '$' || b == '"' || b >= 0x80 || '0' <= b && b <= '9' || 'a' <= b && b <= 'z'
	}
	for _, w := range words {
		for rest := canon; ; {
			i := bytes.Index(rest, []byte(w))
			if i < 0 {
				break
			}
			end := i + len(w)
			if (i == 0 || !part(rest[i-1])) && (end == len(rest) || !part(rest[end])) {
				return true
			}
			rest = rest[end:]
		}
	}
	return false
}

// maxStatementText bounds the text of an event.Statement, in bytes.
const maxStatementText = 16 << 10

func (r *registry) intern(env environment) *environment {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.envs[env]; p != nil {
		return p
	}
	if r.envs == nil || len(r.envs) > 4096 {
		r.envs = map[environment]*environment{}
	}
	p := &env
	r.envs[env] = p
	return p
}

// known returns the plan of a shape in an environment, or nil.
func (r *registry) known(s *shape, env *environment, v variant, c *command, now int64) *plan {
	list := s.plans.Load()
	if list == nil {
		return nil
	}
	epoch := r.epoch.Load()
	for _, a := range *list {
		if a.env == env && a.variant == v && a.epoch == epoch && slices.Equal(a.types, c.types) && (a.until == 0 || now < a.until) &&
			(a.text == 0 || a.text == c.textSum()) {
			return a.plan
		}
	}
	return nil
}

// ask has a statement analysed, unless that is under way, and calls wake when
// known may have an answer. The text is copied.
func (g *shared) ask(c *command, env *environment, v variant, encoding string, wake func()) {
	key := pendingKey{c.shape, env, v, g.reg.epoch.Load(), typesKey(c.types), c.textSum()}
	g.reg.mu.Lock()
	if p := g.reg.pending[key]; p != nil {
		p.wakes = append(p.wakes, wake)
		g.reg.mu.Unlock()
		return
	}
	p := &pending{key: key, request: c.request(env, v, encoding), types: slices.Clone(c.types), text: key.text, wakes: []func(){wake}}
	p.request.Epoch = key.epoch
	if g.reg.pending == nil {
		g.reg.pending = map[pendingKey]*pending{}
	}
	g.reg.pending[key] = p
	start := g.reg.busy < g.Analyses
	if start {
		g.reg.busy++
	} else {
		g.reg.waiting = append(g.reg.waiting, p)
	}
	g.reg.mu.Unlock()
	if start {
		g.spawn(func() { g.analyse(p) })
	}
}

func typesKey(types []uint32) string {
	b := make([]byte, 0, 4*len(types))
	for _, t := range types {
		b = append(b, byte(t>>24), byte(t>>16), byte(t>>8), byte(t))
	}
	return string(b)
}

// analyse runs one analysis after another until none waits.
func (g *shared) analyse(p *pending) {
	for p != nil {
		a, err := g.Analyser.Analyse(g.ctx, p.request)
		if err != nil || a == nil {
			g.metrics.AnalysisFailures.Add(1)
			a = nil
		}
		p = g.analysed(p, a)
	}
}

// analysed stores an answer, wakes who waits for it and returns the next
// question.
func (g *shared) analysed(p *pending, a *lineage.Analysis) (next *pending) {
	if a != nil {
		g.laundering.wasRead(p.key.epoch)
	}
	entry := &analysed{env: p.key.env, variant: p.key.variant, epoch: p.key.epoch, types: p.types}
	if a == nil {
		entry.plan = g.widePlan(p.key.shape, "analysis failed")
		entry.until = g.Now().Add(retryAnalysis).UnixNano()
	} else {
		entry.plan = g.newPlan(p.key.shape, a)
		if a.Literal {
			entry.text = p.text
			if a.Opaque != "" { // true of any text, and worth asking again
				entry.text, entry.until = 0, g.Now().Add(retryAnalysis).UnixNano()
			}
		}
		if p.key.variant&variantExplain != 0 {
			entry.plan = g.explainPlan(entry.plan)
		}
	}
	r := &g.reg
	r.mu.Lock()
	r.addPlan(p.key.shape, entry)
	delete(r.pending, p.key)
	if len(r.waiting) > 0 {
		next, r.waiting = r.waiting[0], r.waiting[1:]
	} else {
		r.busy--
	}
	wakes := p.wakes
	r.mu.Unlock()
	for _, wake := range wakes {
		wake()
	}
	return next
}

// addPlan publishes an entry; those of past epochs and failed ones of the same
// environment make room. The caller holds mu.
func (r *registry) addPlan(s *shape, entry *analysed) {
	var next []*analysed
	if old := s.plans.Load(); old != nil && len(*old) < maxEnvPlans {
		for _, a := range *old {
			same := a.env == entry.env && a.variant == entry.variant && slices.Equal(a.types, entry.types) && a.text == entry.text
			if a.epoch == r.epoch.Load() && !same {
				next = append(next, a)
			}
		}
	}
	next = append(next, entry)
	s.plans.Store(&next)
}

// invalidate drops a plan that the server contradicted, wherever it is known.
func (g *shared) invalidate(p *plan) {
	g.metrics.Mismatches.Add(1)
	r := &g.reg
	r.mu.Lock()
	defer r.mu.Unlock()
	old := p.shape.plans.Load()
	if old == nil {
		return
	}
	next := slices.DeleteFunc(slices.Clone(*old), func(a *analysed) bool { return a.plan == p })
	p.shape.plans.Store(&next)
}

// wide returns the shape's plan that is bounded over everything for a reason.
func (g *shared) wideOf(s *shape, reason string) *plan {
	if p, ok := s.wide.Load(reason); ok {
		return p.(*plan)
	}
	p, _ := s.wide.LoadOrStore(reason, g.widePlan(s, reason))
	return p.(*plan)
}

// schemaChanging says that a session has uncommitted schema changes from now
// on; schemaChanged that they are committed or gone.
func (r *registry) schemaChanging() { r.changing.Add(1); r.epoch.Add(1); r.passed.Add(1) }
func (r *registry) schemaChanged() {
	r.epoch.Add(1)
	r.passed.Add(1)
	if r.changing.Add(-1) == 0 {
		r.calm.comes()
	}
}

// shared is what the engines of one gate have in common.
type shared struct {
	Settings
	ctx     context.Context
	started int64 // UTC ns
	reg     registry
	current atomic.Pointer[Rules]
	gapFrom atomic.Int64 // UTC ns since when nothing was recorded; 0: recording
	metrics *Metrics

	spawn func(func()) // runs an analysis; its owner waits for it
	log   func(op string, err error)
	say   func(text string) string // Config.Say

	findings sync.Map // findingKey → struct{}
	changed  counters

	outlasting outlasting

	unknownShape, notifyShape, fastpathShape, loginShape, streamShape, carriedShape *shape
	showPlan                                                                        *plan // of SHOW: rows that are no crossing
}

// explainPlan is p for EXPLAIN: the plan's text is no row of the statement, and
// everything it touches is bounded.
func (g *shared) explainPlan(p *plan) *plan {
	if p.opaque != "" {
		return p
	}
	q := &plan{shape: p.shape, analysis: p.analysis, writes: p.writes, explain: true}
	for _, part := range p.parts {
		part.class, part.reason, part.numbers = event.Bounded, "explain", nil
		q.bounded = append(q.bounded, len(q.parts))
		q.parts = append(q.parts, part)
	}
	return q
}
