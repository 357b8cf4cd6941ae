package scope

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write golden files anew")

// ledger reads the lines of testdata/story.jsonl; lines with # are comments.
func ledger(t *testing.T) [][]byte {
	t.Helper()
	text, err := os.ReadFile("testdata/story.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var lines [][]byte
	for l := range strings.Lines(string(text)) {
		if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
			lines = append(lines, []byte(l))
		}
	}
	return lines
}

// TestStory freezes the answers to some questions about a small ledger: other
// programs that compute scopes can check themselves against these files.
func TestStory(t *testing.T) {
	at := func(s float64) time.Time { return time.Unix(1764000000, int64(s*1e9)).UTC() }
	for name, q := range map[string]Query{
		"everything": {},
		"intruder":   {From: at(20), To: at(60), Addresses: []string{"203.0.113.9"}},
		"before":     {From: at(20), To: at(30), Addresses: []string{"203.0.113.9"}, Elements: []string{"email"}},
		"gap":        {From: at(100), To: at(200), Places: []string{"shop/public.customers"}},
		"copy":       {From: at(70), To: at(80), Places: []string{"shop/public.copy"}},
		"nowhere":    {From: at(20), To: at(60), Places: []string{"hr"}},
		"label":      {From: at(20), To: at(60), Users: []string{"nobody"}, Labels: []string{"psql"}},
	} {
		t.Run(name, func(t *testing.T) {
			r, sets, err := Evaluate(ledger(t), q)
			if err != nil {
				t.Fatal(err)
			}
			got := struct {
				*Result
				Sets map[string]map[string]string `json:"sets"`
			}{r, map[string]map[string]string{}}
			for c, m := range sets {
				list := map[string]string{}
				for src, s := range m {
					list[src] = s.String()
				}
				got.Sets[Class(c).String()] = list
			}
			text, err := json.MarshalIndent(got, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			file := "testdata/" + name + ".json"
			if *update {
				if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimSpace(string(want)), string(text)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBadQuestions(t *testing.T) {
	now := time.Unix(1764000000, 0)
	for name, q := range map[string]Query{
		"address": {Addresses: []string{"10.0.0"}},
		"window":  {From: now, To: now.Add(-1)},
	} {
		if _, _, err := Evaluate(nil, q); !errors.Is(err, ErrQuery) {
			t.Errorf("%s: %v, want ErrQuery", name, err)
		}
	}
	if _, _, err := Evaluate([][]byte{[]byte("{")}, Query{}); err == nil {
		t.Error("a broken line was taken")
	}
}

func TestQueryJSON(t *testing.T) {
	q := Query{From: time.Unix(5, 7).UTC(), Users: []string{"b", "a", "b"}, Sessions: []Session{{ID: 9}, {"gate/a", 1}, {ID: 9}}}
	text, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"from":5000000007,"users":["a","b"],"sessions":[{"session":9},{"source":"gate/a","session":1}],"silence":10000000000}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	var back Query
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(back)
	if err != nil || string(again) != want {
		t.Errorf("again %s, %v", again, err)
	}
}

func TestActors(t *testing.T) {
	a, err := Query{Users: []string{"app"}, Addresses: []string{"10.1.0.0/16", "2001:db8::7"}}.Actors()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		user, address string
		want          bool
	}{
		{"app", "10.1.2.3", true}, {"app", "::ffff:10.1.2.3", true}, {"app", "10.2.0.1", false},
		{"root", "10.1.2.3", false}, {"app", "2001:db8::7", true}, {"app", "2001:db8::8", false}, {"app", "", false},
	} {
		if got := a.Client(c.user, c.address); got != c.want {
			t.Errorf("Client(%q, %q) = %v, want %v", c.user, c.address, got, c.want)
		}
	}
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		p, q string
		want bool
	}{
		{"shop", "shop", true}, {"shop", "shop/public.c", true}, {"shop", "shopping", false},
		{"shop/public.c", "shop", false}, {"shop/public.c", "shop/public.customers", false},
	} {
		if got := Covers(c.p, c.q); got != c.want {
			t.Errorf("Covers(%q, %q) = %v", c.p, c.q, got)
		}
	}
}

func TestUncovered(t *testing.T) {
	const s = int64(1e9)
	shop := []string{"shop"}
	type hole struct {
		From, To int64 // s
		Reason   string
	}
	for _, c := range []struct {
		name string
		do   func(g *Gates)
		w    Frame
		want []hole
	}{
		{"no gate", func(*Gates) {}, Frame{From: 0, To: 10 * s}, []hole{{0, 10, "no gate"}}},
		{"before and after", func(g *Gates) {
			g.Started("gate/a", 10*s, 0, 1, shop)
			g.Alive("gate/a", 15*s, 0, shop)
			g.Stopped("gate/a", 20*s, 0)
		}, Frame{From: 0, To: 30 * s}, []hole{{0, 10, "not started"}, {20, 30, "stopped"}}},
		{"open ends", func(g *Gates) {
			g.Started("gate/a", 10*s, 0, 1, shop)
			g.Stopped("gate/a", 20*s, 0)
		}, Frame{From: 0, To: 30 * s, OpenFrom: true, OpenTill: true}, nil},
		{"silent", func(g *Gates) {
			g.Started("gate/a", 0, 0, 1, shop)
			g.Alive("gate/a", 9*s, 0, shop)
			g.Alive("gate/a", 30*s, 0, shop)
		}, Frame{From: 0, To: 35 * s}, []hole{{9, 30, "silent"}}},
		{"silent to the end", func(g *Gates) {
			g.Started("gate/a", 0, 0, 1, shop)
			g.Alive("gate/a", 5*s, 0, shop)
		}, Frame{From: 0, To: 16 * s}, []hole{{5, 16, "silent"}}},
		{"killed", func(g *Gates) {
			g.Started("gate/a", 0, 0, 1, shop)
			g.Alive("gate/a", 5*s, 0, shop)
			g.Started("gate/a", 7*s, 0, 2, shop)
			g.Alive("gate/a", 12*s, 0, shop)
		}, Frame{From: 0, To: 12 * s}, []hole{{5, 7, "restart without stop"}}},
		{"the other is there", func(g *Gates) {
			g.Started("gate/a", 0, 0, 1, shop)
			g.Stopped("gate/a", 5*s, 0)
			g.Started("gate/b", 0, 0, 1, shop)
			g.Alive("gate/b", 9*s, 0, shop)
		}, Frame{From: 1 * s, To: 9 * s}, nil},
		{"gap", func(g *Gates) {
			g.Started("gate/a", 0, 0, 1, shop)
			g.Alive("gate/a", 9*s, 0, shop)
			g.Mark(MarkOf("gate/a", 5*s, 0, 3*s, 4*s, []string{"shop/public.c"}, "disk"))
			g.Mark(MarkOf("gate/a", 5*s, 0, 3*s, 4*s, []string{"hr"}, "disk"))
			g.Bypass("person/x", 6*s, 0, shop, true)
			g.Bypass("person/x", 7*s, 0, shop, false)
		}, Frame{From: 1 * s, To: 9 * s}, []hole{{3, 4, "disk"}, {6, 7, "bypass"}}},
		{"begun while it ran", func(g *Gates) {
			g.Started("gate/a", 0, 0, 1, []string{"hr"})
			g.Changed("gate/a", 4*s, 0, shop, nil)
			g.Alive("gate/a", 9*s, 0, []string{"hr", "shop"})
		}, Frame{From: 1 * s, To: 9 * s}, []hole{{1, 4, "not started"}}},
		{"ended while it ran", func(g *Gates) {
			g.Started("gate/a", 0, 0, 1, shop)
			g.Changed("gate/a", 4*s, 0, nil, shop)
			g.Alive("gate/a", 9*s, 0, shop) // it was under way
		}, Frame{From: 1 * s, To: 9 * s}, []hole{{4, 9, "stopped"}}},
		{"ended and begun again", func(g *Gates) {
			g.Started("gate/a", 0, 0, 1, shop)
			g.Changed("gate/a", 3*s, 0, nil, shop)
			g.Changed("gate/a", 5*s, 0, shop, nil)
			g.Changed("gate/a", 6*s, 0, shop, nil)
			g.Alive("gate/a", 9*s, 0, shop)
		}, Frame{From: 1 * s, To: 9 * s}, []hole{{3, 5, "stopped"}}},
		{"begun again by a clock that was set back", func(g *Gates) {
			g.Started("gate/a", 0, 0, 1, shop)
			g.Changed("gate/a", 5*s, 0, nil, shop)
			g.Changed("gate/a", 3*s, 0, shop, nil)
			g.Alive("gate/a", 9*s, 0, shop)
		}, Frame{From: 1 * s, To: 9 * s}, []hole{{3, 5, "stopped"}}},
		{"part of it ended", func(g *Gates) {
			g.Started("gate/a", 0, 0, 1, shop)
			g.Changed("gate/a", 4*s, 0, nil, []string{"shop/public.b"})
			g.Alive("gate/a", 9*s, 0, shop)
		}, Frame{From: 1 * s, To: 9 * s}, []hole{{4, 9, "stopped"}}},
		{"never named, ended, named by a late sign of life", func(g *Gates) {
			g.Started("gate/a", 0, 0, 1, []string{"hr"})
			g.Changed("gate/a", 4*s, 0, nil, shop)
			g.Alive("gate/a", 9*s, 0, shop)
		}, Frame{From: 1 * s, To: 9 * s}, []hole{{1, 9, "no gate"}}},
		{"clocks differ", func(g *Gates) {
			g.Started("gate/a", 0, s, 1, []string{"hr"})
			g.Changed("gate/a", 4*s, s, shop, nil)
			g.Changed("gate/a", 9*s, s, nil, shop)
			g.Alive("gate/a", 12*s, s, []string{"hr"})
		}, Frame{From: 1 * s, To: 12 * s}, []hole{{1, 5, "not started"}, {8, 12, "stopped"}}},
		{"silent before, within and after", func(g *Gates) {
			g.Started("gate/a", 0, 0, 1, []string{"hr"})
			g.Alive("gate/a", 20*s, 0, []string{"hr"})
			g.Changed("gate/a", 21*s, 0, shop, nil)
			g.Alive("gate/a", 40*s, 0, shop)
			g.Changed("gate/a", 41*s, 0, nil, shop)
			g.Alive("gate/a", 60*s, 0, []string{"hr"})
		}, Frame{From: 1 * s, To: 60 * s}, []hole{{1, 21, "not started"}, {21, 40, "silent"}, {41, 60, "stopped"}}},
		{"killed after it ended", func(g *Gates) {
			g.Started("gate/a", 0, 0, 1, shop)
			g.Started("gate/b", 0, 0, 1, shop)
			g.Changed("gate/a", 4*s, 0, nil, shop)
			g.Started("gate/a", 7*s, 0, 2, []string{"hr"})
			g.Alive("gate/b", 9*s, 0, shop)
		}, Frame{From: 1 * s, To: 9 * s}, nil},
		{"killed while it was covered, begun in the next run", func(g *Gates) {
			g.Started("gate/a", 0, 0, 1, []string{"hr"})
			g.Changed("gate/a", 1*s, 0, shop, nil)
			g.Started("gate/a", 4*s, 0, 2, []string{"hr"})
			g.Changed("gate/a", 6*s, 0, shop, nil)
			g.Alive("gate/a", 9*s, 0, shop)
		}, Frame{From: 1 * s, To: 9 * s}, []hole{{1, 4, "restart without stop"}, {4, 6, "stopped"}}},
		{"stopped", func(g *Gates) {
			g.Started("gate/a", 0, 0, 1, []string{"hr"})
			g.Changed("gate/a", 1*s, 0, shop, nil)
			g.Stopped("gate/a", 5*s, 0)
		}, Frame{From: 1 * s, To: 9 * s}, []hole{{5, 9, "stopped"}}},
		{"the record is away", func(g *Gates) {
			g.Started("gate/a@osaka", 0, 0, 1, shop)
			g.Alive("gate/a@osaka", 5*s, 0, shop)
			g.Due(8*s, 0, []string{"osaka"})
		}, Frame{From: 0, To: 9 * s, OpenTill: true}, []hole{{5, 9, "not yet arrived"}}},
		{"the record is away for days", func(g *Gates) {
			g.Started("gate/a@osaka", 0, 0, 1, shop)
			g.Alive("gate/a@osaka", 5*s, 0, shop)
			g.Due(80*s, 0, []string{"osaka"})
		}, Frame{From: 0, To: 80 * s}, []hole{{5, 80, "not yet arrived"}}},
		{"the record is away after a clean end", func(g *Gates) {
			g.Started("gate/a@osaka", 0, 0, 1, shop)
			g.Stopped("gate/a@osaka", 5*s, 0)
			g.Due(8*s, 0, []string{"osaka"})
		}, Frame{From: 0, To: 9 * s, OpenTill: true}, []hole{{5, 9, "not yet arrived"}}},
		{"the record came", func(g *Gates) {
			g.Started("gate/a@osaka", 0, 0, 1, shop)
			g.Due(8*s, 0, []string{"osaka"})
			g.Alive("gate/a@osaka", 9*s, 0, shop)
		}, Frame{From: 0, To: 9 * s}, nil},
		{"the record came of another gate", func(g *Gates) {
			g.Started("gate/a@osaka", 0, 0, 1, shop)
			g.Stopped("gate/a@osaka", 5*s, 0)
			g.Due(8*s, 0, []string{"osaka"})
			g.Started("gate/b@osaka", 9*s, 0, 1, []string{"hr"})
		}, Frame{From: 0, To: 9 * s, OpenTill: true}, nil},
		{"another's record is away", func(g *Gates) {
			g.Started("gate/a@osaka", 0, 0, 1, shop)
			g.Alive("gate/a@osaka", 9*s, 0, shop)
			g.Due(30*s, 0, []string{"nagoya"})
		}, Frame{From: 0, To: 9 * s}, nil},
		{"a slow clock has not said so yet", func(g *Gates) {
			g.Started("gate/a@osaka", 0, 2*s, 1, shop)
			g.Alive("gate/a@osaka", 9*s, 2*s, shop)
			g.Due(8*s, 0, []string{"osaka"})
		}, Frame{From: 3 * s, To: 9 * s}, []hole{{7, 9, "not yet arrived"}}},
	} {
		g := NewGates(10 * time.Second)
		c.do(g)
		var got []hole
		for _, h := range g.Uncovered("shop/public.c", c.w) {
			got = append(got, hole{h.From / s, h.To / s, h.Reason})
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
	}
}

func TestChoose(t *testing.T) {
	scans := []Span{{10, 12}, {20, 25}, {30, 31}}
	for _, c := range []struct {
		at   Span
		want Choice
	}{
		{Span{13, 14}, Choice{First: 0, Last: 1, Changes: Span{10 - ChangeSlack, 25 + ChangeSlack}}},
		{Span{12, 20}, Choice{First: 0, Last: 1, Changes: Span{10 - ChangeSlack, 25 + ChangeSlack}}},
		{Span{22, 23}, Choice{First: 0, Last: 2, Changes: Span{10 - ChangeSlack, 31 + ChangeSlack}}},
		{Span{5, 6}, Choice{First: 0, Last: 0, Changes: Span{minTime, 12 + ChangeSlack}, Unknown: true}},
		{Span{40, 41}, Choice{First: 2, Last: 2, Changes: Span{30 - ChangeSlack, maxTime}, Provisional: true}},
		{Span{13, 29}, Choice{First: 0, Last: 2, Changes: Span{10 - ChangeSlack, 31 + ChangeSlack}}},
	} {
		if got := Choose(scans, c.at); got != c.want {
			t.Errorf("Choose(%v) = %+v, want %+v", c.at, got, c.want)
		}
	}
	if got := Choose(nil, Span{1, 2}); !got.Unknown || !got.Provisional || got.Last >= got.First {
		t.Errorf("without scans: %+v", got)
	}
}

func TestSeconds(t *testing.T) {
	for _, c := range [][2]Span{{{1, 2}, {0, 1e9}}, {{-1, 1e9}, {-1e9, 2e9}}, {{1999999999, 2000000000}, {1e9, 3e9}}} {
		if got := Seconds(c[0]); got != c[1] {
			t.Errorf("Seconds(%v) = %v, want %v", c[0], got, c[1])
		}
	}
}

func FuzzSet(f *testing.F) {
	f.Add("1-5,9,65530-65545,4294967295")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Count(text, "-") > 4 {
			return // ranges of four thousand million, each half a gigabyte
		}
		for part := range strings.SplitSeq(text, ",") {
			var a, b uint32
			if n, _ := fmt.Sscanf(part, "%d-%d", &a, &b); n == 2 && b-a > 1<<20 {
				return
			}
		}
		s, err := ParseSet(text)
		if err != nil {
			return
		}
		again, err := ParseSet(s.String())
		if err != nil || again.Len() != s.Len() || again.String() != s.String() {
			t.Errorf("%q: %q, then %q, %v", text, s, again, err)
		}
		n := uint64(0)
		for k := range s.All {
			if !again.Has(k) {
				t.Errorf("%q: %d got lost", text, k)
			}
			n++
		}
		if n != s.Len() {
			t.Errorf("%q: %d members, Len %d", text, n, s.Len())
		}
	})
}

func TestSetAgainstMap(t *testing.T) {
	s, o, model := new(Set), new(Set), map[uint32]bool{}
	for n := range uint32(300) {
		s.Add(n*n*37, n*n*37+n%5)
		for k := n * n * 37; k <= n*n*37+n%5; k++ {
			model[k] = true
		}
	}
	o.Add(60_000, 200_000)
	s.andNot(o)
	maps.DeleteFunc(model, func(k uint32, _ bool) bool { return k >= 60_000 && k <= 200_000 })
	if got, want := slices.Collect(s.All), slices.Sorted(maps.Keys(model)); !slices.Equal(got, want) {
		t.Errorf("%d members, want %d", len(got), len(want))
	}
}

func FuzzEvaluate(f *testing.F) {
	text, err := os.ReadFile("testdata/story.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<14 || strings.Contains(text, "-4") || strings.Contains(text, "-3") || strings.Contains(text, "-2") || strings.Contains(text, "-1") {
			return // ranges too long for a fuzzer
		}
		var lines [][]byte
		for l := range strings.Lines(text) {
			if l[0] != '#' {
				lines = append(lines, []byte(l))
			}
		}
		r, sets, err := Evaluate(lines, Query{})
		if err != nil {
			return
		}
		for src, s := range sets[Confirmed] {
			for n := range s.All {
				if !sets[Reachable][src].Has(n) || !sets[EverHeld][src].Has(n) {
					t.Errorf("subject %d of %s is confirmed and not reachable or not ever held", n, src)
				}
			}
		}
		if r.Confirmed.Subjects > r.Reachable.Subjects || r.Reachable.Subjects > r.EverHeld.Subjects ||
			r.Confirmed.Records > r.Reachable.Records || r.Reachable.Records > r.EverHeld.Records {
			t.Errorf("figures do not grow: %+v", r)
		}
	})
}

// TestChangedAround: what crossed while the catalogue was changed around the gate
// is reachable and not confirmed, at the places of that interval.
func TestChangedAround(t *testing.T) {
	line := func(n int, source string, at int, kind int, body string) []byte {
		return fmt.Appendf(nil, `{"s":%q,"n":%d,"at":%d,"k":%d,"b":%s}`, source, n, at, kind, body)
	}
	crossing := func(n, from, to int, table, subjects string) []byte {
		return line(n, "gate/shop", to, kindCrossing, fmt.Sprintf(`{"session":1,"from":%d,"to":%d,"parts":[{"table":%q,"source":"shop.c","elements":["email"],"class":1,"rows":1,"subjects":%q}]}`, from, to, table, subjects))
	}
	for _, c := range []struct{ reason, place, confirmed string }{
		{ReasonCatalogue, "shop", "1,4"},
		{ReasonCatalogue, "shop/public.c", "1,4"},
		{ReasonCatalogue, "shop/public.d", "1-4"},
		{"session bypassed the gate", "shop", "1-4"},
	} {
		lines := [][]byte{
			line(1, "gate/shop", 1, kindSourceStart, `{"start":1,"places":["shop"]}`),
			line(2, "gate/shop", 2, kindSessionOpen, `{"session":1,"user":"app","address":"203.0.113.9"}`),
			crossing(3, 10, 19, "shop/public.c", "1"), crossing(4, 10, 20, "shop/public.c", "2"),
			crossing(5, 30, 40, "shop/public.c", "3"), crossing(6, 31, 40, "shop/public.c", "4"),
			line(1, "scan/shop", 31, kindCoverage, fmt.Sprintf(`{"from":20,"to":30,"places":[%q],"reason":%q}`, c.place, c.reason)),
		}
		for _, q := range []Query{{}, {Addresses: []string{"203.0.113.9"}}} {
			_, sets, err := Evaluate(lines, q)
			if err != nil {
				t.Fatal(err)
			}
			confirmed, reachable := sets[Confirmed]["shop.c"].String(), sets[Reachable]["shop.c"].String()
			if confirmed != c.confirmed || reachable != "1-4" {
				t.Errorf("%s at %s: confirmed %s, want %s; reachable %s", c.reason, c.place, confirmed, c.confirmed, reachable)
			}
		}
	}
}

// TestReportOfChanged asks at three moments who reports about a place that began
// and ended while its gate ran.
func TestReportOfChanged(t *testing.T) {
	const s = int64(1e9)
	g := NewGates(10 * time.Second)
	g.Started("gate/a", 0, 0, 1, []string{"hr"})
	g.Changed("gate/a", 4*s, 0, []string{"shop"}, nil)
	g.Changed("gate/a", 8*s, 0, nil, []string{"shop"})
	g.Alive("gate/a", 12*s, 0, []string{"hr"})
	at := func(n int64) time.Time { return time.Unix(n, 0).UTC() }
	for _, c := range []struct {
		places []string
		to     int64
		want   []Gate
	}{
		{[]string{"shop"}, 3, nil},
		{[]string{"shop"}, 6, []Gate{{Source: "gate/a", Places: []string{"hr", "shop"}, Last: at(6), Reporting: true}}},
		{[]string{"shop"}, 12, []Gate{{Source: "gate/a", Places: []string{"hr", "shop"}, Last: at(8)}}},
		{[]string{"hr", "shop"}, 12, []Gate{{Source: "gate/a", Places: []string{"hr", "shop"}, Last: at(12), Reporting: true}}},
		{[]string{"hr"}, 3, []Gate{{Source: "gate/a", Places: []string{"hr"}, Last: at(3), Reporting: true}}},
		{nil, 12, []Gate{{Source: "gate/a", Places: []string{"hr", "shop"}, Last: at(12), Reporting: true}}},
	} {
		got := g.Report(c.places, Frame{From: 0, To: c.to * s})
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%v until %d (-want +got)\n%s", c.places, c.to, diff)
		}
	}
	if from, to := g.Window([]string{"shop"}); from != 4*s || to != 8*s {
		t.Errorf("shop was covered from %d to %d", from, to)
	}
}
