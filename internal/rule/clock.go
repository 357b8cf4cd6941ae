package rule

import (
	"cmp"
	"slices"
	"time"
)

// Fact is something that somebody in the company or its entrustees knew from
// At on: "personal-data", "card", "attack", "resident.kr" … The fact
// "persons" says that Persons are concerned.
type Fact struct {
	Name    string
	At      time.Time
	Persons uint64
}

// Clock is one duty that runs.
type Clock struct {
	Rule  *Rule
	Kind  string    // the rule's, or "target" when a softer rule runs too
	Start time.Time // earliest knowledge
	Due   time.Time // the first instant that is late; the moment itself for hours
	Day   string    // last day in the rule's zone, 2006-01-02; empty for hours
	Warn  time.Time // zero: none
	// OwnTarget: the law has no number; Due is this product's target.
	OwnTarget bool
	// ByHand: the last day depends on holidays that are not announced yet.
	ByHand bool
	// Because are the facts that make it run, the one that started it first; each is
	// the earliest of its name.
	Because []Fact
}

// Clocks returns the clocks that the facts start under the law of asOf, in
// order of their ends. Zero asOf means the day on which each clock began.
func (b *Book) Clocks(facts []Fact, asOf time.Time) []Clock {
	var out []Clock
	running := map[string]time.Time{} // rule → start
	for _, r := range b.Rules {
		start, ok := r.started(facts)
		law := asOf
		if law.IsZero() {
			law = start
		}
		if !ok || !r.InForce(law) {
			continue
		}
		running[r.ID] = start
		k := r.Clock(start)
		k.Because = r.because(facts)
		out = append(out, k)
	}
	for i := range out {
		if _, ok := running[out[i].Rule.SoftenedBy]; ok {
			out[i].Kind = "target"
		}
	}
	out = slices.DeleteFunc(out, func(k Clock) bool {
		main, ok := running[k.Rule.EarlyOf]
		return ok && !k.Start.Before(main)
	})
	slices.SortStableFunc(out, func(a, b Clock) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Rule.ID, b.Rule.ID)) })
	return out
}

// started returns the earliest knowledge of a starting fact, when a clause
// holds.
func (r *Rule) started(facts []Fact) (start time.Time, ok bool) {
	holds := slices.ContainsFunc(r.When, func(c Clause) bool { return c.holds(facts) })
	for _, f := range facts {
		if slices.Contains(r.Start, f.Name) && (start.IsZero() || f.At.Before(start)) {
			start = f.At
		}
	}
	return start, holds && !start.IsZero()
}

func (c Clause) holds(facts []Fact) bool {
	has := func(name string) bool {
		return slices.ContainsFunc(facts, func(f Fact) bool { return f.Name == name })
	}
	for _, name := range c.All {
		if !has(name) {
			return false
		}
	}
	enough := slices.ContainsFunc(facts, func(f Fact) bool { return f.Persons > c.PersonsOver })
	return (len(c.Any) == 0 || slices.ContainsFunc(c.Any, has)) && (c.PersonsOver == 0 || enough)
}

// because returns the fact that starts the clock and those of the first clause that
// holds.
func (r *Rule) because(facts []Fact) []Fact {
	var out []Fact
	earliest := func(fits func(Fact) bool) {
		at := -1
		for i, f := range facts {
			if fits(f) && (at < 0 || f.At.Before(facts[at].At)) {
				at = i
			}
		}
		if at >= 0 && !slices.ContainsFunc(out, func(f Fact) bool { return f.Name == facts[at].Name }) {
			out = append(out, facts[at])
		}
	}
	earliest(func(f Fact) bool { return slices.Contains(r.Start, f.Name) })
	i := slices.IndexFunc(r.When, func(c Clause) bool { return c.holds(facts) })
	if i < 0 {
		return out
	}
	c := r.When[i]
	for _, name := range c.All {
		earliest(func(f Fact) bool { return f.Name == name })
	}
	if len(c.Any) > 0 {
		earliest(func(f Fact) bool { return slices.Contains(c.Any, f.Name) })
	}
	if c.PersonsOver > 0 {
		earliest(func(f Fact) bool { return f.Persons > c.PersonsOver })
	}
	return out
}

// Clock counts from start, whatever the facts are.
func (r *Rule) Clock(start time.Time) Clock {
	c := Clock{Rule: r, Kind: r.Kind, Start: start}
	switch r.Unit {
	case "hour":
		c.Due = start.Add(time.Duration(r.Length) * time.Hour)
		return c
	case "none":
		c.Due, c.OwnTarget = start.Add(time.Duration(r.Target)*time.Hour), true
		return c
	}
	first := dayOf(start.In(r.zone))
	last := first
	switch r.Count {
	case "business":
		for n := 0; n < r.Length; {
			if last = last.add(1); !last.closed() {
				n++
			}
			c.ByHand = c.ByHand || !Covers(last.year)
		}
	case "calendar":
		last = first.add(r.Length - r.FirstDay)
	}
	if r.Roll == "next-open" {
		for ; last.closed(); last = last.add(1) {
		}
		c.ByHand = !Covers(last.year)
	}
	c.OwnTarget = r.Count == "same-day"
	c.Due = last.add(1).start(r.zone)
	c.Day = time.Date(last.year, last.month, last.day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	if r.WarnAfter > 0 {
		c.Warn = first.add(r.WarnAfter - r.FirstDay).start(r.zone)
	}
	return c
}

func (d day) start(zone *time.Location) time.Time {
	return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, zone)
}

// DaysPast returns how many days now is past the clock's last day, 0 when it is
// not.
func (c *Clock) DaysPast(now time.Time) int {
	if c.Day == "" || now.Before(c.Due) {
		return 0
	}
	last, _ := time.Parse(time.DateOnly, c.Day)
	today := dayOf(now.In(c.Rule.zone))
	return int(today.start(time.UTC).Sub(last).Hours() / 24)
}
