package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sekisho/internal/datamap/risk"
	"sekisho/internal/event"
)

type mapShowCmd struct{}

// shownPlace is one place of the map.
type shownPlace struct {
	Place    event.Place   `json:"place"`
	Subjects uint64        `json:"subjects"`
	Elements string        `json:"elements"`
	First    time.Time     `json:"first_seen"`
	Last     time.Time     `json:"last_seen"`
	Gone     *time.Time    `json:"gone,omitempty"`
	Like     event.Place   `json:"like,omitempty"`
	CopyOf   *event.Copied `json:"copy_of,omitempty"`
}

// shownMap is the map as JSON.
type shownMap struct {
	Places []shownPlace   `json:"places"`
	Drift  []*event.Drift `json:"drift"`
}

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
	c, err := a.chart()
	if err != nil {
		return err
	}
	out := shownMap{Places: []shownPlace{}, Drift: []*event.Drift{}}
	for _, p := range c.sorted() {
		x := c.places[p]
		s := shownPlace{Place: p, Subjects: x.subjects(), Elements: x.elements().String(), First: x.first, Last: x.last, Like: x.like, CopyOf: c.copyOf(p)}
		if !x.gone.IsZero() {
			s.Gone = &x.gone
		}
		out.Places = append(out.Places, s)
	}
	for _, db := range slices.Sorted(maps.Keys(c.drifts)) {
		out.Drift = append(out.Drift, c.drifts[db])
	}
	return a.out(out, func() { out.show(a) })
}

func (m *shownMap) show(a *app) {
	if len(m.Places) == 0 {
		a.print("map_empty")
	} else {
		a.table([]string{"col_place", "col_subjects", "col_elements", "col_first_seen", "col_last_seen", "col_gone", "col_copy_of"}, func(line func(...any)) {
			for _, x := range m.Places {
				gone := ""
				if x.Gone != nil {
					gone = x.Gone.Format(time.RFC3339)
				}
				line(x.Place, countOf(x.Subjects), x.Elements, x.First.Format(time.RFC3339), x.Last.Format(time.RFC3339), gone, x.made(a))
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

// made says what a place is a copy of.
func (x *shownPlace) made(a *app) string {
	if x.CopyOf == nil {
		return string(x.Like)
	}
	of := make([]string, 0, len(x.CopyOf.Of))
	for _, p := range x.CopyOf.Of {
		of = append(of, string(p))
	}
	return fmt.Sprintf("%s (%s)", strings.Join(of, ", "), a.say.Text("map_how_"+strings.ReplaceAll(x.CopyOf.How, " ", "_")))
}

type mapRiskCmd struct {
	Top int `default:"20" help:"help_map_risk_top"`
}

// Run ranks places by subjects, elements and exposure (重要情報の洗い出し).
func (c mapRiskCmd) Run(a *app) error {
	m, err := a.chart()
	if err != nil {
		return err
	}
	all := m.ranking()
	left := 0
	if c.Top > 0 && len(all) > c.Top {
		all, left = all[:c.Top], len(all)-c.Top
	}
	return a.out(all, func() {
		if len(all) == 0 {
			a.print("map_empty")
			return
		}
		for i, r := range all {
			m.print(a, i+1, &r)
		}
		if left > 0 {
			a.print("scan_more", "n", left)
		}
	})
}

func (c *chart) print(a *app, n int, r *risk.Ranked) {
	x := c.places[event.Place(r.Place)]
	var shares, why []string
	for _, s := range r.Elements {
		if s.Weight > 0 {
			shares = append(shares, fmt.Sprintf("%s %s × %g", s.Element, countOf(s.Subjects), s.Weight))
		}
	}
	shown := shownPlace{Like: x.like, CopyOf: c.copyOf(event.Place(r.Place))}
	for _, reason := range r.Reasons {
		key := "scan_reason_" + reason
		if reason == "old" || reason == "number" {
			key = "risk_reason_" + reason
		}
		why = append(why, a.say.Text(key, "copy", shown.made(a), "year", x.first.Year()))
	}
	a.print("risk_place", "n", n, "place", r.Place, "subjects", countOf(r.Subjects), "score", countOf(uint64(r.Score)))
	a.print("risk_sum", "elements", strings.Join(shares, " + "), "weight", countOf(uint64(r.Weight)), "exposure", fmt.Sprintf("%.3g", r.Exposure))
	a.print("risk_why", "why", strings.Join(why, a.say.Text("risk_and")), "advice", a.say.Text("risk_advice_"+string(r.Advice)))
}
