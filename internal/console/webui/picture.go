package webui

import (
	"math"
	"strconv"
	"time"

	"sekisho/internal/desk"
	"sekisho/internal/rule"
)

// px is a coordinate of a picture.
func px(n int) string { return strconv.Itoa(n) }

// height is the length of a bar, of at most 72: what is not zero is seen.
func height(n, most uint64) int {
	if n == 0 || most == 0 {
		return 0
	}
	return max(2, int(math.Round(72*float64(min(n, most))/float64(most))))
}

func mostOf(days []day) uint64 {
	most := uint64(1)
	for _, d := range days {
		// A day whose coverage failed reaches everybody: it must not flatten
		// the others, so it is cut at four times the largest exact day.
		most = max(most, d.Confirmed)
	}
	reach := most
	for _, d := range days {
		if !d.Blind {
			reach = max(reach, d.Reachable)
		}
	}
	return min(reach, 4*most)
}

func dayNumber(d day) string { return strconv.Itoa(d.At.In(rule.Tokyo).Day()) }

func dayTitle(p *Page, d day) string {
	if d.Blind {
		return p.T("day_blind", "day", d.At.In(rule.Tokyo).Format(time.DateOnly))
	}
	return p.T("day_title", "day", d.At.In(rule.Tokyo).Format(time.DateOnly), "confirmed", p.N(d.Confirmed), "reachable", p.N(d.Reachable))
}

func gateLevel(reporting bool) string {
	if reporting {
		return "ok"
	}
	return "bad"
}

// toOf is who is told, in the person's language.
func toOf(p *Page, c desk.Clock) string {
	if p.JA() {
		return c.To
	}
	return c.ToEN
}

// facts names the facts behind a clock, with when each became known.
func (p *Page) facts(all []desk.Known) string {
	var out []string
	for _, f := range all {
		text := p.T("clock_persons", "n", p.N(f.Persons))
		if f.Fact != "persons" {
			text = p.Fact(f.Fact)
		}
		out = append(out, p.T("clock_fact", "fact", text, "at", p.Time(f.At)))
	}
	return joined(p, out)
}

// lawOf is the law behind a clock in the person's language.
func lawOf(p *Page, c desk.Clock) string {
	if p.JA() {
		return c.LawJA
	}
	return c.LawEN
}
