package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/event"
)

type mapShowCmd struct{}

// chart reads the ledger.
func (a *app) chart() (*chart, error) {
	l, err := a.load()
	if err != nil {
		return nil, err
	}
	r, dir, err := a.reader()
	if err != nil {
		return nil, err
	}
	c := newChart(l, time.Now())
	if err := eachEvent(a.ctx, r, func(k event.Kind) bool { return chartKinds[k] }, c.see); err != nil {
		return nil, ledgerFault(dir, a.config, err)
	}
	return c, nil
}

// Run shows what rests where, and how the databases differ from their configuration.
func (mapShowCmd) Run(a *app) error {
	var out *consoleoffice.Mapped
	if a.hub.address != "" {
		var err error
		if out, err = elsewhere[struct{}, *consoleoffice.Mapped](a, "map/show", struct{}{}); err != nil {
			return err
		}
	} else {
		c, err := a.chart()
		if err != nil {
			return err
		}
		out = c.mapped()
	}
	return a.out(out, func() { a.showMap(out) })
}

// mapped is the whole map.
func (c *chart) mapped() *consoleoffice.Mapped {
	out := &consoleoffice.Mapped{Places: []consoleoffice.MappedPlace{}, Drift: []*event.Drift{}}
	for _, p := range c.sorted() {
		x := c.places[p]
		s := consoleoffice.MappedPlace{Place: p, Subjects: x.subjects(), Elements: x.elements().String(), First: x.first, Last: x.last, Like: x.like, CopyOf: c.copyOf(p)}
		if gone := x.gone; !gone.IsZero() {
			s.Gone = &gone
		}
		out.Places = append(out.Places, s)
	}
	for _, db := range slices.Sorted(maps.Keys(c.drifts)) {
		out.Drift = append(out.Drift, c.drifts[db])
	}
	return out
}

func (a *app) showMap(m *consoleoffice.Mapped) {
	if len(m.Places) == 0 {
		a.print("map_empty")
	} else {
		a.table([]string{"col_place", "col_subjects", "col_elements", "col_first_seen", "col_last_seen", "col_gone", "col_copy_of"}, func(line func(...any)) {
			for _, x := range m.Places {
				gone := ""
				if x.Gone != nil {
					gone = x.Gone.Format(time.RFC3339)
				}
				line(x.Place, countOf(x.Subjects), x.Elements, x.First.Format(time.RFC3339), x.Last.Format(time.RFC3339), gone, a.copied(x.Like, x.CopyOf))
			}
		})
	}
	for _, d := range m.Drift {
		at := time.Unix(0, d.At).UTC().Format(time.RFC3339)
		if d.Count == 0 {
			a.print("map_no_drift", "database", d.Database, "at", at)
			continue
		}
		a.print("map_drift", "database", d.Database, "at", at, "n", countOf(uint64(d.Count)))
		for _, i := range d.Items {
			a.print("propose_drift", "place", strings.TrimSuffix(i.Table+"."+i.Column, "."), "what", a.say.Text("propose_drift_"+strings.ReplaceAll(i.What, " ", "_")),
				"elements", strings.Trim(strings.Join([]string{i.Configured, i.Found}, " → "), " →"))
		}
	}
}

// copied says what a place is a copy of.
func (a *app) copied(like event.Place, from *event.Copied) string {
	if from == nil {
		return string(like)
	}
	of := make([]string, 0, len(from.Of))
	for _, p := range from.Of {
		of = append(of, string(p))
	}
	return fmt.Sprintf("%s (%s)", strings.Join(of, ", "), a.say.Text("map_how_"+strings.ReplaceAll(from.How, " ", "_")))
}

type mapRiskCmd struct {
	Top int `default:"20" help:"help_map_risk_top"`
}

// Run ranks places by subjects, elements and exposure (重要情報の洗い出し).
func (c mapRiskCmd) Run(a *app) error {
	var all *consoleoffice.Ranking
	if a.hub.address != "" {
		var err error
		if all, err = elsewhere[consoleoffice.RankRequest, *consoleoffice.Ranking](a, "map/risk", consoleoffice.RankRequest{Top: c.Top}); err != nil {
			return err
		}
	} else {
		m, err := a.chart()
		if err != nil {
			return err
		}
		all = m.ranked(c.Top)
	}
	return a.out(all.List, func() {
		if len(all.List) == 0 {
			a.print("map_empty")
			return
		}
		for i := range all.List {
			a.showRisk(i+1, &all.List[i])
		}
		if all.More > 0 {
			a.print("scan_more", "n", all.More)
		}
	})
}

// ranked is the list of important information, as long as it is asked for.
func (c *chart) ranked(top int) *consoleoffice.Ranking {
	out := &consoleoffice.Ranking{List: []consoleoffice.Ranked{}}
	for _, r := range c.ranking() {
		if top > 0 && len(out.List) == top {
			out.More++
			continue
		}
		x := c.places[event.Place(r.Place)]
		out.List = append(out.List, consoleoffice.Ranked{Ranked: r, Year: x.first.Year(), Like: x.like, CopyOf: c.copyOf(event.Place(r.Place))})
	}
	return out
}

func (a *app) showRisk(n int, r *consoleoffice.Ranked) {
	var shares, why []string
	for _, s := range r.Elements {
		if s.Weight > 0 {
			shares = append(shares, fmt.Sprintf("%s %s × %g", s.Element, countOf(s.Subjects), s.Weight))
		}
	}
	for _, reason := range r.Reasons {
		key := "scan_reason_" + reason
		if reason == "old" || reason == "number" {
			key = "risk_reason_" + reason
		}
		why = append(why, a.say.Text(key, "copy", a.copied(r.Like, r.CopyOf), "year", r.Year))
	}
	a.print("risk_place", "n", n, "place", r.Place, "subjects", countOf(r.Subjects), "score", countOf(uint64(r.Score)))
	a.print("risk_sum", "elements", strings.Join(shares, " + "), "weight", countOf(uint64(r.Weight)), "exposure", fmt.Sprintf("%.3g", r.Exposure))
	a.print("risk_why", "why", strings.Join(why, a.say.Text("risk_and")), "advice", a.say.Text("risk_advice_"+string(r.Advice)))
}
