package disclosure

import (
	"maps"
	"slices"

	"sekisho/internal/event"
)

// due notes that records of remote processes were wanted. The latest of each counts.
func (v *View) due(index event.Index, at, ce int64, b *event.RecordDue) {
	for _, site := range b.Sites {
		if v.gates.Due(at, ce, []string{site}) {
			v.changed.due[site] = int64(index)
		}
	}
}

// Owed returns the remote processes whose record is not here as far as it was
// wanted (event.RecordDue), sorted.
func (v *View) Owed() []string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return slices.Sorted(maps.Keys(v.gates.Owed()))
}

// Sites returns the remote processes of which a sign of life is here, sorted.
func (v *View) Sites() []string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return slices.Sorted(maps.Keys(v.gates.Sites()))
}
