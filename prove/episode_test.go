package prove

import (
	"fmt"
	"slices"
	"strings"
)

// episode is one session's work: the unit whose truth is compared with its scope.
type episode struct {
	class string
	steps []step
	// bare says that by construction no protected column is in any result or
	// predicate. Then only changes count as truth, not deletions: the
	// existence of a row is no crossing (DESIGN §1).
	bare bool
	// writes says that later episodes may see what this one left.
	writes  bool
	startup map[string]string // further parameters of the StartupMessage
}

// step is one simple query, one extended-protocol pipeline up to its Sync, or
// something that happens around the gate meanwhile.
type step struct {
	simple  string
	pipe    []message
	noSync  bool   // nothing follows pipe
	outside string // SQL that the superuser runs straight at the server
	aside   string // SQL of another session of the same role, at the same place
	hold    string // SQL of a third one, which goes on to the end of the episode
	copyIn  string // what is sent when the server asks for COPY data; "": it fails
	readies int    // answers that end in ReadyForQuery; 0 is one
	cancel  bool   // a CancelRequest follows as soon as the server sleeps
	// ahead are further queries and pipelines, sent without waiting for answers;
	// meanwhile is what another session does while the server sleeps.
	ahead     []step
	meanwhile string
	// described is sent before pipe, up to the answer to its Describe; then
	// meanwhile happens.
	described []message
	settle    bool // the gate compares the catalogue; without a gate nothing happens
}

// message is one extended-protocol message. Exactly one field is set, but for
// describe, which goes with execute.
type message struct {
	parse   *parse
	bind    *bind
	execute *execute
	closeIt string // "S" or "P" followed by the name
	flush   bool
	query   string   // a simple Query in the middle
	types   []uint32 // with parse: of its parameters
	call    *call
}

// call is a FunctionCall message, which the server answers by itself.
type call struct {
	function uint32 // of PostgreSQL's own: those have the same number everywhere
	args     []string
	formats  []uint16
	binary   bool // the result
}

type parse struct{ name, sql string }

type bind struct {
	portal, statement string
	args              []string
	argFormats        []int16 // of the parameters; none is text
	binary            bool    // result format
	formats           []int16 // result formats by column, instead of binary
}

type execute struct {
	portal   string
	describe bool // the client sends Describe itself
	rows     uint32
}

// changes says that the episode may leave something behind, in the database or
// in what the gate knows of it.
func (e episode) changes() bool {
	return e.writes || slices.ContainsFunc(e.steps, func(s step) bool { return s.outside != "" || s.aside != "" || s.hold != "" })
}

// settle lets the gate notice what happened around it.
func settle() step { return step{settle: true} }

// waits says that the episode spends time asleep.
func (e episode) waits() bool {
	return slices.ContainsFunc(e.steps, func(s step) bool {
		return strings.Contains(s.simple, "pg_sleep") || slices.ContainsFunc(s.pipe, func(m message) bool { return m.parse != nil && strings.Contains(m.parse.sql, "pg_sleep") })
	})
}

func simple(format string, args ...any) step { return step{simple: fmt.Sprintf(format, args...)} }

// prepared is Parse, Bind, Describe, Execute of an unnamed statement.
func prepared(sql string, describe, binary bool, args ...string) step {
	return step{pipe: []message{
		{parse: &parse{"", sql}},
		{bind: &bind{args: args, binary: binary}},
		{execute: &execute{describe: describe}},
	}}
}

func (e episode) String() string {
	s := e.class
	for _, st := range e.steps {
		if st.simple != "" {
			s += "\n  simple   " + st.simple
		}
		if st.outside != "" {
			s += "\n  outside  " + st.outside
		}
		if st.aside != "" {
			s += "\n  aside    " + st.aside
		}
		if st.hold != "" {
			s += "\n  hold     " + st.hold
		}
		if st.settle {
			s += "\n  settle"
		}
		for _, a := range st.ahead {
			s += "\n  ahead    " + strings.ReplaceAll(episode{steps: []step{a}}.String(), "\n", "")
		}
		if st.meanwhile != "" {
			s += "\n  meanwhile " + st.meanwhile
		}
		for _, m := range append(st.described, st.pipe...) {
			switch {
			case m.parse != nil:
				s += fmt.Sprintf("\n  parse    %q %s %v", m.parse.name, m.parse.sql, m.types)
			case m.bind != nil:
				s += fmt.Sprintf("\n  bind     %q ← %q %q binary=%v", m.bind.portal, m.bind.statement, m.bind.args, m.bind.binary)
			case m.execute != nil:
				s += fmt.Sprintf("\n  execute  %q rows=%d describe=%v", m.execute.portal, m.execute.rows, m.execute.describe)
			case m.closeIt != "":
				s += "\n  close    " + m.closeIt
			case m.flush:
				s += "\n  flush"
			case m.call != nil:
				s += fmt.Sprintf("\n  call     %d %q binary=%v", m.call.function, m.call.args, m.call.binary)
			case m.query != "":
				s += "\n  query    " + m.query
			}
		}
	}
	return s
}
