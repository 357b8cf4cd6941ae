package datamap

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
	"sekisho/internal/roll"
)

// looked builds a sight: a server that counts sessions and changes of one
// table, after a gate that carried some.
func looked(change ...func(*sight)) *sight {
	s := &sight{
		sessions: 100, established: 10, backends: map[backend]roll.Presence{},
		tables: map[event.Place]tableSight{"t": {oid: 1, server: 1000, gate: Changes{}}},
		writes: Changes{Rows: 50}, catalogue: digest{text: "a", at: eventtest.Start},
	}
	for _, c := range change {
		c(s)
	}
	return s
}

func table(change func(*tableSight)) func(*sight) {
	return func(s *sight) {
		t := s.tables["t"]
		change(&t)
		s.tables["t"] = t
	}
}

func TestCompare(t *testing.T) {
	there := func(p roll.Presence, at ...backend) func(*sight) {
		return func(s *sight) {
			for _, b := range at {
				s.backends[b] = p
			}
		}
	}
	stranger, two := there(roll.Unknown, backend{7, "then"}), there(roll.Unknown, backend{7, "then"}, backend{8, "then"})
	// A login that began so many seconds after the start, and is under way.
	login := func(seconds int) func(*sight) {
		return func(s *sight) {
			s.logins = roll.Count{Pending: 1, Oldest: eventtest.Start.Add(time.Duration(seconds) * time.Second)}
		}
	}
	// The catalogue has another text, and statements passed that may have done it.
	carried := func(text string) func(*sight) {
		return func(s *sight) { s.catalogue.text, s.catalogue.before, s.catalogue.after = text, 1, 1 }
	}
	tests := []struct {
		name  string
		looks []*sight // after a first one as looked() has it
		want  []string // reasons that the last look finds
	}{
		{"nothing new", []*sight{looked()}, nil},
		{"one through the gate", []*sight{looked(func(s *sight) { s.sessions++; s.established++ })}, nil},
		{"the server was faster than the gate", []*sight{looked(func(s *sight) { s.sessions++; s.pending = 1 })}, nil},
		{"the server is late", []*sight{looked(func(s *sight) { s.established += 3 }), looked(func(s *sight) { s.sessions += 3; s.established += 3 })}, nil},
		{"one around the gate", []*sight{looked(func(s *sight) { s.sessions++ })}, []string{ReasonSessions}},
		{"one around the gate during logins", []*sight{looked(func(s *sight) { s.sessions += 3; s.pending = 2 })}, []string{ReasonSessions}},
		{"one that hid behind a login", []*sight{
			looked(func(s *sight) { s.sessions++; s.pending = 1 }), looked(func(s *sight) { s.sessions++ }),
		}, []string{ReasonSessions}},
		{"told once", []*sight{looked(func(s *sight) { s.sessions++ }), looked(func(s *sight) { s.sessions++ })}, nil},
		{"one around the gate, listed, and gone at the next look", []*sight{looked(stranger, func(s *sight) { s.sessions++ }), looked(func(s *sight) { s.sessions++ })}, []string{ReasonSessions}},
		{"and told once", []*sight{
			looked(stranger, func(s *sight) { s.sessions++ }), looked(func(s *sight) { s.sessions++ }), looked(func(s *sight) { s.sessions++ }),
		}, nil},
		{"one around the gate beside a login that is entered", []*sight{
			looked(stranger, func(s *sight) { s.sessions += 2; s.pending = 1 }),
			looked(there(roll.Serving, backend{7, "then"}), func(s *sight) { s.sessions += 2; s.established++ }),
		}, nil},
		{"a stranger who stays, and goes", []*sight{looked(stranger), looked(stranger), looked()}, []string{ReasonSessions}},
		{"one around the gate beside a session that has left", []*sight{
			looked(there(roll.Left, backend{7, "then"}), func(s *sight) { s.sessions++ }), looked(func(s *sight) { s.sessions++ }),
		}, nil},
		{"a stranger at one look", []*sight{looked(stranger), looked()}, nil},
		{"a stranger who stays", []*sight{looked(stranger), looked(stranger)}, []string{ReasonSessions}},
		{"two strangers with one number", []*sight{looked(stranger), looked(there(roll.Unknown, backend{7, "now"}))}, nil},
		{"ours, then closed before the server noticed", []*sight{
			looked(there(roll.Serving, backend{7, "then"})), looked(stranger), looked(stranger),
		}, nil},
		{"a login that takes long", []*sight{looked(stranger, login(0)), looked(stranger, login(0)), looked(stranger, login(0))}, nil},
		{"it is over, and the stranger is there", []*sight{looked(stranger, login(0)), looked(stranger, login(0)), looked(stranger)}, []string{ReasonSessions}},
		{"a stranger before a login", []*sight{looked(stranger), looked(stranger, login(2))}, []string{ReasonSessions}},
		{"two strangers and one login", []*sight{looked(two, login(0)), looked(two, login(0))}, []string{ReasonSessions}},
		{"a session that has left and not gone", []*sight{looked(there(roll.Left, backend{7, "then"})), looked(there(roll.Left, backend{7, "then"}))}, nil},
		{"and does not go", []*sight{looked(there(roll.Left, backend{7, "then"})), looked(stranger)}, []string{ReasonSessions}},
		{"changes through the gate", []*sight{looked(table(func(t *tableSight) { t.server += 5; t.gate.Rows += 5 }))}, nil},
		{"changes the server has not counted yet", []*sight{looked(table(func(t *tableSight) { t.gate.Rows += 5 }))}, nil},
		{"changes under way", []*sight{looked(table(func(t *tableSight) { t.server += 5; t.gate.InFlight = 1 }))}, nil},
		{"changes nobody can count", []*sight{looked(table(func(t *tableSight) { t.server += 5; t.gate.Unclear = 1 }))}, nil},
		{"changes around the gate", []*sight{looked(table(func(t *tableSight) { t.server++ }))}, []string{ReasonChanges}},
		{"changes around the gate, seen late", []*sight{
			looked(table(func(t *tableSight) { t.gate.Rows += 5; t.server += 3 })), looked(table(func(t *tableSight) { t.gate.Rows += 5; t.server += 6 })),
		}, []string{ReasonChanges}},
		{"a table made anew", []*sight{looked(table(func(t *tableSight) { t.oid = 2; t.server = 3 }))}, nil},
		{"triggers write, a minute is not over", []*sight{looked(table(func(t *tableSight) { t.indirect = true; t.server += 9 }))}, nil},
		{"DDL through the gate", []*sight{looked(func(s *sight) { s.catalogue.text, s.catalogue.before, s.catalogue.after = "b", 1, 1 })}, nil},
		{"DDL through the gate beside a session around it", []*sight{looked(carried("b"), func(s *sight) { s.sessions++ })}, []string{ReasonSessions, ReasonCatalogue}},
		{"which was found before", []*sight{looked(func(s *sight) { s.sessions++ }), looked(carried("b"), func(s *sight) { s.sessions++ })}, []string{ReasonCatalogue}},
		{"which hid behind a login", []*sight{
			looked(carried("b"), func(s *sight) { s.sessions++; s.pending = 1 }), looked(carried("b"), func(s *sight) { s.sessions++ }),
		}, []string{ReasonSessions, ReasonCatalogue}},
		{"DDL through the gate during a login of its own", []*sight{
			looked(carried("b"), func(s *sight) { s.sessions++; s.pending = 1 }), looked(carried("b"), func(s *sight) { s.sessions++; s.established++ }),
		}, nil},
		{"DDL through the gate, settings of roles", []*sight{looked(carried("b"), func(s *sight) { s.catalogue.shared = "b" })}, []string{ReasonCatalogue}},
		{"DDL around the gate", []*sight{looked(func(s *sight) { s.catalogue.text = "b" })}, []string{ReasonCatalogue}},
		{"DDL around the gate, after some through it", []*sight{
			looked(func(s *sight) { s.catalogue.text, s.catalogue.before, s.catalogue.after = "b", 1, 1 }),
			looked(func(s *sight) { s.catalogue.text, s.catalogue.before, s.catalogue.after = "c", 1, 1 }),
		}, []string{ReasonCatalogue}},
	}
	for _, tt := range tests {
		at := eventtest.Start
		b := newBaseline(at, looked())
		b.comparable = true
		var got []string
		for _, s := range tt.looks {
			at, got = at.Add(time.Second), nil
			s.listed = at
			for _, f := range b.compare(at, s) {
				got = append(got, f.reason)
			}
		}
		if diff := gocmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// A change that the gate may have carried is not taken for its own where nobody
// can tell who else was there, nor for ever where that does not show.
func TestCompareDoubt(t *testing.T) {
	changed := func(pending uint64) *sight {
		return looked(func(s *sight) {
			s.catalogue.text, s.catalogue.before, s.catalogue.after = "b", 1, 1
			s.sessions, s.pending = s.sessions+int64(pending), pending
		})
	}
	at := eventtest.Start
	b := newBaseline(at, looked())
	if found := b.compare(at.Add(time.Second), changed(0)); len(found) != 1 || found[0].reason != ReasonCatalogue || !found[0].from.Equal(at) {
		t.Errorf("sessions cannot be compared: %+v", found)
	}
	b = newBaseline(at, looked())
	b.comparable = true
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{time.Second, 0}, {2 * statsDelay, 0}, {2*statsDelay + 2*time.Second, 1}, {2*statsDelay + 3*time.Second, 0}} {
		found := b.compare(at.Add(step.after), changed(1))
		if len(found) != step.want || len(found) > 0 && (found[0].reason != ReasonCatalogue || !found[0].from.Equal(at)) {
			t.Errorf("%v in, logins under way: %+v, want %d", step.after, found, step.want)
		}
	}
}

// With triggers, writes around the gate show once the gate has been quiet.
func TestCompareIndirectWhenQuiet(t *testing.T) {
	at := eventtest.Start
	indirect := func(extra int64) *sight {
		return looked(table(func(t *tableSight) { t.indirect = true; t.server += extra }))
	}
	b := newBaseline(at, indirect(0))
	for _, step := range []struct {
		after time.Duration
		extra int64
		want  int
	}{{10 * time.Second, 4, 0}, {statsDelay, 4, 0}, {time.Second, 5, 1}} {
		at = at.Add(step.after)
		if got := len(b.compare(at, indirect(step.extra))); got != step.want {
			t.Errorf("%v in, %d changes more: %d troubles, want %d", at.Sub(eventtest.Start), step.extra, got, step.want)
		}
	}
}

// What the server tells late of statements that nobody can count is no alarm,
// and neither are rows of the gate that it had not counted when the comparison
// began anew; once nothing can be late, a change around the gate is found.
func TestCompareAfterUnclear(t *testing.T) {
	at := eventtest.Start
	seen := func(server int64, rows, unclear, inFlight uint64) *sight {
		n := Changes{rows, unclear, inFlight}
		return looked(table(func(t *tableSight) { t.server, t.gate = server, n }), func(s *sight) { s.writes = n })
	}
	b := newBaseline(at, seen(1000, 0, 0, 0))
	for _, step := range []struct {
		name  string
		after time.Duration
		look  *sight
		want  int
	}{
		{"the server is late", time.Second, seen(1000, 40, 0, 0), 0},
		{"a statement failed", time.Second, seen(1000, 40, 1, 1), 0},
		{"its transaction goes on", 2 * statsDelay, seen(1000, 40, 1, 1), 0},
		{"and ended", time.Second, seen(1000, 40, 1, 0), 0},
		{"its rows come", 10 * time.Second, seen(1057, 40, 1, 0), 0},
		{"traffic goes on", statsDelay, seen(1060, 50, 1, 0), 0},
		{"what was late comes", time.Second, seen(1067, 50, 1, 0), 0},
		{"a minute later", statsDelay, seen(1067, 50, 1, 0), 0},
		{"around the gate", time.Second, seen(1068, 50, 1, 0), 1},
		{"told once", time.Second, seen(1068, 50, 1, 0), 0},
	} {
		at = at.Add(step.after)
		if found := b.compare(at, step.look); len(found) != step.want {
			t.Errorf("%s: %+v, want %d troubles", step.name, found, step.want)
		}
	}
}

// Changes that were the gate's before the first look hide nothing for long.
func TestCompareBegunUnderLoad(t *testing.T) {
	at := eventtest.Start
	seen := func(server int64) *sight {
		return looked(table(func(t *tableSight) { t.server, t.gate.Rows = server, 30 }), func(s *sight) { s.writes.Rows = 30 })
	}
	b := newBaseline(at, seen(1000)) // 20 of the 30 are not counted yet
	for i, step := range []struct {
		server int64
		want   int
	}{{1020, 0}, {1020, 0}, {1021, 1}} {
		at = at.Add(statsDelay)
		if found := b.compare(at, seen(step.server)); len(found) != step.want {
			t.Errorf("look %d: %+v, want %d troubles", i, found, step.want)
		}
	}
}

// An uncovered interval begins with the last exact agreement, and a disagreement
// that was recorded counts as one.
func TestAgreement(t *testing.T) {
	start := eventtest.Start
	b := newBaseline(start, looked())
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	b.compare(at(1), looked())
	b.compare(at(2), looked(func(s *sight) { s.established++ })) // the server is late: not exact
	found := b.compare(at(3), looked(func(s *sight) { s.sessions += 2; s.established++ }))
	if len(found) != 1 || !found[0].from.Equal(at(1)) {
		t.Errorf("found %+v, want trouble since %v", found, at(1))
	}
	b.reported(at(3), map[string]bool{ReasonSessions: true})
	found = b.compare(at(4), looked(func(s *sight) { s.sessions += 3; s.established++ }))
	if len(found) != 1 || !found[0].from.Equal(at(3)) {
		t.Errorf("found %+v, want trouble since %v", found, at(3))
	}
}

// Nothing agrees while somebody is there who may be a stranger: an interval that
// is found later begins before.
func TestNoAgreementBesideSomebodyUnknown(t *testing.T) {
	for _, presence := range []roll.Presence{roll.Unknown, roll.Left} {
		b := newBaseline(eventtest.Start, looked())
		at := eventtest.Start.Add(time.Second)
		b.compare(at, looked(func(s *sight) {
			s.listed, s.logins = at, roll.Count{Pending: 1, Oldest: eventtest.Start}
			s.backends[backend{7, "then"}] = presence
		}))
		if !b.agreed.sessions.Equal(eventtest.Start) {
			t.Errorf("presence %v: sessions agreed at %v, want not since %v", presence, b.agreed.sessions, eventtest.Start)
		}
	}
}

// Where no session escapes, changes that never agree do not make the interval
// after a crash longer.
func TestAgreementBeforeACrash(t *testing.T) {
	b := newBaseline(eventtest.Start, looked())
	at := eventtest.Start.Add(time.Hour)
	b.compare(at, looked(table(func(t *tableSight) { t.gate.Unclear = 1 }), func(s *sight) {
		s.writes.Unclear, s.catalogue.at = 1, at
	}))
	if got := b.agreed.latest(true); !got.Equal(at) {
		t.Errorf("sessions are complete: unseen since %v, want %v", got, at)
	}
	if got := b.agreed.latest(false); !got.Equal(eventtest.Start) {
		t.Errorf("sessions are not complete: unseen since %v, want %v", got, eventtest.Start)
	}
}

func TestServerThatCountsTooFew(t *testing.T) {
	at := eventtest.Start
	b := newBaseline(at, looked())
	few := func() *sight { return looked(func(s *sight) { s.established += 5 }) }
	b.compare(at, few())
	if found := b.compare(at.Add(statsDelay), few()); found != nil {
		t.Errorf("after %v: %+v, want patience", statsDelay, found)
	}
	found := b.compare(at.Add(3*statsDelay), few())
	if len(found) != 1 || found[0].reason != ReasonSessions {
		t.Errorf("after %v: %+v, want %q", 3*statsDelay, found, ReasonSessions)
	}
}

func TestBegunAnew(t *testing.T) {
	b := newBaseline(eventtest.Start, looked())
	for name, tt := range map[string]struct {
		look *sight
		want bool
	}{
		"same":                 {looked(), false},
		"reset":                {looked(func(s *sight) { s.epoch = "later" }), true},
		"fewer sessions":       {looked(func(s *sight) { s.sessions-- }), true},
		"fewer changes":        {looked(table(func(t *tableSight) { t.server-- })), true},
		"fewer, another table": {looked(table(func(t *tableSight) { t.server, t.oid = 0, 9 })), false},
	} {
		if got := b.begunAnew(tt.look); got != tt.want {
			t.Errorf("%s: begunAnew = %v, want %v", name, got, tt.want)
		}
	}
}
