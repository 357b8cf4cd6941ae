package pgproxy

import (
	"sekisho/internal/lineage"
	"sekisho/internal/sqlscan"
	"sekisho/internal/traceparent"
	"sekisho/internal/wire/pgwire"
)

// prepared is a prepared statement: of Parse, or of PREPARE.
type prepared struct {
	name    string
	command command        // owns its memory; st is nil when the text is not one statement
	text    []byte         // as the client sent it
	trace   traceparent.ID // that text names
	types   []uint32
	scan    sqlscan.Options // the settings it was scanned under
	// injection are the key columns that the gate added, strip their number.
	injection *lineage.Injection
	strip     int
	added     insertion
}

// portal is a bound statement or a cursor.
type portal struct {
	stmt *prepared // of a Bind
	exec *execution
	env  *environment // what the statement meant when it was bound; nil: not sure
	bind []byte       // body of the Bind message, for values that name subjects
	mark uint64       // ReadyForQuery that ends it when idle
	hold bool
	// described: a Describe of it was sent.
	described bool
	executed  bool
	unknown   bool
}

func (s *prepared) same(p *pgwire.Parse, opt sqlscan.Options) bool {
	if string(s.text) != string(p.Query) || len(s.types) != p.Count || s.scan != opt || s.strip != 0 {
		return false
	}
	for i, t := range s.types {
		if t != p.Type(i) {
			return false
		}
	}
	return true
}

func (e *engine) newPrepared(name string, p *pgwire.Parse) *prepared {
	s := &prepared{name: name, text: append([]byte(nil), p.Query...), trace: traceparent.InSQL(p.Query), scan: e.env.scan()}
	for i := range p.Count {
		s.types = append(s.types, p.Type(i))
	}
	if e.env.unsafeEncoding && nonASCII(s.text) {
		return s
	}
	if st := scanOne(s.text, s.scan); st != nil {
		s.command = e.newCommand(s.text, st, s.types)
	}
	return s
}

// Limits of what a session may define. Beyond, names become unknown: bounded,
// not refused.
const (
	maxPrepared     = 20_000
	maxPreparedText = 64 << 20 // bytes
	maxPortals      = 5_000
	maxStripped     = 1_000_000 // portals whose rows have columns of the gate's
)

func (e *engine) findPrepared(name []byte) *prepared {
	if len(name) == 0 {
		return e.unnamed
	}
	return e.prepared[string(name)]
}

// setPrepared defines or, with nil, forgets a name.
func (e *engine) setPrepared(name string, s *prepared) {
	if name == "" {
		e.unnamed = s
		return
	}
	if old := e.prepared[name]; old != nil {
		e.heldMem -= len(old.text)
	}
	if s == nil {
		delete(e.prepared, name)
		return
	}
	if s.strip == 0 && (len(e.prepared) >= maxPrepared || e.heldMem+len(s.text) > maxPreparedText) {
		delete(e.prepared, name)
		e.find("SK3104", "a session prepared more statements than the gate remembers: unknown ones are bounded")
		return
	}
	e.heldMem += len(s.text)
	e.prepared[name] = s
}

func (e *engine) findPortal(name []byte) *portal {
	if len(name) == 0 {
		return e.blank
	}
	return e.portals[string(name)]
}

func (e *engine) setPortal(name string, p *portal) {
	switch {
	case name == "":
		e.blank = p
	case p == nil:
		delete(e.portals, name)
	case len(e.portals) >= maxPortals && e.portals[name] == nil && p.exec != nil && p.exec.plan != nil && p.exec.plan.strip > 0:
		if len(e.portals) >= maxStripped {
			e.end(errPortals)
			return
		}
		e.portals[name] = p // else the gate's columns would reach the client
	case len(e.portals) >= maxPortals && e.portals[name] == nil:
		e.find("SK3105", "a session opened more portals than the gate remembers: unknown ones are bounded")
	default:
		e.portals[name] = p
	}
}

// dropPortal lets go of a portal's execution.
func (e *engine) dropPortal(p *portal) {
	if p != nil && p.exec != nil {
		e.release(p.exec)
		p.exec = nil
	}
}

// maxFree bounds the executions that a session keeps for reuse.
const maxFree = 16

func (e *engine) newExecution(s *shape) *execution {
	if n := len(e.free); n > 0 {
		x := e.free[n-1]
		e.free = e.free[:n-1]
		x.shape, x.refs, x.at = s, 1, e.present()
		return x
	}
	return &execution{shape: s, refs: 1, at: e.present()}
}

// release gives back one hold on an execution.
func (e *engine) release(x *execution) {
	if x == nil {
		return
	}
	if x.refs--; x.refs > 0 {
		return
	}
	e.takesLocksBack(x)
	e.laundered(x) // bound, and perhaps run by the planner, or not answered
	if len(e.free) >= maxFree {
		return
	}
	x.clear()
	e.free = append(e.free, x)
}

func (x *execution) held() *execution {
	if x != nil {
		x.refs++
	}
	return x
}

// scanOne scans the text of a Parse. st is nil when it is not one statement.
func scanOne(text []byte, opt sqlscan.Options) *sqlscan.Statement {
	list, err := sqlscan.Scan(text, opt, nil)
	if err != nil || len(list) != 1 {
		return nil
	}
	return &list[0]
}

func (p *portal) bound() *pgwire.Bind {
	if len(p.bind) == 0 {
		return nil
	}
	b, err := pgwire.DecodeBind(p.bind)
	if err != nil {
		return nil
	}
	return &b
}

// command is what the portal runs; nil when it is not known.
func (p *portal) command() *command {
	if p.stmt != nil && p.stmt.command.st != nil {
		return &p.stmt.command
	}
	return nil
}
