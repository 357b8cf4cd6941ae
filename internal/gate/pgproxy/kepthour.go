package pgproxy

import "sekisho/internal/event"

// keptHour is what a database user got in the last 60 minutes: caps of an hour go
// on counting where a session of the user is kept.
type keptHour struct {
	Rows    [60]uint64
	Minutes [60]int64
	Seen    map[event.SubjectSource]map[int64]event.Set // by the minute they last passed
}

// keep returns what is known of a user; nil: nothing.
func (h *hourly) keep(user string) *keptHour {
	h.mu.Lock()
	defer h.mu.Unlock()
	u := h.users[user]
	if u == nil {
		return nil
	}
	k := &keptHour{Rows: u.rows, Minutes: u.minutes, Seen: map[event.SubjectSource]map[int64]event.Set{}}
	by := map[event.SubjectSource]map[int64][]uint32{}
	for p, minute := range u.seen {
		if by[p.source] == nil {
			by[p.source], k.Seen[p.source] = map[int64][]uint32{}, map[int64]event.Set{}
		}
		by[p.source][minute] = append(by[p.source][minute], p.number)
	}
	for source, minutes := range by {
		for minute, numbers := range minutes {
			k.Seen[source][minute] = event.SetOf(numbers)
		}
	}
	return k
}

// merge notes what another run knew of a user. Several gates may tell the same.
func (h *hourly) merge(user string, k *keptHour) {
	if k == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	u := h.of(user)
	for i, minute := range k.Minutes {
		switch {
		case minute > u.minutes[i]:
			u.minutes[i], u.rows[i] = minute, k.Rows[i]
		case minute == u.minutes[i]:
			u.rows[i] = max(u.rows[i], k.Rows[i])
		}
	}
	for source, minutes := range k.Seen {
		for minute, set := range minutes {
			for _, r := range set {
				for n := uint64(r.First); n <= uint64(r.Last); n++ {
					p := person{source, uint32(n)}
					u.seen[p] = max(u.seen[p], minute)
				}
			}
		}
	}
}
