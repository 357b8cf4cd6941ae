package pgproxy

import (
	"bytes"
	"slices"
	"sync/atomic"

	"sekisho/internal/lineage"
	"sekisho/internal/sqlscan"
)

// knownCode is what the code of a statement writes, as of an epoch.
type knownCode struct {
	epoch uint64
	code  *lineage.Code
	// noted: its taints were dealt with in that epoch, of what rested from then on,
	// UTC ns; 0: not yet.
	noted atomic.Int64
}

// codeOf returns what the code that c runs may write: triggers, functions, a DO
// block. nil: it is not known, and may be anything.
func (e *engine) codeOf(c *command) *knownCode {
	epoch := e.g.reg.epoch.Load()
	others := e.g.reg.changing.Load()
	if e.ddl.mark != 0 {
		others--
	}
	switch {
	case c == nil, e.env.nonstandard: // texts are read as they are with standard strings
		return nil
	case definesRows(c.st.Kind):
	case !e.g.laundering.fresh(), e.env.temp:
		return nil
	}
	req, ok := e.codeRequest(c)
	if !ok {
		return nil
	}
	req.Tainted = e.env.setting || others > 0 || len(e.tainting) > 0 // what is not protected yet
	req.Temporary, req.Settings = e.env.temps, e.env.setting
	cached := req.Statement && !req.Tainted && len(req.Temporary) == 0 && c.query == c.st // others share the shape of what they wrap
	if k := c.shape.code.Load(); cached && k != nil && k.epoch == epoch {
		return k
	}
	code := e.g.Analyser.Code(req)
	if code == nil || code.Unknown != "" && !definesRows(c.st.Kind) {
		return nil
	}
	k := &knownCode{epoch: epoch, code: code}
	if cached {
		c.shape.code.Store(k)
	}
	return k
}

// codeRequest asks about what c runs. ok is false when its text does not tell.
func (e *engine) codeRequest(c *command) (req lineage.CodeRequest, ok bool) {
	text := c.st.Span.Of(c.sql)
	req.Statement = true
	switch k := c.st.Kind; {
	case k == sqlscan.Do:
		body, ok := c.doBody()
		return lineage.CodeRequest{Text: string(body)}, ok && e.readable(body)
	case k == sqlscan.Call:
		at := bytes.IndexFunc(text, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' })
		if at < 0 || !bytes.EqualFold(text[:at], []byte("call")) {
			return req, false
		}
		text = text[at:]
	case k == sqlscan.Unknown:
		return req, false
	case k == sqlscan.Execute:
		if c.through == nil || c.through.command.query == nil {
			return req, false
		}
		q := &c.through.command
		text = slices.Concat(q.query.Canon, []byte(" "), c.sql[c.st.Name.To:c.st.Span.To])
	case c.copy != nil && !c.copy.To && c.copy.known:
		text = slices.Concat([]byte("insert into "), c.st.Target.Of(c.sql), c.copyCondition())
	case definesRows(k):
		req.Definition = true
		if !evaluates(c.st.Canon) {
			text = nil
		}
		if c.query != nil && k != sqlscan.DDL {
			text = c.query.Canon
		}
	case c.query != nil:
		text = c.query.Canon // without literals
	}
	req.Text = string(text)
	return req, e.readable(text)
}

// readable says that the bytes of a text are those that the server reads.
func (e *engine) readable(text []byte) bool { return !e.env.unsafeEncoding || !nonASCII(text) }

// definesRows says that a kind changes definitions, and may run code on the way.
func definesRows(k sqlscan.Kind) bool {
	switch k {
	case sqlscan.DDL, sqlscan.CreateTable, sqlscan.CreateTableAs, sqlscan.CreateView, sqlscan.CreateMaterializedView, sqlscan.CreateRoutine,
		sqlscan.Grant, sqlscan.Revoke, sqlscan.Vacuum, sqlscan.Analyze:
		return true
	}
	return false
}

// doBody returns the body of a DO block in PL/pgSQL.
func (c *command) doBody() ([]byte, bool) {
	if len(c.st.Literals) != 1 || hasWord(c.st.Canon, "language") && !hasWord(c.st.Canon, "plpgsql") {
		return nil, false
	}
	return c.st.Literals[0].AppendValue(nil, c.sql)
}

// catalogueRead makes sure that the catalogue was read since a client last made code,
// before a DO block or CALL. It returns false when the client's message must
// wait.
func (e *engine) catalogueRead() bool {
	if !e.calmly() {
		return false
	}
	if e.g.laundering.fresh() {
		return true
	}
	text := []byte("SELECT 1")
	c := e.newCommand(text, scanOne(text, sqlscan.Options{StandardConformingStrings: true}), nil)
	_, ok := e.plan(&c, 0)
	return ok
}

// runsCode says that a command may run code that nobody declared.
func (c *command) runsCode(p *plan) bool {
	k := p.code()
	return c.runs(k) || k == codeSuccess || p.triggered() || c.copy != nil && !c.copy.To || definesRows(c.st.Kind)
}

// runs notes what the code of c does, before it is sent.
func (e *engine) runs(c *command, x *execution) {
	p := x.plan
	k := e.codeOf(c)
	if c.runs(p.code()) && c.writes() {
		x.target = string(sqlscan.AppendName(nil, c.sql, c.st.Target))
	}
	switch {
	case k != nil && k.code.Unknown != "":
		e.runCode(x, launderCode)
		return
	case k != nil && k.code.Reads && c.keepsValues():
		e.runCode(x, launderCode)
		return
	case k != nil:
		x.known = true
		e.notes(k)
		return
	}
	switch {
	case c.runs(p.code()), p.triggered():
		e.runCode(x, launderCode)
	case p.code() == codeSuccess:
		e.touch()
		e.launders(x, launderCode)
	case c.copy != nil && !c.copy.To:
		e.launders(x, launderCode)
	}
}

// notes taints what known code may write.
func (e *engine) notes(k *knownCode) {
	if k.code.Settings {
		e.touch()
		e.keeps()
		e.env.setting = true
	}
	rested := e.oldest()
	if noted := k.noted.Load(); noted != 0 && noted-rested < restedLong || e.g.switches.NoTaint || e.g.switches.NoCode {
		return
	}
	for i := range k.code.Writes {
		for _, t := range e.appendTaints(nil, &k.code.Writes[i]) {
			t.standing = true
			e.taint(&t, launderCode)
		}
	}
	k.noted.Store(rested)
}

// settles says that known code of c leaves settings and data as the statements
// that follow in the same message expect them.
func (e *engine) settles(c *command) bool {
	k := e.codeOf(c)
	return k != nil && k.code.Unknown == "" && !k.code.Settings && len(k.code.Writes) == 0
}

// fileTaints are those of COPY FROM of a file or program of the server: it may
// hold what was read before.
func (e *engine) fileTaints(c *command) []Taint {
	t := Taint{Table: e.g.place(string(sqlscan.AppendName(nil, c.sql, c.st.Target)), e.env.now), Elements: e.g.elementsOf()}
	for i := range e.g.Protected {
		t.From = append(t.From, e.g.Protected[i].Table)
	}
	t.Source = e.sourceOf(t.From)
	rows := t
	rows.Rows = t.Elements
	return []Taint{t, rows}
}
