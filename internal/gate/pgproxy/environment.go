package pgproxy

import (
	"strings"

	"sekisho/internal/sqlscan"
	"sekisho/internal/traceparent"
	"sekisho/internal/wire/pgwire"
)

// environ tracks what decides how the server reads the session's statements.
// It is not told by the protocol, so the gate asks at an idle moment after
// anything that may have changed it.
type environ struct {
	now     *environment // nil: not known
	dirty   bool         // must be asked before the next analysis
	touched uint64       // the ReadyForQuery that ends the transaction it was changed in
	inTx    bool         // changed in the transaction under way
	opaque  uint64       // code nobody declared ran: nothing is sure until this ReadyForQuery, idle
	temp    bool         // the session may have temporary relations the gate cannot name
	temps   []string     // names of temporary relations it may have
	askTemp bool         // ask whether it has any, when idle
	plain   bool         // the server tells the client the texts that it gets: nothing is added to them any more
	setting bool         // a setting may hold what was read from protected columns
	failed  bool         // the probe failed
	values  [4]string
	asked   int // statements of the probe under way
	got     int
	// nonstandard: standard_conforming_strings is off.
	nonstandard bool
	// unsafeEncoding: client_encoding has characters with bytes below 0x80
	// after the first, which the server converts before it reads a text.
	unsafeEncoding bool
	encoding       string // client_encoding
	// trace stands in application_name: it decides nothing.
	trace traceparent.ID
}

// probe asks for search_path, role and session user with named objects, so
// that the client's unnamed statement and portal live on. SHOW takes no
// snapshot.
func appendProbe(dst []byte, temporary bool) []byte {
	name := []byte("sekisho")
	dst = pgwire.AppendCloseStatement(dst, name)
	statements := [...]string{"SHOW search_path", "SHOW role", "SHOW session_authorization", askTemporary}
	list := statements[:3]
	if temporary {
		list = statements[:]
	}
	for _, s := range list {
		dst = pgwire.AppendParse(dst, name, []byte(s), nil)
		dst = pgwire.AppendBind(dst, name, name, pgwire.BindValues{})
		dst = pgwire.AppendExecute(dst, name, 0)
		dst = pgwire.AppendClosePortal(dst, name)
		dst = pgwire.AppendCloseStatement(dst, name)
	}
	return pgwire.AppendSync(dst)
}

// askTemporary tells whether the session has temporary relations. It takes a
// snapshot, so it is only asked outside transactions.
const askTemporary = "SELECT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema())"

// settled makes sure that the environment is known. It returns false when the
// client's message must wait for the probe's answer. When the environment
// cannot be asked now (in the middle of a pipeline, in a failed transaction)
// it returns true and the environment stays dirty.
func (e *engine) settled() bool {
	temporary := e.env.askTemp && e.tx == pgwire.TxIdle
	if !e.env.dirty && !temporary || e.g.switches.NoEnvironment && e.env.now != nil {
		return true
	}
	if head := e.queue.front(); head != nil && head.kind == expectProbe && e.queue.n == 1 {
		e.waitClient = waitProbe
		return false
	}
	if !e.queue.empty() || e.open || e.skip || e.copyIn != nil || e.tx == pgwire.TxFailed || e.lost != "" {
		return true
	}
	e.env.got, e.env.asked, e.env.failed = 0, 3, false
	if temporary {
		e.env.asked = 4
	}
	e.toServer.buf = appendProbe(e.toServer.own(), temporary)
	e.queue.push(expect{kind: expectProbe})
	e.sent++
	e.waitClient = waitProbe
	return false
}

func (e *engine) probeRow(body []byte) {
	if v, ok := pgwire.Row(body).Column(0); ok && e.env.got < len(e.env.values) {
		e.env.values[e.env.got] = string(v)
		e.env.got++
	}
}

func (e *engine) probeDone() {
	e.env.dirty = false
	if e.env.failed || e.env.got != e.env.asked {
		e.env.now = nil
		e.find("SK3103", "the session's search_path and role cannot be read: its statements are bounded")
		return
	}
	if e.env.asked == 4 {
		e.env.askTemp = false
		if e.env.values[3] == "f" {
			e.env.temp, e.env.temps = false, nil
			if !e.env.setting {
				e.age.kept = 0
			}
		}
	}
	e.env.now = e.g.reg.intern(environment{e.env.values[0], e.env.values[1], e.env.values[2], strings.Join(e.env.temps, "\x00")})
}

// touch says that what is sent now may change the environment; what it was in
// before the transaction comes back if that is rolled back.
func (e *engine) touch() {
	e.env.dirty, e.env.inTx = true, true
	e.env.touched = e.sent + 1
}

// transactionEnded asks again when the environment was changed in the
// transaction: SET LOCAL ends, a rollback restores.
func (v *environ) transactionEnded(answered uint64) {
	if v.inTx && v.touched <= answered {
		v.inTx, v.dirty = false, true
	}
	if v.opaque != 0 && v.opaque <= answered {
		v.opaque = 0
	}
}

// reported takes a ParameterStatus.
func (v *environ) reported(name, value string) {
	switch name {
	case "standard_conforming_strings":
		v.nonstandard = value == "off"
	case "client_encoding":
		v.unsafeEncoding, v.encoding = false, value
		switch value {
		case "SJIS", "BIG5", "GBK", "UHC", "GB18030", "JOHAB", "SHIFT_JIS_2004":
			v.unsafeEncoding = true
		}
	case "application_name":
		v.trace = traceparent.InName(value)
	case "search_path": // PostgreSQL 18 reports it
		if v.now != nil && v.now.searchPath != value {
			v.dirty = true
		}
	}
}

// sameText says that a value passes between server and client in the bytes that
// scans know it by: it is ASCII, or the client's encoding is known to be UTF-8.
func (v *environ) sameText(value []byte) bool {
	return v.encoding == "UTF8" && !v.dirty || !nonASCII(value)
}

func (v *environ) scan() sqlscan.Options {
	return sqlscan.Options{StandardConformingStrings: !v.nonstandard}
}

// ddlState is the session's own uncommitted schema change.
type ddlState struct {
	mark  uint64 // the ReadyForQuery, idle, from which on it is committed or gone
	moved bool   // it gave a relation or schema another name
	made  made
}

func (e *engine) beginDDL() {
	if e.ddl.mark == 0 {
		e.g.reg.schemaChanging()
		e.ownDDL++
	}
	e.ddl.mark = e.sent + 1
}

func (e *engine) endDDL() {
	if e.ddl.mark == 0 {
		return
	}
	e.ddl = ddlState{}
	if list := e.tainting; len(list) > 0 {
		e.tainting = nil
		e.g.protect(list)
		return
	}
	e.ownDDL++
	e.g.reg.schemaChanged()
}
