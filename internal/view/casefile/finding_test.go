package casefile

import (
	"strings"
	"testing"

	"sekisho/internal/event"
	"sekisho/internal/view"
	"sekisho/internal/view/viewtest"
)

// TestFindingsOpen: an alarm about what leaves opens a candidate of the host
// that it is about, at once; more of the same is counted, another kind on the
// same host raises it, another host has a case of its own; a finding that no
// playbook names opens none.
func TestFindingsOpen(t *testing.T) {
	var l viewtest.Ledger
	at := jst("2016-03-19 09:00").UnixNano()
	for i, f := range []event.Finding{
		{Code: "SK3907", Title: "indicator", Place: "egress", Detail: "10.0.0.5 to c2.example"},
		{Code: "SK3907", Title: "indicator", Place: "egress", Detail: "10.0.0.5 to c3.example"},
		{Code: "SK3902", Title: "beacon", Place: "egress", Detail: "10.0.0.6 to tool.example"},
		{Code: "SK3417", Title: "a page that leads to payment has a part that is not allowed", Place: "web/shop/www", Detail: "script"},
		{Code: "SK3405", Title: "upstream does not answer", Place: "web/shop/www"},
		{Code: "SK3902", Title: "beacon", Place: "egress", Detail: "10.0.0.5 to c2.example"},
	} {
		l.Add("self", event.Seq(i+1), at+int64(i)*1e9, 0, &f)
	}
	f, err := openIn(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	v := f.(*View)
	defer v.Close()
	w, err := view.Follow(t.Context(), "casefile", l, v)
	if err == nil {
		err = w.CatchUp(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	lines, err := v.Lines(t.Context(), true, 9)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := len(lines) - 1; i >= 0; i-- {
		got = append(got, lines[i].ID+" "+lines[i].Class+" "+strings.Fields(lines[i].Title)[0])
	}
	if want := "f0 outbound 10.0.0.5, f2 outbound 10.0.0.6, f3 web-injection a, f5 outbound 10.0.0.5"; strings.Join(got, ", ") != want {
		t.Errorf("%s, want %s", strings.Join(got, ", "), want)
	}
	c, err := v.Case(t.Context(), "f0")
	if err != nil {
		t.Fatal(err)
	}
	if c.Repeats != 1 || len(c.Raised) != 1 || c.State != Candidate || !c.Has("suspicion") {
		t.Errorf("the first host: %d repeats, raised %d times, %s, suspicion %v", c.Repeats, len(c.Raised), c.State, c.Has("suspicion"))
	}
}
