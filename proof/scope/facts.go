package scope

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Kinds of events that matter here, as docs/format/events.md numbers them.
const (
	kindSourceStart   = 1
	kindSourceStop    = 2
	kindHeartbeat     = 3
	kindGap           = 4
	kindSessionOpen   = 10
	kindSessionClose  = 11
	kindIntent        = 13
	kindCrossing      = 14
	kindHoldingScan   = 20
	kindHoldingChange = 21
	kindTaint         = 22
	kindCoverage      = 23
	kindCleared       = 25
	kindBypass        = 42
	kindPlacesChanged = 116
	kindRecordDue     = 76
)

// Classes of a part, as docs/format/events.md numbers them.
const (
	classExact     = 1
	classBounded   = 2
	classAggregate = 3
)

// ReasonNoNumber is the reason of the bounded part that stands for rows of an
// exact part whose subject has no number.
const ReasonNoNumber = "subject without number"

// ReasonOpenIntent is the reason of an intent that was never completed.
const ReasonOpenIntent = "intent without completion"

// Unclassified is the element of what nobody has classified.
const Unclassified = "unclassified"

type line struct {
	Source string          `json:"s"`
	Worker uint16          `json:"w"`
	Seq    uint64          `json:"n"`
	At     int64           `json:"at"`
	CE     int64           `json:"ce"`
	Kind   int             `json:"k"`
	Body   json.RawMessage `json:"b"`
}

type part struct {
	Table    string   `json:"table"`
	Source   string   `json:"source"`
	Elements []string `json:"elements"`
	Class    int      `json:"class"`
	Reason   string   `json:"reason"`
	Rows     uint64   `json:"rows"`
	Subjects string   `json:"subjects"`
	Unknown  uint64   `json:"unknown"`
}

// body is the union of the fields of all bodies that matter.
type body struct {
	part             // of HoldingScan and HoldingChange: table, source, elements, rows, subjects, unknown
	Start   uint32   `json:"start"`
	Places  []string `json:"places"`
	Begun   []string `json:"begun"`
	Ended   []string `json:"ended"`
	From    int64    `json:"from"`
	To      int64    `json:"to"`
	Since   int64    `json:"since"`
	Reason  string   `json:"reason"`
	Session uint64   `json:"session"`
	User    string   `json:"user"`
	Address string   `json:"address"`
	Label   string   `json:"label"`
	Intent  uint64   `json:"intent"`
	More    bool     `json:"more"`
	Parts   []part   `json:"parts"`
	Scan    uint64   `json:"scan"`
	Part    uint32   `json:"part"`
	Op      string   `json:"op"`
	Open    bool     `json:"open"`
	Sites   []string `json:"sites"`
}

type scanBody struct {
	Parts uint32 `json:"parts"`
}

type taintBody struct {
	From     []string `json:"from"`
	Own      bool     `json:"own"`
	Standing bool     `json:"standing"`
	Shown    bool     `json:"shown"`
	Since    int64    `json:"since"`
}

type sessionKey struct {
	source string
	id     uint64
}

type client struct{ user, address, label string }

type crossing struct {
	session sessionKey
	span    Span
	held    Span // when what crossed rested there
	parts   []part
}

type intentKey struct {
	source string
	worker uint16
	seq    uint64
}

type intent struct {
	session sessionKey
	from    int64
	since   int64 // from when on what crosses may have rested there
	end     int64 // math.MaxInt64: still open
	parts   []part
}

type scan struct {
	span   Span
	order  int // of its first part in the ledger
	parts  uint32
	seen   map[uint32]bool
	pieces []piece
	rows   uint64
	lost   uint64 // rows without number
}

// piece is a set of subjects with the elements they have there.
type piece struct {
	elements []string
	set      *Set
}

type change struct {
	span Span
	op   string
	rows uint64
	lost uint64
	set  *Set
}

type scanKey struct {
	source string
	id     uint64
}

// held is what is known of one table and subject source.
type held struct {
	scans   map[scanKey]*scan
	changes []change
}

// taint is what was written from some places into a table, or into whatever
// lies at a place (a database).
type taint struct {
	at       int64
	source   string // who recorded it
	span     Span
	since    int64 // from when on what was written may have rested in from
	from     []string
	elements []string
	scanned  bool  // a scan of the table shows whose rows it brought
	until    int64 // somebody said that it was none for what is read later
	shown    bool  // by a site, which is asked about by its own name
}

// facts is what the lines say.
type facts struct {
	gates     *Gates
	sessions  map[sessionKey]client
	crossings []crossing
	intents   map[intentKey]*intent
	held      map[string]map[string]*held // by table, subject source
	taints    map[string][]*taint         // by place
	tables    map[string]bool
	lines     int
}

func newFacts(g *Gates) *facts {
	return &facts{gates: g, sessions: map[sessionKey]client{}, intents: map[intentKey]*intent{},
		held: map[string]map[string]*held{}, taints: map[string][]*taint{}, tables: map[string]bool{}}
}

func isGate(source string) bool { return strings.HasPrefix(source, "gate/") }

// add takes one line, in ledger order.
func (f *facts) add(text []byte) error {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return fmt.Errorf("event line %d: %w", f.lines, err)
	}
	f.lines++
	var b body
	switch l.Kind {
	case kindSourceStart, kindSourceStop, kindHeartbeat, kindGap, kindSessionOpen, kindSessionClose,
		kindIntent, kindCrossing, kindCoverage, kindBypass, kindHoldingChange, kindPlacesChanged, kindRecordDue:
		if err := json.Unmarshal(l.Body, &b); err != nil {
			return fmt.Errorf("event %s/%d/%d: %w", l.Source, l.Worker, l.Seq, err)
		}
	}
	moment := Span{l.At - l.CE, l.At + l.CE}
	session := sessionKey{l.Source, b.Session}
	switch l.Kind {
	case kindSourceStart:
		if isGate(l.Source) {
			f.gates.Started(l.Source, l.At, l.CE, b.Start, b.Places)
		}
		f.endIntents(moment.To, func(k intentKey, _ *intent) bool { return k.source == l.Source })
	case kindSourceStop:
		if isGate(l.Source) {
			f.gates.Stopped(l.Source, l.At, l.CE)
		}
	case kindHeartbeat:
		if isGate(l.Source) {
			f.gates.Alive(l.Source, l.At, l.CE, b.Places)
		}
	case kindPlacesChanged:
		if isGate(l.Source) {
			f.gates.Changed(l.Source, l.At, l.CE, b.Begun, b.Ended)
		}
	case kindGap, kindCoverage:
		f.gates.Mark(MarkOf(l.Source, l.At, l.CE, b.From, b.To, b.Places, b.Reason))
	case kindBypass:
		f.gates.Bypass(l.Source, l.At, l.CE, b.Places, b.Open)
	case kindRecordDue:
		f.gates.Due(l.At, l.CE, b.Sites)
	case kindSessionOpen:
		f.sessions[session] = client{b.User, b.Address, b.Label}
	case kindSessionClose:
		f.endIntents(moment.To, func(_ intentKey, i *intent) bool { return i.session == session })
	case kindIntent:
		f.intents[intentKey{l.Source, l.Worker, l.Seq}] = &intent{session, b.From - l.CE, since(b.Since, b.From) - l.CE, math.MaxInt64, b.Parts}
	case kindCrossing:
		f.see(b.Parts)
		to := max(b.From, b.To) + l.CE
		f.crossings = append(f.crossings, crossing{session, Span{b.From - l.CE, to}, Span{since(b.Since, b.From) - l.CE, to}, b.Parts})
		if !b.More {
			delete(f.intents, intentKey{l.Source, l.Worker, b.Intent})
		}
	case kindHoldingScan:
		return f.addScan(&l)
	case kindHoldingChange:
		set, err := ParseSet(b.Subjects)
		if err != nil {
			return err
		}
		h := f.heldAt(b.Table, b.Source)
		h.changes = append(h.changes, change{moment, b.Op, b.Rows, b.Unknown, set})
	case kindTaint:
		return f.addTaint(&l, moment)
	case kindCleared:
		return f.clear(&l, moment)
	}
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

// since is s from when on what crosses for i may have rested.
func (s Span) since(i *intent) Span {
	if i.since < i.from {
		s.From = min(s.From, i.since)
	}
	return s
}

// MarkOf makes the mark of a recorded gap or uncovered interval.
func MarkOf(source string, at, ce, from, to int64, places []string, reason string) Mark {
	if to < from {
		to = max(from, at)
	}
	return Mark{source, places, from - ce, to + ce, reason}
}

func (f *facts) endIntents(at int64, which func(intentKey, *intent) bool) {
	for k, i := range f.intents {
		if i.end == math.MaxInt64 && which(k, i) {
			i.end = at
		}
	}
}

func (f *facts) see(parts []part) {
	for i := range parts {
		f.seeTable(parts[i].Table)
	}
}

func (f *facts) seeTable(table string) {
	if IsTable(table) {
		f.tables[table] = true
	}
}

// IsTable reports whether a place is a table: "shop/public.customers" is one,
// "shop" is a database.
func IsTable(place string) bool { return strings.Contains(place, "/") }

func (f *facts) heldAt(table, source string) *held {
	f.seeTable(table)
	if f.held[table] == nil {
		f.held[table] = map[string]*held{}
	}
	h := f.held[table][source]
	if h == nil {
		h = &held{scans: map[scanKey]*scan{}}
		f.held[table][source] = h
	}
	return h
}

func (f *facts) addScan(l *line) error {
	var b struct {
		part
		From int64  `json:"from"`
		To   int64  `json:"to"`
		Scan uint64 `json:"scan"`
		Part uint32 `json:"part"`
		scanBody
	}
	if err := json.Unmarshal(l.Body, &b); err != nil {
		return fmt.Errorf("event %s/%d/%d: %w", l.Source, l.Worker, l.Seq, err)
	}
	set, err := ParseSet(b.Subjects)
	if err != nil {
		return err
	}
	h := f.heldAt(b.Table, b.Source)
	key := scanKey{l.Source, b.Scan}
	s := h.scans[key]
	if s == nil {
		s = &scan{span: Span{b.From - l.CE, b.To + l.CE}, order: f.lines, seen: map[uint32]bool{}}
		h.scans[key] = s
	}
	s.span.From, s.span.To = min(s.span.From, b.From-l.CE), max(s.span.To, b.To+l.CE)
	s.parts = max(s.parts, b.Parts)
	s.seen[b.Part] = true
	s.rows, s.lost = max(s.rows, b.Rows), max(s.lost, b.Unknown) // every part says the whole
	s.pieces = append(s.pieces, piece{b.Elements, set})
	return nil
}

// rested calls f with every scan's table and time.
func (f *facts) rested(do func(table string, s Span)) {
	for table, sources := range f.held {
		for _, h := range sources {
			for _, s := range h.scans {
				do(table, s.span)
			}
		}
	}
}

func (s *scan) complete() bool { return len(s.seen) >= int(s.parts) }

func (f *facts) addTaint(l *line, moment Span) error {
	var b struct {
		part
		taintBody
	}
	if err := json.Unmarshal(l.Body, &b); err != nil {
		return fmt.Errorf("event %s/%d/%d: %w", l.Source, l.Worker, l.Seq, err)
	}
	if len(b.From) == 0 { // of the rows' own subjects: nobody rests there who did not
		return nil
	}
	f.seeTable(b.Table)
	f.taints[b.Table] = append(f.taints[b.Table], &taint{l.At, l.Source, moment, since(b.Since, l.At) - l.CE, b.From, b.Elements, b.Own && !b.Standing, maxTime, b.Shown})
	return nil
}

// clear ends the taints of whole databases that were recorded before: all of a
// place when a person says so. What a source takes back itself never was.
func (f *facts) clear(l *line, moment Span) error {
	var b struct {
		Places []string `json:"places"`
		By     string   `json:"by"`
	}
	if err := json.Unmarshal(l.Body, &b); err != nil {
		return fmt.Errorf("event %s/%d/%d: %w", l.Source, l.Worker, l.Seq, err)
	}
	for place, list := range f.taints {
		if IsTable(place) || !slices.ContainsFunc(b.Places, func(p string) bool { return Covers(p, place) }) {
			continue
		}
		var kept []*taint
		for _, x := range list {
			standing := x.until == maxTime && x.at <= l.At
			if standing && b.By == "" && x.source == l.Source {
				continue
			}
			if standing && b.By != "" {
				x.until = moment.To
			}
			kept = append(kept, x)
		}
		f.taints[place] = kept
	}
	return nil
}
