package lineage

import "slices"

// tested finds the relations whose rows are tested, when they are written, by code
// that may read protected ones: of a CHECK, an index, an exclusion, a partition's
// key. That a write succeeds, or fails, tells what it read.
func (l *loader) tested() {
	for _, r := range l.cat.Relations {
		r.Tested = slices.ContainsFunc(r.hooks, func(h hook) bool {
			if !h.tests {
				return false
			}
			w := l.cat.reach()
			w.callsOID(h.function)
			return w.protected || w.unknown != ""
		})
	}
}

// tests says that rows are tested so when a command writes r: its own, those of
// its partitions and of what is behind a view, and those that follow by foreign keys.
func (c *Catalog) tests(r *Relation, command int64, seen []*Relation) bool {
	if slices.Contains(seen, r) {
		return false
	}
	seen = append(seen, r)
	if r.Tested && command != cmdDelete {
		return true
	}
	for _, o := range r.Children {
		if child := c.Relations[o]; child != nil && c.tests(child, command, seen) {
			return true
		}
	}
	for _, base := range (&analyser{cat: c}).behind(r, nil) {
		if c.tests(base, command, seen) {
			return true
		}
	}
	if command == cmdInsert {
		return false
	}
	return slices.ContainsFunc(r.follows, func(f follow) bool {
		next := int64(cmdUpdate)
		if command == cmdDelete && f.onDelete == 'c' {
			next = cmdDelete
		}
		to := c.Relations[f.to]
		return to != nil && c.tests(to, next, seen)
	})
}
