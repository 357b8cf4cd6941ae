package lineage

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lineage/nodetree"
)

// loader builds a Catalog.
type loader struct {
	conf *Config
	cat  *Catalog
	c    *control
	ctx  context.Context
}

func oid(text string) OID {
	n, _ := strconv.ParseUint(text, 10, 32)
	return OID(n)
}

func isTrue(text string) bool { return text == "t" }

// load reads the catalogue in one transaction that is rolled back. extra are
// tables that became protected since the configuration was read.
func (c *control) load(ctx context.Context, conf *Config, extra []Table) (*Catalog, error) {
	l := &loader{conf: conf, c: c, ctx: ctx, cat: &Catalog{
		Relations: map[OID]*Relation{}, Functions: map[OID]*Function{}, Operators: map[OID]OID{},
		LooseCollations: map[OID]bool{}, UnsafeTypes: map[OID]bool{},
	}}
	if rows, err := c.rows(ctx, systemSQL); err == nil && len(rows) == 1 { // a role that may not ask gets no answer
		l.cat.System = rows[0][0]
	}
	err := c.rolledBack(ctx, "READ ONLY", func() error {
		digest, err := c.digest(ctx)
		if err != nil {
			return err
		}
		l.cat.Digest = digest
		for _, step := range []func() error{l.relations, l.rules, l.security, l.inherits, l.functions, l.rest, l.indexes} {
			if err := step(); err != nil {
				return fmt.Errorf("lineage: read catalogue: %w", err)
			}
		}
		l.protect(append(slices.Clone(conf.Tables), extra...))
		if err := l.foreign(); err != nil {
			return err
		}
		l.declare()
		for _, step := range []func() error{l.codes, l.hooks} {
			if err := step(); err != nil {
				return fmt.Errorf("lineage: read catalogue: %w", err)
			}
		}
		l.derive()
		l.tested()
		for _, r := range l.cat.Relations {
			if r.Kind == 'S' && r.Protected != nil {
				l.cat.letters = append(l.cat.letters, r)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l.cat, nil
}

func (c *control) digest(ctx context.Context) (string, error) {
	rows, err := c.rows(ctx, digestSQL)
	if err != nil {
		return "", fmt.Errorf("lineage: catalogue digest: %w", err)
	}
	return rows[0][0], nil
}

func (l *loader) each(sql string, f func(row []string)) error {
	rows, err := l.c.rows(l.ctx, sql)
	if err != nil {
		return err
	}
	for _, row := range rows {
		f(row)
	}
	return nil
}

func (l *loader) relations() error {
	err := l.each(classSQL, func(row []string) {
		r := &Relation{OID: oid(row[0]), Schema: row[1], Name: row[2], Kind: row[3][0], RowLevel: isTrue(row[4]), File: oid(row[5])}
		r.Place = event.Place(fmt.Sprintf("%s/%s.%s", l.conf.Place, r.Schema, r.Name))
		r.Known = slices.Contains(l.conf.Public, r.Schema+"."+r.Name)
		l.cat.Relations[r.OID] = r
	})
	if err != nil {
		return err
	}
	return l.each(attributeSQL, func(row []string) {
		r := l.cat.Relations[oid(row[0])]
		if r == nil {
			return
		}
		num, _ := strconv.Atoi(row[1])
		r.Columns = append(r.Columns, Attribute{Num: int16(num), Name: row[2], Type: oid(row[3]), Generated: isTrue(row[4]), Version: uint32(oid(row[5]))})
		if r.Schema == "pg_catalog" && slices.Contains(sensitiveColumns[r.Name], row[2]) {
			if r.Sensitive == nil {
				r.Sensitive = map[int16]bool{}
			}
			r.Sensitive[int16(num)] = true
		}
		if r.Schema == "pg_catalog" && slices.Contains(figureColumns[r.Name], row[2]) {
			if r.Figures == nil {
				r.Figures = map[int16]bool{}
			}
			r.Figures[int16(num)] = true
		}
	})
}

func (l *loader) rules() error {
	return l.each(ruleSQL, func(row []string) {
		r := l.cat.Relations[oid(row[0])]
		switch {
		case r == nil:
		case row[1] == "1": // ON SELECT
			r.ViewText = row[3]
		default:
			r.Rules = true
		}
	})
}

func (l *loader) security() error {
	var bad error
	err := l.each(policySQL, func(row []string) {
		r := l.cat.Relations[oid(row[0])]
		for _, text := range row[1:] {
			if r == nil || text == "" {
				continue
			}
			v, err := nodetree.Parse(text)
			if err != nil || v.Kind != nodetree.Struct {
				bad = fmt.Errorf("policy of %s.%s cannot be read", r.Schema, r.Name)
				continue
			}
			r.Policies = append(r.Policies, v.Node)
		}
	})
	if err != nil {
		return err
	}
	return bad
}

func (l *loader) inherits() error {
	return l.each(inheritSQL, func(row []string) {
		child, parent := l.cat.Relations[oid(row[0])], l.cat.Relations[oid(row[1])]
		if child != nil && parent != nil {
			child.Parents = append(child.Parents, parent.OID)
			parent.Children = append(parent.Children, child.OID)
		}
	})
}

func (l *loader) functions() error {
	return l.each(functionSQL, func(row []string) {
		f := &Function{OID: oid(row[0]), Name: fmt.Sprintf("%s.%s(%s)", row[1], row[2], row[6]), bare: row[2], hook: isTrue(row[10])}
		language := row[4]
		switch {
		case f.OID < firstUserOID && (row[1] == "pg_catalog" || row[1] == "information_schema"):
			f.Trust = Classify(row[2], row[3][0])
			f.Stored = row[3] != "i" && !clockFunctions[row[2]]
			f.Private, f.Sets, f.Notifies, f.Locks = privateEffects[row[2]], row[2] == "set_config", row[2] == "pg_notify", lockFunctions[row[2]]
			f.Texts, f.Itself = row[2] == "pg_prepared_statement" || row[2] == "pg_cursor", row[2] == "current_query" || row[2] == "pg_stat_get_activity"
			f.Moves = row[2] == "nextval" || effectFunctions[row[2]] && !f.Private && !f.Sets
			f.Sequence = sequenceFunctions[row[2]]
			f.Figures = figures(row[2])
			if row[2] == "ts_rewrite" && row[3] == "v" {
				f.Trust = Untrusted
			}
			if row[2] == "pg_stat_get_activity" {
				n, _ := strconv.Atoi(row[8])
				f.SensitiveColumn = int16(max(n, 0))
				if n <= 0 {
					f.Trust = Untrusted
				}
			}
		case pureExtensions[row[5]] && (language == "c" || language == "internal"):
			f.Trust = Pure
		case isTrue(row[11]): // what its defaults call is in no statement's tree
		case row[12] != "":
			f.text = readText(row[12], language == "sql")
		case language == "sql" && row[7] != "" && row[9] == "f":
			if v, err := nodetree.Parse(row[7]); err == nil {
				if q, ok := single(v); ok {
					f.Trust, f.Body = Body, q
				}
			}
		}
		l.cat.Functions[f.OID] = f
	})
}

func (l *loader) rest() error {
	err := l.each(operatorSQL, func(row []string) { l.cat.Operators[oid(row[0])] = oid(row[1]) })
	if err != nil {
		return err
	}
	err = l.each(collationSQL, func(row []string) { l.cat.LooseCollations[oid(row[0])] = true })
	if err != nil {
		return err
	}
	return l.types()
}

func (l *loader) find(schema, name string) *Relation {
	for _, r := range l.cat.Relations {
		if r.Schema == schema && r.Name == name {
			return r
		}
	}
	return nil
}

// protect resolves the configured tables and carries protection to parents,
// children and partitions.
func (l *loader) protect(tables []Table) {
	configured := map[OID]bool{}
	for _, t := range tables {
		r := l.find(t.Schema, t.Name)
		if r == nil {
			l.cat.Missing = append(l.cat.Missing, t.Schema+"."+t.Name)
			continue
		}
		p := &Protection{Source: t.Source, Elements: map[int16]element.Mask{}, From: t.From, Identifiers: map[int16]bool{}}
		column := func(name string) int16 {
			a, ok := r.named(name)
			if !ok {
				l.cat.Missing = append(l.cat.Missing, t.Schema+"."+t.Name+"."+name)
			}
			return a.Num
		}
		for name, m := range t.Columns {
			if num := column(name); num != 0 {
				p.Elements[num] = m
			}
		}
		if t.Key != "" {
			p.Key = column(t.Key)
		}
		for _, name := range t.Identifiers {
			if num := column(name); num != 0 {
				p.Identifiers[num] = true
			}
		}
		for name, c := range t.Carried {
			num := Presence
			if name != "" {
				num = column(name)
			}
			if num != 0 {
				p.carry(num, c)
			}
		}
		r.Protected, r.Known = p, true
		configured[r.OID] = true
	}
	slices.Sort(l.cat.Missing)
	inherited := map[*Relation]*Protection{}
	for _, r := range l.cat.Relations {
		if configured[r.OID] || len(r.Children)+len(r.Parents) == 0 {
			continue
		}
		var from []*Relation
		for _, next := range []func(*Relation) []OID{
			func(r *Relation) []OID { return r.Parents }, func(r *Relation) []OID { return r.Children },
		} {
			l.kin(r, next, func(o *Relation) {
				if configured[o.OID] {
					from = append(from, o)
				}
			})
		}
		if len(from) > 0 {
			inherited[r] = l.merged(from, r)
		}
	}
	for r, p := range inherited {
		r.Protected, r.Known = p, true
	}
	for _, r := range l.cat.Relations {
		if configured[r.OID] {
			l.share(r, configured)
		}
	}
}

// kin calls f for all relations reached by next.
func (l *loader) kin(r *Relation, next func(*Relation) []OID, f func(*Relation)) {
	for _, o := range next(r) {
		if other := l.cat.Relations[o]; other != nil {
			f(other)
			l.kin(other, next, f)
		}
	}
}

// merged is the protection of r, whose rows are among those of the relations
// in from or theirs among its own. When they disagree on the key it has none.
func (l *loader) merged(from []*Relation, r *Relation) *Protection {
	slices.SortFunc(from, func(a, b *Relation) int { return int(a.OID) - int(b.OID) })
	var out *Protection
	for _, o := range from {
		p := carried(o, r, l.bounds(o))
		if out == nil {
			out = p
			continue
		}
		for _, place := range p.From {
			if !slices.Contains(out.From, place) {
				out.From = append(slices.Clone(out.From), place)
			}
		}
		if out.Key != p.Key || out.Source != p.Source {
			out.Key, out.Source = 0, ""
		}
		for _, a := range r.Columns {
			out.Elements[a.Num] = out.Of(a.Num) | p.Of(a.Num)
		}
		for num, c := range p.Carried {
			out.carry(num, c)
		}
		out.Identifiers = map[int16]bool{}
	}
	return out
}

func (l *loader) bounds(r *Relation) []event.Place {
	if len(r.Protected.From) > 0 {
		return r.Protected.From
	}
	return []event.Place{r.Place}
}

// carried is the protection of other, whose columns of the same name hold what
// r's hold.
func carried(r, other *Relation, from []event.Place) *Protection {
	p := &Protection{Source: r.Protected.Source, Elements: map[int16]element.Mask{}, From: from, Identifiers: map[int16]bool{}}
	for _, a := range r.All() {
		b, ok := other.named(a.Name)
		if !ok {
			continue
		}
		if m, listed := r.Protected.Elements[a.Num]; listed {
			p.Elements[b.Num] = m
		}
		if a.Num == r.Protected.Key && a.Type == b.Type {
			p.Key = b.Num
		}
		if r.Protected.Identifiers[a.Num] {
			p.Identifiers[b.Num] = true
		}
		if c, ok := r.Protected.Carried[a.Num]; ok {
			p.carry(b.Num, c)
		}
	}
	if c, ok := r.Protected.Carried[Presence]; ok {
		p.carry(Presence, c)
	}
	return p
}

// carry adds c to what is known of a column.
func (p *Protection) carry(num int16, c Carried) {
	if p.Carried == nil {
		p.Carried = map[int16]Carried{}
	}
	old, had := p.Carried[num]
	c.Elements |= old.Elements
	c.Stored = c.Stored && (old.Stored || !had)
	for _, place := range old.From {
		if !slices.Contains(c.From, place) {
			c.From = append(slices.Clone(c.From), place)
		}
	}
	p.Carried[num] = c
}

// foreign protects foreign tables that name a protected table of this server.
func (l *loader) foreign() error {
	return l.each(foreignSQL, func(row []string) {
		r := l.cat.Relations[oid(row[0])]
		base := l.find(row[1], row[2])
		if r == nil || r.Protected != nil || base == nil || base == r || base.Protected == nil {
			return
		}
		r.Protected, r.Known = carried(base, r, l.bounds(base)), true
	})
}

// declare applies the configured functions.
func (l *loader) declare() {
	for _, rule := range l.conf.Functions {
		for _, f := range l.cat.Functions {
			if f.Name != rule.Name || f.OID < firstUserOID {
				continue
			}
			f.Trust = Pure
			for _, name := range rule.Reads {
				schema, table, _ := strings.Cut(name, ".")
				f.Trust = Reads
				if r := l.find(schema, table); r != nil {
					f.Tables = append(f.Tables, r.OID)
				} else {
					f.Tables = append(f.Tables, 0) // unknown: opaque when called
				}
			}
		}
	}
}

// derive protects materialised views by the lineage of their queries. Whom one
// holds is bounded by what it was made from and by what rests in itself: it may
// have been filled long ago.
func (l *loader) derive() {
	for range 10 { // views over views
		changed := false
		for _, r := range l.cat.Relations {
			if r.Kind != 'm' || r.Protected != nil || r.OID < firstUserOID {
				continue
			}
			if p := l.derived(r); p != nil {
				p.From = append(p.From, r.Place)
				r.Protected, r.Known = p, true
				changed = true
			}
		}
		if !changed {
			return
		}
	}
}

func (l *loader) derived(r *Relation) *Protection {
	q := r.view()
	if q == nil {
		return &Protection{Elements: map[int16]element.Mask{}}
	}
	an, _ := analyseQuery(l.cat, q, Options{Place: l.conf.Place})
	if an.Bare {
		return nil
	}
	p := &Protection{Elements: map[int16]element.Mask{}}
	if an.Opaque != "" {
		for _, o := range l.cat.Relations {
			if o.Protected != nil && !slices.Contains(p.From, o.Place) {
				p.From = append(p.From, l.bounds(o)...)
			}
		}
		slices.Sort(p.From)
		p.From = slices.Compact(p.From)
		return p
	}
	exact, ordinal := true, -1
	for _, e := range an.Entries {
		p.From = append(p.From, e.Bound...)
		key, by := e.Ordinal, e.KeyBy
		if by == KeyNone && e.Reason == "predicate" {
			key, by = e.ConfirmOrdinal, e.ConfirmBy // stored rows keep their subject
		}
		if ordinal < 0 {
			ordinal = key
		}
		exact = exact && by == KeyColumn && key == ordinal && e.Source == an.Entries[0].Source
	}
	slices.Sort(p.From)
	p.From = slices.Compact(p.From)
	for i, c := range an.Columns {
		if i < len(r.Columns) {
			p.Elements[r.Columns[i].Num] = c.Elements
		}
	}
	if an.Predicate != 0 { // that a row is there tells of it
		p.carry(Presence, Carried{Elements: an.Predicate, From: p.From, Stored: true})
	}
	if exact && ordinal < len(r.Columns) {
		p.Source, p.Key = an.Entries[0].Source, r.Columns[ordinal].Num
	}
	return p
}
