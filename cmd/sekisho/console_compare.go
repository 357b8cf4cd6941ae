package main

import (
	"context"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/event"
	"sekisho/proof/scope"
)

// Shared implements office.Office: who is in both answers, by class.
func (c *console) Shared(ctx context.Context, a, b scope.Query) (out consoleoffice.Shared, err error) {
	one, err := c.figures(ctx, a)
	if err != nil {
		return out, err
	}
	defer one.Release()
	other, err := c.figures(ctx, b)
	if err != nil {
		return out, err
	}
	defer other.Release()
	for class, n := range map[scope.Class]*uint64{scope.Confirmed: &out.Confirmed, scope.Reachable: &out.Reachable, scope.EverHeld: &out.EverHeld} {
		theirs := other.Subjects(class)
		for source, set := range one.Subjects(class) {
			*n += inBoth(set, theirs[source])
		}
	}
	return out, nil
}

// inBoth counts the numbers that two sets have in common.
func inBoth(a, b event.Set) (n uint64) {
	for i, k := 0, 0; i < len(a) && k < len(b); {
		if first, last := max(a[i].First, b[k].First), min(a[i].Last, b[k].Last); first <= last {
			n += uint64(last-first) + 1
		}
		if a[i].Last < b[k].Last {
			i++
		} else {
			k++
		}
	}
	return n
}
