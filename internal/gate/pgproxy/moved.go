package pgproxy

import (
	"bytes"
	"slices"
	"strings"

	"sekisho/internal/event"
	"sekisho/internal/sqlscan"
)

// A taint of a relation that a statement made, or that was not analysed, knows it
// by its name, until the catalogue is read. The name is not all that the text
// says: the search path decides where it is, and the relation may get another
// before the catalogue shows it.

// elsewhere adds to the taints of a command those of the other places where its
// target may be: every schema of the search path.
func (e *engine) elsewhere(c *command, list []Taint) []Taint {
	env := e.env.now
	if env == nil {
		return list
	}
	for i := range list {
		t := list[i]
		rest, ok := strings.CutPrefix(e.g.relation(t.Table), firstSchema(env)+".")
		if t.Rel != 0 || t.Temporary || !ok || bytes.IndexByte(c.st.Target.Of(c.sql), '.') >= 0 {
			continue
		}
		for _, schema := range env.schemas() {
			t.Table = e.g.Place + event.Place("/"+schema+"."+rest)
			if !slices.ContainsFunc(list, func(o Taint) bool { return o.Table == t.Table }) {
				list = append(list, t)
			}
		}
	}
	return list
}

// named are the places where the target of a command may be.
func (e *engine) named(c *command) []event.Place {
	name := string(sqlscan.AppendName(nil, c.sql, c.st.Target))
	list := []event.Place{e.g.place(name, e.env.now)}
	if e.env.now == nil || strings.IndexByte(name, '.') >= 0 {
		return list
	}
	for _, schema := range e.env.now.schemas() {
		list = appendPlace(list, e.g.Place+event.Place("/"+schema+"."+name))
	}
	return list
}

// schemas are those of the search path that hold relations for good; "$user" is
// the role's.
func (v *environment) schemas() (list []string) {
	for _, s := range strings.Split(v.searchPath, ",") {
		s = strings.Trim(strings.TrimSpace(s), `"`)
		if s == "$user" {
			if s = v.role; s == "" || s == "none" {
				s = v.user
			}
		}
		if s != "" && s != "pg_temp" && s != "pg_catalog" {
			list = append(list, s)
		}
	}
	return list
}

// moves follows the relations that are tainted by name and not protected yet into
// the name or schema that a command gives: any of them may be meant.
func (e *engine) moves(c *command) {
	name, renamed := wordAfter(c.st.Canon, " rename to ")
	schema, moved := wordAfter(c.st.Canon, " set schema ")
	switch {
	case !bytes.HasPrefix(c.st.Canon, []byte("alter ")), !renamed && !moved:
		return
	case bytes.HasPrefix(c.st.Canon, []byte("alter schema ")):
		schema, name = name, ""
	}
	e.ddl.moved = true
	for _, t := range slices.Concat(e.g.unprotected(), e.tainting) {
		if t.Rel != 0 || t.Temporary {
			continue
		}
		s, n, ok := strings.Cut(e.g.relation(t.Table), ".")
		if !ok {
			continue
		}
		if schema != "" {
			s = schema
		}
		if name != "" {
			n = name
		}
		t.Table = e.g.Place + event.Place("/"+s+"."+n)
		e.taint(&t, "renamed")
	}
}

// wordAfter is the name that follows words in a canonical text.
func wordAfter(canon []byte, words string) (string, bool) {
	_, rest, ok := bytes.Cut(canon, []byte(words))
	if !ok || len(rest) == 0 {
		return "", false
	}
	if rest[0] != '"' {
		if end := bytes.IndexAny(rest, " ;"); end >= 0 {
			rest = rest[:end]
		}
		return string(rest), true
	}
	for at := 1; at < len(rest); at++ {
		if rest[at] == '"' {
			if at+1 < len(rest) && rest[at+1] == '"' {
				at++
				continue
			}
			return strings.ReplaceAll(string(rest[1:at]), `""`, `"`), true
		}
	}
	return "", false
}

// unprotected are the taints that are being made known to the lineage.
func (g *shared) unprotected() []Taint {
	g.twoPhase.mu.Lock()
	defer g.twoPhase.mu.Unlock()
	return slices.Concat(g.underway...)
}

// underWay notes taints that are being made known; done takes them back.
func (g *shared) underWay(list []Taint) (done func()) {
	at := &list[0]
	g.underway = append(g.underway, list)
	return func() {
		g.twoPhase.mu.Lock()
		defer g.twoPhase.mu.Unlock()
		g.underway = slices.DeleteFunc(g.underway, func(o []Taint) bool { return &o[0] == at })
	}
}
