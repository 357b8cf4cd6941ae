package disclosure

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/viewdb"
	"sekisho/proof/scope"
)

// Config is what a View needs.
type Config struct {
	// Path of the view's database file.
	Path string
	// Silence is how long a gate may go without a sign of life before the time
	// since counts as uncovered; 0 means scope.DefaultSilence. Changing it
	// makes the view anew.
	Silence time.Duration
	// First is the first event that retention has left. A view that is made now
	// remembers it (see Begun); one that is there keeps its own.
	First event.Index
	// CacheBytes bounds the memory for stored sets between questions; 0 means
	// 256 MiB.
	CacheBytes int
}

// View is the disclosure view. Fold methods are for a view.Follower; all
// others are safe for concurrent use.
type View struct {
	db    *viewdb.DB
	cache *cache

	// mu is held for writing during a batch and for reading during a question.
	mu      sync.RWMutex
	batches uint64 // begun
	paused  func() // in tests only: while a question lets others fold

	names      *names
	clients    *clients
	series     *series
	statements map[uint64]uint32
	sessions   map[sessionKey]*session  // open, or changed in this batch
	clientOf   []uint32                 // by session id
	highest    map[uint32]event.Session // session number by source
	gates      *scope.Gates
	intents    map[intentKey]*intent
	tables     map[uint32]*table
	scanCount  uint32
	scanEpoch  uint64 // changes when a scan that was whole got more
	// changeReach is the longest time, in ns, that a change may have taken.
	changeReach int64
	vitals      map[uint32]*vital
	watermark   int64
	index       event.Index // of the event that is being applied
	pages       pages
	rolls       rolls

	changed changed
}

// known is a table and the event that first named it.
type known struct {
	table uint32
	index event.Index
}

// changed is what Save has to write.
type changed struct {
	tables     []known
	sessions   []*session
	statements []statement
	intents    map[intentKey]bool
	scans      []*scan
	scanSets   []scanSet
	changes    []change
	taints     []*taint
	runs       map[*scope.Run]bool
	marks      map[int]bool
	signs      []sign
	destroyed  map[string]int64
	due        map[string]int64 // ledger index, by remote process
	watermark  bool
}

type sessionKey struct {
	source uint32
	number event.Session
}

type session struct {
	sessionKey
	id             uint32
	client         uint32
	label, place   uint32
	opened, closed int64
	index          int64
	first, last    int64 // hours
	saved, dirty   bool
}

type statement struct {
	id     uint32
	number uint64
	text   string
}

type intentKey struct {
	source uint32
	worker uint16
	seq    event.Seq
}

type intent struct {
	session uint32
	lo      int64
	since   int64 // from when on what crosses may have rested there
	until   int64 // 0: open
	ended   uint64
	index   uint64
	parts   []event.Part
}

type sign struct {
	source uint32
	run    int // of the source's runs; 0 where it does not matter
	at     int64
	index  uint64
	fixed  bool
}

// Open opens or makes the view at cfg.Path.
func Open(ctx context.Context, cfg Config) (*View, error) {
	if cfg.Silence == 0 {
		cfg.Silence = scope.DefaultSilence
	}
	if cfg.CacheBytes == 0 {
		cfg.CacheBytes = 256 << 20
	}
	db, fresh, err := viewdb.Open(ctx, cfg.Path, fmt.Sprintf("%s, silence %v", stamp, cfg.Silence), schema)
	if err != nil {
		return nil, err
	}
	v := newView(db, cfg)
	if fresh {
		_, err = db.Write.ExecContext(ctx, "UPDATE begun SET first = ?", int64(cfg.First))
	}
	if err == nil {
		err = v.load(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return v, nil
}

func newView(db *viewdb.DB, cfg Config) *View {
	v := &View{db: db, cache: newCache(cfg.CacheBytes), names: newNames(), clients: newClients(), series: newSeries(),
		statements: map[uint64]uint32{}, sessions: map[sessionKey]*session{}, highest: map[uint32]event.Session{}, gates: scope.NewGates(cfg.Silence),
		intents: map[intentKey]*intent{}, tables: map[uint32]*table{}, vitals: map[uint32]*vital{}, watermark: math.MinInt64}
	v.pages.tails, v.pages.last = map[int64]*tail{}, -1
	v.rolls.init()
	v.resetChanged()
	return v
}

func (v *View) resetChanged() {
	v.changed = changed{intents: map[intentKey]bool{}, runs: map[*scope.Run]bool{}, marks: map[int]bool{}, destroyed: map[string]int64{}, due: map[string]int64{}}
}

// Begun returns the first event that retention had left when the view was made. Of what
// was dropped since, the view holds more than a rebuild would.
func (v *View) Begun(ctx context.Context) (first event.Index, err error) {
	if err := v.db.Read.QueryRowContext(ctx, "SELECT first FROM begun").Scan(&first); err != nil {
		return 0, fmt.Errorf("read with what the view began: %w", err)
	}
	return first, nil
}

// Close closes the database.
func (v *View) Close() error { return v.db.Close() }

// DB implements view.Fold.
func (v *View) DB() *sql.DB { return v.db.Write }

// Begin implements view.Fold.
func (v *View) Begin() {
	v.mu.Lock()
	v.batches++
}

// End implements view.Fold.
func (v *View) End() { v.mu.Unlock() }

// Apply implements view.Fold.
func (v *View) Apply(index event.Index, e *event.Event) (used bool, err error) {
	at, ce := e.At.UnixNano(), int64(e.ClockErr)
	if at > v.watermark {
		v.watermark, v.changed.watermark = at, true
	}
	v.index = index
	src := v.names.id(string(e.Source))
	gate := strings.HasPrefix(string(e.Source), "gate/")
	switch b := e.Body.(type) {
	case *event.SourceStart:
		v.endIntents(at+ce, func(k intentKey, _ *intent) bool { return k.source == src })
		v.endSessions(src, at+ce)
		if gate {
			v.life(index, src, at, v.gates.Started(string(e.Source), at, ce, b.Start, texts(b.Places)), true)
		} else {
			v.sign(index, src, at, true) // it ends intents
		}
	case *event.SourceStop:
		if gate {
			v.life(index, src, at, v.gates.Stopped(string(e.Source), at, ce), true)
		}
	case *event.Heartbeat:
		if gate {
			v.life(index, src, at, v.gates.Alive(string(e.Source), at, ce, texts(b.Places)), false)
		}
	case *event.PlacesChanged:
		if gate {
			v.life(index, src, at, v.gates.Changed(string(e.Source), at, ce, texts(b.Begun), texts(b.Ended)), true)
		}
	case *event.Gap:
		v.mark(index, src, at, scope.MarkOf(string(e.Source), at, ce, b.From, b.To, texts(b.Places), b.Reason))
	case *event.Coverage:
		v.mark(index, src, at, scope.MarkOf(string(e.Source), at, ce, b.From, b.To, texts(b.Places), b.Reason))
	case *event.Bypass:
		for _, i := range v.gates.Bypass(string(e.Source), at, ce, texts(b.Places), b.Open) {
			v.changed.marks[i] = true
		}
		v.sign(index, src, at, true)
	case *event.SessionOpen:
		err = v.openSession(index, src, at-ce, b)
	case *event.SessionClose:
		err = v.closeSession(src, at+ce, b)
	case *event.Statement:
		v.statement(uint64(b.Statement), b.Text)
	case *event.Intent:
		err = v.intent(index, intentKey{src, e.Worker, e.Seq}, ce, b)
	case *event.Crossing:
		err = v.crossing(index, src, e.Worker, ce, b)
	case *event.HoldingScan:
		v.holdingScan(index, src, ce, b)
	case *event.HoldingChange:
		v.holdingChange(index, at-ce, at+ce, b)
	case *event.Taint:
		v.taint(index, src, at, ce, b)
	case *event.Cleared:
		v.clear(index, src, at, ce, b)
	case *event.RecordDue:
		v.due(index, at, ce, b)
	case *event.KeyDestroyed:
		v.changed.destroyed[b.KeyID] = int64(index)
	default:
		return false, nil
	}
	return true, err
}

func (v *View) statement(number uint64, text string) uint32 {
	id, known := v.statements[number]
	if !known {
		id = uint32(len(v.statements) + 1)
		v.statements[number] = id
	}
	if !known || text != "" {
		v.changed.statements = append(v.changed.statements, statement{id, number, text})
	}
	return id
}

// sessionOf returns a session, from memory or from the database; one that was
// never announced gets client 0.
func (v *View) sessionOf(src uint32, number event.Session) (*session, error) {
	key := sessionKey{src, number}
	if s := v.sessions[key]; s != nil {
		return s, nil
	}
	s := &session{sessionKey: key}
	if top, any := v.highest[src]; !any || number > top { // numbers mostly ascend: it cannot be on disk
		v.highest[src] = number
		v.newSession(s)
		return s, nil
	}
	row := v.db.Write.QueryRow(`SELECT id, client, label, place, opened, closed, idx, first, last FROM session
		WHERE source = ? AND number = ?`, src, int64(number))
	err := row.Scan(&s.id, &s.client, &s.label, &s.place, &s.opened, &s.closed, &s.index, &s.first, &s.last)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		v.newSession(s)
		return s, nil
	case err != nil:
		return nil, fmt.Errorf("read session: %w", err)
	default:
		s.saved = true
	}
	v.sessions[key] = s
	return s, nil
}

func (v *View) newSession(s *session) {
	s.id, s.index, s.opened, s.first, s.last = uint32(len(v.clientOf)), -1, math.MinInt64, math.MaxInt64, math.MinInt64
	v.clientOf = append(v.clientOf, 0)
	v.sessions[s.sessionKey] = s
	s.touch(v)
}

func (s *session) touch(v *View) {
	if !s.dirty {
		s.dirty = true
		v.changed.sessions = append(v.changed.sessions, s)
	}
}

func (v *View) openSession(index event.Index, src uint32, lo int64, b *event.SessionOpen) error {
	s, err := v.sessionOf(src, b.Session)
	if err != nil {
		return err
	}
	s.client = v.clients.id(client{v.names.id(b.User), v.names.id(b.Address)})
	s.label, s.place = v.names.id(b.Label), v.names.id(string(b.Place))
	s.opened, s.closed, s.index = lo, 0, int64(index)
	if v.clientOf[s.id] != s.client && s.first <= s.last { // it crossed before it was announced
		v.rolls.redo(s.first, s.last)
	}
	v.clientOf[s.id] = s.client
	s.touch(v)
	return nil
}

func (v *View) closeSession(src uint32, hi int64, b *event.SessionClose) error {
	s, err := v.sessionOf(src, b.Session)
	if err != nil {
		return err
	}
	s.closed = hi
	s.touch(v)
	v.endIntents(hi, func(_ intentKey, i *intent) bool { return i.session == s.id })
	return nil
}

func (v *View) endSessions(src uint32, hi int64) {
	for _, s := range v.sessions {
		if s.source == src && s.closed == 0 {
			s.closed = hi
			s.touch(v)
		}
	}
}

func (v *View) endIntents(at int64, which func(intentKey, *intent) bool) {
	for k, i := range v.intents {
		if i.until == 0 && which(k, i) {
			i.until, i.ended = at, uint64(v.index)
			v.changed.intents[k] = true
		}
	}
}

func (v *View) intent(index event.Index, k intentKey, ce int64, b *event.Intent) error {
	s, err := v.sessionOf(k.source, b.Session)
	if err != nil {
		return err
	}
	v.statement(uint64(b.Statement), "")
	for i := range b.Parts {
		v.names.id(string(b.Parts[i].Table))
	}
	v.intents[k] = &intent{session: s.id, lo: b.From - ce, since: since(b.Since, b.From) - ce, index: uint64(index), parts: b.Parts}
	v.changed.intents[k] = true
	return nil
}

// since is the beginning of what a crossing shows: its own, unless an earlier one
// is said.
func since(said, from int64) int64 {
	if said == 0 {
		return from
	}
	return min(said, from)
}

func (v *View) crossing(index event.Index, src uint32, worker uint16, ce int64, b *event.Crossing) error {
	s, err := v.sessionOf(src, b.Session)
	if err != nil {
		return err
	}
	r := record{index: uint64(index), lo: b.From - ce, hi: max(b.From, b.To) + ce, since: since(b.Since, b.From) - ce, session: s.id,
		statement: v.statement(uint64(b.Statement), "")}
	for i := range b.Parts {
		p := &b.Parts[i]
		table := v.names.id(string(p.Table))
		if v.tables[table] == nil {
			v.seeTable(p.Table)
		}
		k := kind{table, v.names.id(string(p.Source)), p.Elements, p.Class, v.names.id(p.Reason)}
		if k.class != event.Exact && k.class != event.Aggregate {
			k.class = event.Bounded
		}
		r.series, r.rows, r.lost, r.set = v.series.id(k), p.Rows, p.Unknown, nil
		if k.class == event.Exact {
			r.set = p.Subjects
			v.rolls.everCrossed(k, p.Subjects)
		}
		if err := v.record(&r); err != nil {
			return err
		}
		if k.class == event.Exact && p.Unknown > 0 {
			k.class, k.reason = event.Bounded, v.names.id(scope.ReasonNoNumber)
			r.series, r.rows, r.lost, r.set = v.series.id(k), p.Unknown, 0, nil
			if err := v.record(&r); err != nil {
				return err
			}
		}
	}
	if h := hourOf(r.lo); len(b.Parts) > 0 && (h < s.first || h > s.last) {
		s.first, s.last = min(s.first, h), max(s.last, h)
		s.touch(v)
	}
	if k := (intentKey{src, worker, b.Intent}); !b.More && v.intents[k] != nil {
		delete(v.intents, k)
		v.changed.intents[k] = true
	}
	return nil
}

func (v *View) record(r *record) error {
	t, err := v.pages.tail(v.db.Write, hourOf(r.lo))
	if err != nil {
		return err
	}
	t.add(r)
	v.pages.see(hourOf(r.lo))
	v.rolls.touch(hourOf(r.lo))
	if hourOf(r.hi) != hourOf(r.lo) {
		v.pages.spills = append(v.pages.spills, newSpill(r))
		v.pages.reach = max(v.pages.reach, r.hi-r.lo)
	}
	return nil
}

// seeTable makes a table known. "shop" is a database and none.
func (v *View) seeTable(place event.Place) *table {
	if !scope.IsTable(string(place)) {
		return nil
	}
	return v.table(v.names.id(string(place)))
}

func (v *View) table(id uint32) *table {
	t := v.tables[id]
	if t == nil {
		t = &table{id: id, held: map[uint32]*held{}}
		v.tables[id] = t
		v.changed.tables = append(v.changed.tables, known{id, v.index})
	}
	return t
}

// table is what is known of one table.
type table struct {
	id     uint32
	held   map[uint32]*held // by subject source
	taints []*taint
}
