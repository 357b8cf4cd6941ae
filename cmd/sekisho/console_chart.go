package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/event"
)

// charts keeps the map that is folded from the ledger, and goes on where it
// was.
type charts struct {
	mu      sync.Mutex // guards what follows
	shown   consoleoffice.Chart
	next    event.Index // of the events that shown has
	reading bool
	ended   chan struct{} // closed when the reading under way ends; nil before the first
	failed  error         // of the last reading

	fold  sync.Mutex // guards the chart while it is read and asked
	chart *chart     // nil before the first reading
}

const (
	placesShown = 200
	risksShown  = 20
)

// chartKinds are the events that a chart is made of.
var chartKinds = map[event.Kind]bool{event.KindSessionOpen: true, event.KindSessionClose: true, event.KindHoldingScan: true, event.KindHoldingChange: true, event.KindCrossing: true,
	event.KindCoverage: true, event.KindObject: true, event.KindCopied: true, event.KindDrift: true, event.KindFinding: true}

// placeUnread is the code of findings that a place could not be read.
const placeUnread = "SK3201"

// Chart implements office.Charts. The ledger is read behind the page's back,
// from where the last reading ended.
func (c *console) Chart(context.Context) (*consoleoffice.Chart, error) {
	k := &c.charts
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.reading && k.next < c.ledger.Head() {
		c.beginChart()
	}
	out := k.shown
	out.Reading = k.reading && k.next == 0 // later readings are short
	return &out, nil
}

// beginChart begins to read what is new. The caller holds charts.mu.
func (c *console) beginChart() {
	k := &c.charts
	k.reading, k.ended = true, make(chan struct{})
	from := k.next
	c.wait.Go(func() { c.readChart(from) })
}

// charted shows the chart with everything that the ledger holds now, once it was read.
func (c *console) charted(ctx context.Context, show func(*chart)) error {
	k := &c.charts
	head := c.ledger.Head()
	for mine := false; !mine; {
		k.mu.Lock()
		if k.next >= head {
			k.mu.Unlock()
			break
		}
		if mine = !k.reading; mine { // one that is under way may have begun before
			c.beginChart()
		}
		ended := k.ended
		k.mu.Unlock()
		select {
		case <-ended:
		case <-ctx.Done():
			return ctx.Err()
		}
		k.mu.Lock()
		err := k.failed
		k.mu.Unlock()
		if err != nil {
			return ledgerFault(ledgerDir(c.cfg.Config), c.file, err)
		}
	}
	k.fold.Lock()
	defer k.fold.Unlock()
	if k.chart == nil {
		k.chart = newChart(c.cfg, c.now()) // of an empty ledger
	}
	k.chart.now = c.now()
	show(k.chart)
	return nil
}

// Mapped implements office.Surveyor.
func (c *console) Mapped(ctx context.Context) (out *consoleoffice.Mapped, err error) {
	err = c.charted(ctx, func(x *chart) { out = x.mapped() })
	return out, err
}

// Ranking implements office.Surveyor.
func (c *console) Ranking(ctx context.Context, r consoleoffice.RankRequest) (out *consoleoffice.Ranking, err error) {
	err = c.charted(ctx, func(x *chart) { out = x.ranked(r.Top) })
	return out, err
}

// whileOpen returns a context for a reading behind a page: it ends with the process.
// The caller ends it with the reading.
func (c *console) whileOpen() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		select {
		case <-c.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// forMap reports whether an event may tell something of the map: of the many
// crossings those since a time, of the many findings those of places that cannot
// be read.
func forMap(h *event.Header, since int64) bool {
	switch h.Kind {
	case event.KindCrossing:
		return h.At > since
	case event.KindFinding:
		return bytes.Contains(h.Body, []byte(placeUnread))
	}
	return chartKinds[h.Kind]
}

func (c *console) readChart(next event.Index) {
	calm()
	k := &c.charts
	ctx, cancel := c.whileOpen()
	defer cancel()
	k.fold.Lock()
	if k.chart == nil {
		k.chart = newChart(c.cfg, c.now())
	}
	k.chart.now = c.now()
	since := k.chart.now.Add(-lately).UnixNano()
	k.fold.Unlock()
	var decoder event.Decoder // making one anew costs more than most lines
	err := c.ledger.Scan(ctx, next, func(index event.Index, line []byte) error {
		h, err := event.ParseHeader(line)
		if err == nil && forMap(&h, since) {
			var e *event.Event
			if e, err = decoder.Parse(line); err == nil {
				k.fold.Lock()
				err = k.chart.see(e)
				k.fold.Unlock()
			}
		}
		if err != nil {
			return fmt.Errorf("event %d: %w", index, err)
		}
		next = index + 1
		return nil
	})
	if err != nil && ctx.Err() == nil {
		c.log.Error("the map cannot be read", "err", err)
	}
	k.fold.Lock()
	fresh := k.chart.shown()
	k.fold.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.shown, k.next, k.reading, k.failed = fresh, next, false, err
	close(k.ended)
}

// History implements office.Charts.
func (c *console) History(ctx context.Context, place string) (*consoleoffice.History, error) {
	shown, err := c.Chart(ctx) // has what is new read
	if err != nil {
		return nil, err
	}
	k := &c.charts
	k.fold.Lock()
	defer k.fold.Unlock()
	out := &consoleoffice.History{Place: place, Reading: shown.Reading}
	if k.chart == nil || k.chart.places[event.Place(place)] == nil {
		return out, nil
	}
	s := &k.chart.places[event.Place(place)].story
	out.More = s.lost
	for _, m := range slices.Backward(s.moments) {
		out.Moments = append(out.Moments, consoleoffice.Moment{At: m.at, What: m.what, Subjects: m.subjects, Elements: elementNames(m.elements), Of: m.of, How: m.how, Size: m.size})
	}
	return out, nil
}

// shown is the chart for a page.
func (c *chart) shown() (out consoleoffice.Chart) {
	for _, p := range c.sorted() {
		x := c.places[p]
		out.Places = append(out.Places, consoleoffice.Rest{Place: string(p), Subjects: x.subjects(), Elements: elementNames(x.elements()), First: x.first, Last: x.last, Gone: x.gone, CopyOf: x.copyOf()})
	}
	slices.SortStableFunc(out.Places, func(a, b consoleoffice.Rest) int { // the most first, what is gone last
		switch {
		case a.Gone.IsZero() != b.Gone.IsZero():
			return map[bool]int{true: -1, false: 1}[a.Gone.IsZero()]
		case a.Subjects != b.Subjects:
			return map[bool]int{true: -1, false: 1}[a.Subjects > b.Subjects]
		}
		return 0
	})
	out.More = max(0, len(out.Places)-placesShown)
	out.Places = out.Places[:len(out.Places)-out.More]
	ranked := c.ranking()
	for _, r := range ranked[:min(len(ranked), risksShown)] {
		x := c.places[event.Place(r.Place)]
		row := consoleoffice.Risk{Place: r.Place, Score: r.Score, Subjects: r.Subjects, Reasons: r.Reasons, Advice: string(r.Advice), Year: x.first.Year(), CopyOf: x.copyOf()}
		for _, s := range r.Elements {
			row.Elements, row.Counts = append(row.Elements, s.Element), append(row.Counts, s.Subjects)
		}
		out.Risks = append(out.Risks, row)
	}
	for _, db := range slices.Sorted(maps.Keys(c.drifts)) {
		d := c.drifts[db]
		row := consoleoffice.Drift{Database: string(db), At: event.Time(d.At), Count: d.Count}
		for _, i := range d.Items {
			row.Items = append(row.Items, consoleoffice.DriftItem{Place: strings.TrimSuffix(i.Table+"."+i.Column, "."), What: i.What, Configured: i.Configured, Found: i.Found})
		}
		out.Drifts = append(out.Drifts, row)
	}
	return out
}

// copyOf names what a place was made from.
func (x *charted) copyOf() string {
	if x.copied == nil {
		return string(x.like)
	}
	of := make([]string, 0, len(x.copied.Of))
	for _, p := range x.copied.Of {
		of = append(of, string(p))
	}
	return strings.Join(of, ", ")
}
