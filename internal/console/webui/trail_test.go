package webui

import (
	"net/http"
	"net/url"
	"testing"

	"sekisho/internal/console/office"
	"sekisho/proof/scope"
)

// TestFlowKeepsEverything: however many clients there are, every row is in the
// picture once, on each side of its gate.
func TestFlowKeepsEverything(t *testing.T) {
	s, f := newServer(t)
	p := s.newPage(&Request{Request: &http.Request{Header: http.Header{}, URL: &url.URL{}}})
	trails, err := f.Trails(t.Context(), scope.Query{})
	if err != nil {
		t.Fatal(err)
	}
	var rows uint64
	for _, x := range trails.List {
		rows += x.Rows
	}
	pic := flowOf(p, url.Values{}, trails.List)
	if len(pic.Who) != mostNodes {
		t.Errorf("%d clients are drawn, want %d", len(pic.Who), mostNodes)
	}
	for name, all := range map[string][]node{"who": pic.Who, "gates": pic.Gates, "data": pic.Data} {
		var sum uint64
		for _, n := range all {
			sum += n.Rows
		}
		if sum != rows {
			t.Errorf("%s: %d rows, want %d", name, sum, rows)
		}
	}
	for name, all := range map[string][]strand{"left": pic.Left, "right": pic.Right} {
		var sum uint64
		dashed := false
		for _, l := range all {
			sum, dashed = sum+l.Rows, dashed || l.Bounded
			if l.Width < 1 || l.Width > 12 {
				t.Errorf("%s: width %d", name, l.Width)
			}
		}
		if sum != rows || !dashed {
			t.Errorf("%s: %d rows, want %d; dashed %v", name, sum, rows, dashed)
		}
	}
	if got := flowOf(p, url.Values{}, []office.Trail{{Gate: "g", Table: "t", Rows: 0}}); len(got.Left) != 1 || got.Left[0].Width < 1 {
		t.Errorf("no rows: %+v", got)
	}
}
