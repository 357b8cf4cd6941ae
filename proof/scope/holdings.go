package scope

import (
	"slices"
	"sort"
)

// ChangeSlack is how long, in ns, after a write its event may be recorded (a
// gate gathers for at most 100 ms, and writes what it gathered), and how long
// before the write can be seen: when a transaction takes longer to end, its
// writes are recorded again then.
const ChangeSlack = int64(1e9)

// Span is a time in UTC ns, both ends included, widened by the clock error.
type Span struct{ From, To int64 }

// Choice says what makes up the holdings of a table during some time: scans
// First … Last (indexes into the spans given to Choose) and all changes that
// meet Changes.
type Choice struct {
	First, Last int
	Changes     Span
	Unknown     bool // there is no scan before
	Provisional bool // there is no scan after
}

// Choose returns what makes up the holdings during t: the last scan that ended
// before t, the first that began after it, those between, and the changes
// since shortly before the earlier began. Scans must be sorted by From.
func Choose(scans []Span, t Span) Choice {
	c := Choice{First: 0, Last: len(scans) - 1, Changes: Span{minTime, maxTime}, Unknown: true, Provisional: true}
	j := sort.Search(len(scans), func(i int) bool { return scans[i].From >= t.To })
	for i := j - 1; i >= 0; i-- { // overlapping scans are few
		if scans[i].To <= t.From {
			c.First, c.Unknown, c.Changes.From = i, false, scans[i].From-ChangeSlack
			break
		}
	}
	// A scan of no length may both end before and begin after t.
	if j < len(scans) {
		c.Last, c.Provisional, c.Changes.To = j, false, scans[j].To+ChangeSlack
	}
	return c
}

const (
	minTime = -1 << 63
	maxTime = 1<<63 - 1
)

// ChooseAll merges the choices for many times: which scans count, and which
// spans of changes, ascending and disjoint.
func ChooseAll(scans []Span, times []Span) (use []bool, changes []Span, unknown, provisional bool) {
	use = make([]bool, len(scans))
	for _, t := range times {
		c := Choose(scans, t)
		for i := c.First; i <= c.Last; i++ {
			use[i] = true
		}
		changes = append(changes, c.Changes)
		unknown = unknown || c.Unknown
		provisional = provisional || c.Provisional
	}
	return use, Merge(changes), unknown, provisional
}

// Merge sorts spans and joins those that meet.
func Merge(spans []Span) []Span {
	slices.SortFunc(spans, func(a, b Span) int {
		switch {
		case a.From < b.From:
			return -1
		case a.From > b.From:
			return 1
		}
		return 0
	})
	var out []Span
	for _, s := range spans {
		if n := len(out); n > 0 && s.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, s.To)
			continue
		}
		out = append(out, s)
	}
	return out
}

// Within reports whether s lies in one of the merged spans.
func Within(spans []Span, s Span) bool {
	i := sort.Search(len(spans), func(i int) bool { return spans[i].To >= s.From })
	return i < len(spans) && spans[i].From <= s.From && s.To <= spans[i].To
}

// Touches reports whether s meets one of the merged spans.
func Touches(spans []Span, s Span) bool {
	i := sort.Search(len(spans), func(i int) bool { return spans[i].To >= s.From })
	return i < len(spans) && spans[i].From <= s.To
}

// Seconds widens a span to whole seconds: bounded crossings are remembered by
// the second.
func Seconds(s Span) Span {
	return Span{floorSecond(s.From) * 1e9, (floorSecond(s.To) + 1) * 1e9}
}

func floorSecond(ns int64) int64 {
	s := ns / 1e9
	if ns < 0 && s*1e9 != ns {
		s--
	}
	return s
}
