package lineage

import (
	"cmp"
	"slices"

	"sekisho/internal/event"
)

// Code says what the code that a statement runs may write: triggers, functions
// that nobody declared, DO blocks.
type Code struct {
	// Unknown, when not empty, is why that cannot be told: the code may write
	// anything anywhere. It is a word of SQL or a function's name, never a value.
	Unknown string
	// Writes are the relations that may come to hold protected data of others
	// (Taints, Rows), or further data of a row's own subject (Own).
	Writes []Write
	// Settings says that it may change settings of its session.
	Settings bool
	// Reads says that the functions that the text names may return something
	// protected.
	Reads bool
	// Notifies says that it may send a notification, Protected that it may read
	// something protected.
	Notifies, Protected bool
	// Locks says that it may lock rows or tables.
	Locks bool
	// Tests says that it tests the rows that are written, and may read something
	// protected for that: that the statement succeeds or fails tells.
	Tests bool
}

// CodeRequest asks what code may write.
type CodeRequest struct {
	// Text is the body of a DO block in PL/pgSQL, or a statement of a client.
	Text string
	// Statement says that Text is a client's statement: what it writes itself is
	// left out.
	Statement bool
	// Own asks for what a client's statement writes itself that was not analysed,
	// and what foreign keys, sequences and views make of it, instead of what its
	// code does. Tainted then says that it may read anything, Schemas where a name
	// that stands alone may be (nil: anywhere), and Pending which relations are
	// about to be protected.
	Own     bool
	Schemas []string
	Pending []event.Place
	// Views are texts that made views in the transaction under way: a target that
	// the catalogue does not know may be one of them.
	Views string
	// Definition says that the statement changes definitions.
	Definition bool
	// Tainted says that settings or temporary relations of the session, or a
	// relation that is about to be protected, may hold protected data.
	Tainted bool
	// Settings says that settings of the session may.
	Settings bool
	// Temporary are the names of temporary relations that the session may have.
	Temporary []string
}

// Code says what code may write, as far as the catalogue that was read last
// tells; nil when none was read. It asks nobody: a transport's thread may call
// it.
func (r *Reader) Code(req CodeRequest) *Code {
	r.mu.Lock()
	cat := r.last
	r.mu.Unlock()
	if cat == nil {
		return nil
	}
	return cat.Code(req)
}

// Code says what code may write.
func (c *Catalog) Code(req CodeRequest) *Code {
	if req.Own {
		return c.unread(&req)
	}
	w := c.reach()
	w.temporary, w.protected, w.held = req.Temporary, req.Tainted, req.Settings
	x := readText(req.Text, false)
	if req.Statement {
		w.statement(x, req.Definition)
	} else {
		w.text(x)
	}
	return w.code()
}

// Undeclared names the functions of triggers, defaults, checks and indexes of
// which the catalogue does not tell what they write: the first write that runs
// one bounds the whole database, until they are declared.
func (c *Catalog) Undeclared() (list []string) {
	for _, r := range c.Relations {
		for _, h := range r.hooks {
			fn := c.Functions[h.function]
			if fn == nil || slices.Contains(list, fn.Name) {
				continue
			}
			if _, builtin := builtinTriggers[fn.Name]; builtin {
				continue
			}
			w := c.reach()
			w.protected = true
			w.calls(fn)
			if w.code().Unknown != "" {
				list = append(list, fn.Name)
			}
		}
	}
	slices.Sort(list)
	return list
}

// codes finds out, before hooks are noted, which functions compute from their
// arguments alone, and which may be called without a name.
func (l *loader) codes() error {
	c := l.cat
	c.named, c.functions, c.risky = map[string][]*Relation{}, map[string][]*Function{}, map[string]bool{}
	for _, r := range c.Relations {
		if r.OID >= firstUserOID && r.Kind != 't' || len(r.Sensitive) > 0 {
			c.named[r.Name] = append(c.named[r.Name], r)
		}
	}
	for _, fn := range c.Functions {
		switch {
		case fn.OID >= firstUserOID:
			c.functions[fn.bare] = append(c.functions[fn.bare], fn)
		case fn.Trust != Pure || fn.Moves || fn.Texts || fn.SensitiveColumn != 0:
			c.functions[fn.bare] = append(c.functions[fn.bare], fn)
			c.risky[fn.bare] = true
		case fn.Stored:
			c.risky[fn.bare] = true
		}
	}
	// Of several with one name the first is told: the same one at every load.
	for _, list := range c.named {
		slices.SortFunc(list, func(a, b *Relation) int { return cmp.Compare(a.OID, b.OID) })
	}
	for _, list := range c.functions {
		slices.SortFunc(list, func(a, b *Function) int { return cmp.Compare(a.OID, b.OID) })
	}
	verdict, promoted := map[*Function]bool{}, []*Function{}
	for _, fn := range c.Functions {
		if fn.Trust == Untrusted && c.computes(fn, verdict) {
			promoted = append(promoted, fn)
		}
	}
	for _, fn := range promoted {
		fn.Trust, fn.Itself = Pure, c.tellsItself(fn, map[*Function]bool{})
	}
	err := l.each(implicitSQL, func(row []string) {
		if fn := c.Functions[oid(row[0])]; (fn == nil || fn.Trust != Pure) && !quietExtensions[row[1]] {
			c.implicit = append(c.implicit, oid(row[0]))
		}
	})
	if err != nil {
		return err
	}
	c.unsafeTypes()
	if len(c.implicit) > 0 { // a plain text may call them
		for _, fn := range promoted {
			fn.Trust = Untrusted
		}
		c.unsafeTypes()
	}
	return l.each(eventSQL, func(row []string) { c.events = append(c.events, oid(row[0])) })
}

// tellsItself says that a function that computes may return the text of the
// statement that calls it.
func (c *Catalog) tellsItself(fn *Function, seen map[*Function]bool) bool {
	if fn.Itself || fn.text == nil || seen[fn] {
		return fn.Itself
	}
	seen[fn] = true
	for name := range fn.text.words {
		if name == "current_query" || slices.ContainsFunc(c.functions[name], func(o *Function) bool { return c.tellsItself(o, seen) }) {
			return true
		}
	}
	return false
}

// quietExtensions are extensions whose operators, casts and types write nothing
// and read no user's tables.
var quietExtensions = map[string]bool{"postgis": true, "postgis_raster": true, "postgis_topology": true}

// computes says that a function of somebody's own reads and writes nothing: its
// result depends on its arguments alone.
func (c *Catalog) computes(fn *Function, verdict map[*Function]bool) bool {
	if v, ok := verdict[fn]; ok {
		return v
	}
	verdict[fn] = false // of itself it says nothing
	if fn.Trust != Untrusted || fn.text == nil || fn.hook || !fn.text.plain {
		return fn.OID >= firstUserOID && fn.Trust == Pure
	}
	for name := range fn.text.words {
		if c.risky[name] {
			return false
		}
		for _, other := range c.functions[name] {
			if !c.computes(other, verdict) {
				return false
			}
		}
	}
	verdict[fn] = true
	return true
}
