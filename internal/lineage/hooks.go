package lineage

import (
	"slices"
	"strconv"
)

// hooks notes on every relation whether writing it runs code that nobody
// declared: triggers, and functions in defaults, checks, indexes and partition
// keys. A write reaches partitions and children, and through ON DELETE and ON
// UPDATE actions the tables that refer to it, so that theirs count too. It
// runs after declare.
func (l *loader) hooks() error {
	err := l.each(triggerSQL, func(row []string) {
		if r := l.cat.Relations[oid(row[0])]; r != nil && !l.declared(oid(row[1])) {
			r.Triggers = true
			r.hooks = append(r.hooks, hook{function: oid(row[1]), before: isTrue(row[2])})
		}
	})
	if err != nil {
		return err
	}
	err = l.each(callSQL, func(row []string) {
		r, object, extension := l.cat.Relations[oid(row[0])], oid(row[2]), row[3]
		if r == nil || pureExtensions[extension] {
			return
		}
		switch row[1] {
		case "pg_operator":
			object = l.cat.Operators[object]
		case "pg_opclass": // somebody's own: its functions are not looked for
			object = 0
		}
		if fn := l.cat.Functions[object]; fn == nil || fn.Trust != Pure {
			r.Code = true
			h := hook{function: object, tests: true}
			if num, err := strconv.Atoi(row[4]); err == nil && num > 0 {
				a, _ := r.attribute(int16(num))
				h.fills, h.tests = a.Name, false
			}
			r.hooks = append(r.hooks, h)
		}
	})
	if err != nil {
		return err
	}
	reached := map[*Relation][]*Relation{}
	err = l.each(cascadeSQL, func(row []string) {
		if to, from := l.cat.Relations[oid(row[0])], l.cat.Relations[oid(row[1])]; to != nil && from != nil {
			reached[to] = append(reached[to], from)
			to.cascades = append(to.cascades, from.OID)
			to.follows = append(to.follows, follow{to: from.OID, refs: attributes(row[2]), atts: attributes(row[3]), onUpdate: row[4][0], onDelete: row[5][0]})
		}
	})
	if err != nil {
		return err
	}
	err = l.each(referenceSQL, func(row []string) {
		to, from := l.cat.Relations[oid(row[0])], l.cat.Relations[oid(row[1])]
		if to == nil || from == nil || to.Protected == nil {
			return
		}
		for _, att := range attributes(row[2]) {
			if m := to.Protected.Of(att); m != 0 {
				from.Asks = true
				from.asks = append(from.asks, asked{to.OID, m})
			}
		}
	})
	if err != nil {
		return err
	}
	err = l.each(drawSQL, func(row []string) {
		if r := l.cat.Relations[oid(row[0])]; r != nil {
			att, _ := strconv.Atoi(row[2])
			r.draws = append(r.draws, oid(row[1]))
			r.defaults = append(r.defaults, drawn{int16(att), oid(row[1])})
		}
	})
	if err != nil {
		return err
	}
	err = l.each(settingSQL, func(row []string) {
		if r := l.cat.Relations[oid(row[0])]; r != nil {
			r.settings = true
		}
	})
	if err != nil {
		return err
	}
	for _, r := range l.cat.Relations {
		for _, o := range r.Children {
			if child := l.cat.Relations[o]; child != nil && !slices.Contains(reached[r], child) {
				reached[r] = append(reached[r], child)
			}
		}
	}
	for changed := true; changed; {
		changed = false
		for r, list := range reached {
			for _, o := range list {
				if o.Triggers && !r.Triggers || o.Code && !r.Code {
					r.Triggers, r.Code, changed = r.Triggers || o.Triggers, r.Code || o.Code, true
				}
			}
		}
	}
	return nil
}

// declared says that the configuration vouches for a function of somebody's own.
func (l *loader) declared(function OID) bool {
	fn := l.cat.Functions[function]
	return function >= firstUserOID && fn != nil && fn.Trust == Pure
}
