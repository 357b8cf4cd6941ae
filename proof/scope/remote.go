package scope

import (
	"math"
	"strings"
)

// ReasonNotArrived is the reason of a hole that may be none: a remote process
// recorded what happened then, or will have, and its record is not here yet.
const ReasonNotArrived = "not yet arrived"

// siteOf returns of which remote process a source is: "osaka" of
// "gate/shop-db@osaka", empty of those of the ledger's own process.
func siteOf(source string) string {
	_, site, _ := strings.Cut(source, "@")
	return site
}

// ways are the first words of places whose name comes second.
var ways = []string{"egress/", "resolver/", "web/"}

// siteOfPlace returns of which remote process a place is: "osaka" of
// "www@osaka/old/list.csv" and of "web/shop@osaka", empty of those of the ledger's
// own process. An @ further on belongs to the name of a table or file.
func siteOfPlace(place string) string {
	for _, way := range ways {
		if rest, ok := strings.CutPrefix(place, way); ok {
			place = rest
			break
		}
	}
	name, _, _ := strings.Cut(place, "/")
	return siteOf(name)
}

// Due says that what remote processes recorded until then was wanted. A process
// sends its record in order, so that all of it is here up to the last sign of life
// that is here; what comes after that is missing until a later one comes. It
// reports whether this is news.
func (g *Gates) Due(at, ce int64, sites []string) (news bool) {
	for _, site := range sites {
		if old, known := g.due[site]; site != "" && (!known || at+ce > old) {
			g.due[site], news = at+ce, true
		}
	}
	return news
}

// Dues returns what Due was told, by process; the caller must not change it.
func (g *Gates) Dues() map[string]int64 { return g.due }

// RestoreDue puts back what was saved of Dues.
func (g *Gates) RestoreDue(site string, at int64) { g.due[site] = at }

// Owed returns the remote processes whose record is not here as far as it was
// wanted, with the time until which it is.
func (g *Gates) Owed() map[string]int64 {
	if len(g.due) == 0 {
		return nil
	}
	heard := map[string]int64{}
	for site := range g.due {
		heard[site] = math.MinInt64
	}
	for _, s := range g.gates {
		site := siteOf(s.source)
		if last, wanted := heard[site]; wanted {
			for _, r := range s.runs {
				last = max(last, r.end()-r.ClockNS)
			}
			heard[site] = last
		}
	}
	for site, last := range heard {
		if last >= g.due[site] {
			delete(heard, site)
		}
	}
	return heard
}

// Sites returns the remote processes of which a sign of life is here.
func (g *Gates) Sites() map[string]bool {
	out := map[string]bool{}
	for _, s := range g.gates {
		if site := siteOf(s.source); site != "" {
			out[site] = true
		}
	}
	return out
}

// unheard are the processes of which nothing is here: what their gates guard is
// not known, so that they count where no places were asked for.
func (g *Gates) unheard(places []string) (out []Gate) {
	if len(places) > 0 {
		return nil
	}
	for site, heard := range g.Owed() {
		if heard == math.MinInt64 {
			out = append(out, Gate{Source: "@" + site, Places: []string{}})
		}
	}
	return out
}
