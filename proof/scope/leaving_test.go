package scope

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// leavingLines is an hour of a gate with signs of life every five seconds and a
// watch of the ways out; edit changes the lines.
func leavingLines(edit func(lines []string) []string) (lines [][]byte, q Query) {
	from := time.Date(2026, 3, 19, 9, 0, 0, 0, time.UTC)
	line := func(second int, source string, kind int, body string) string {
		return fmt.Sprintf(`{"t":"t","s":%q,"w":0,"n":1,"at":%d,"ce":0,"k":%d,"p":"","b":%s}`, source, from.Add(time.Duration(second)*time.Second).UnixNano(), kind, body)
	}
	all := []string{
		line(-20, "gate/out", kindSourceStart, `{"start":1,"version":"v","places":["egress/out"]}`),
		line(-3, "process", kindExitSeen, `{"seen":"process","step":"watched","way":"","at":1}`),
	}
	for s := -15; s < 3700; s += 5 {
		all = append(all, line(s, "gate/out", kindHeartbeat, `{"places":["egress/out"],"sessions":0}`))
		switch s {
		case 100:
			all = append(all, line(s, "gate/out", kindFlow, `{"id":"A","place":"egress/out","protocol":"connect","client":"10.0.0.5","host":"bank.example","port":443,"action":"allow","step":"allow","rule":"r"}`),
				line(s, "gate/out", kindFlow, `{"id":"R","place":"egress/out","protocol":"connect","client":"10.0.0.5","host":"evil.example","port":443,"action":"refuse","step":"deny","rule":"default"}`))
		case 200:
			all = append(all, line(s, "gate/out", kindFlowEnd, `{"id":"A","outcome":"done","sent":1000,"received":5,"ns":100000000000}`))
		}
	}
	var out [][]byte
	for _, l := range edit(all) {
		out = append(out, []byte(l))
	}
	return out, Query{From: from, To: from.Add(time.Hour)}
}

// TestLeaving: what left is counted, and each thing that hides more than was
// counted takes the exclusion away.
func TestLeaving(t *testing.T) {
	at := func(lines []string, second int) int64 {
		return time.Date(2026, 3, 19, 9, 0, second, 0, time.UTC).UnixNano()
	}
	insert := func(second int, source string, kind int, body string) func([]string) []string {
		return func(l []string) []string {
			one := fmt.Sprintf(`{"t":"t","s":%q,"w":0,"n":1,"at":%d,"ce":0,"k":%d,"p":"","b":%s}`, source, at(l, second), kind, body)
			return slices.Insert(l, len(l)/2, one)
		}
	}
	both := func(fs ...func([]string) []string) func([]string) []string {
		return func(l []string) []string {
			for _, f := range fs {
				l = f(l)
			}
			return l
		}
	}
	then := func(second int, kind int, body string) func([]string) []string {
		return func(l []string) []string { return append(l, insert(second, "gate/out", kind, body)(nil)...) }
	}
	first := func(second int, kind int, body string) func([]string) []string {
		return func(l []string) []string { return append(insert(second, "gate/out", kind, body)(nil), l...) }
	}
	without := func(part string) func([]string) []string {
		return func(l []string) []string {
			return slices.DeleteFunc(l, func(s string) bool { return strings.Contains(s, part) })
		}
	}
	report := func(id string) string {
		return `{"id":"` + id + `","place":"egress/out","protocol":"connect","client":"10.0.0.9","host":"cloud.example","port":443,"action":"report","step":"mode","rule":"mode report"}`
	}
	for name, c := range map[string]struct {
		edit    func([]string) []string
		verdict string
		because string
		other   uint64
		address string
	}{
		"all is named":               {func(l []string) []string { return l }, "excluded", "", 0, ""},
		"bytes to another":           {both(insert(1000, "gate/out", kindFlow, report("B")), then(1100, kindFlowEnd, `{"id":"B","sent":77,"ns":1}`)), "bounded", "", 77, ""},
		"of another host":            {both(insert(1000, "gate/out", kindFlow, report("B")), then(1100, kindFlowEnd, `{"id":"B","sent":77,"ns":1}`)), "excluded", "", 0, "10.0.0.5"},
		"no byte to another":         {both(insert(1000, "gate/out", kindFlow, report("B")), then(1100, kindFlowEnd, `{"id":"B","sent":0,"ns":1}`)), "excluded", "", 0, ""},
		"no end":                     {insert(1000, "gate/out", kindFlow, report("B")), "open", "no end", 0, ""},
		"from before the day before": {then(1100, kindFlowEnd, `{"id":"Z","sent":9,"ns":1}`), "bounded", "", 9, ""},
		"ended before the window":    {both(first(-7200, kindFlow, report("B")), insert(-3600, "gate/out", kindFlowEnd, `{"id":"B","sent":77,"ns":1}`)), "excluded", "", 0, ""},
		"a question":                 {insert(1000, "gate/dns", kindLookup, `{"id":"Q","place":"resolver/dns","client":"10.0.0.5","name":":x.t.example","base":"t.example","type":"TXT","bytes":40,"action":"allow","step":"mode","rule":"mode open"}`), "bounded", "", 40, ""},
		"a silent gate":              {without(`"sessions":0`), "open", "uncovered", 0, ""},
		"a gap":                      {insert(1000, "process", kindGap, `{"from":`+fmt.Sprint(at(nil, 900))+`,"to":`+fmt.Sprint(at(nil, 950))+`,"places":["egress/out"],"reason":"power cut"}`), "open", "uncovered", 0, ""},
		"nobody watches":             {without(`"watched"`), "open", "not watched", 0, ""},
		"an exit":                    {insert(1000, "process", kindExitSeen, `{"seen":"process","step":"unknown","way":"route","interface":"usb0","at":1}`), "open", "unknown exit", 0, ""},
		"an exit that went": {both(insert(1000, "process", kindExitSeen, `{"seen":"process","step":"unknown","way":"route","interface":"usb0","at":1}`),
			func(l []string) []string {
				return append(l, insert(1200, "process", kindExitSeen, `{"seen":"process","step":"gone","way":"route","interface":"usb0","at":2}`)(nil)...)
			}), "open", "unknown exit", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			lines, q := leavingLines(c.edit)
			if c.address != "" {
				q.Addresses = []string{c.address}
			}
			r, _, err := Evaluate(lines, q)
			if err != nil || r.Leaving == nil {
				t.Fatalf("%+v, %v", r, err)
			}
			l := r.Leaving
			if l.Verdict != c.verdict || strings.Join(l.Because, ", ") != c.because || l.Other.Sent != c.other {
				t.Errorf("%s because %v, %d bytes; want %s because %q, %d bytes", l.Verdict, l.Because, l.Other.Sent, c.verdict, c.because, c.other)
			}
			if l.Named.Sent != 1000 || l.Refused != 1 {
				t.Errorf("named %+v, refused %d", l.Named, l.Refused)
			}
			// A stranger gets the same from the lines that were used.
			fold := NewLeavings(q, Frame{From: q.From.UnixNano(), To: q.To.UnixNano()})
			var used [][]byte
			for _, text := range lines {
				if use, err := fold.Add(text); err != nil {
					t.Fatal(err)
				} else if use {
					used = append(used, text)
				}
			}
			if again, _, err := Evaluate(used, q); err != nil || fmt.Sprint(again.Leaving) != fmt.Sprint(l) {
				t.Errorf("from %d lines of %d: %+v, want %+v (%v)", len(used), len(lines), again.Leaving, l, err)
			}
		})
	}
	if r, _, err := Evaluate(nil, Query{}); err != nil || r.Leaving != nil {
		t.Errorf("a firm without such a gate: %+v, %v", r, err)
	}
}

// TestMoreDestinations: destinations beyond those of the answer are counted.
func TestMoreDestinations(t *testing.T) {
	for _, n := range []int{maxDestinations, maxDestinations + 3} {
		lines, q := leavingLines(func(l []string) []string {
			for i := range n {
				at := time.Date(2026, 3, 19, 9, 10, i%60, 0, time.UTC).UnixNano()
				l = append(l, fmt.Sprintf(`{"t":"t","s":"gate/out","w":0,"n":1,"at":%d,"ce":0,"k":%d,"p":"","b":{"id":"M%d","place":"egress/out","protocol":"connect","client":"10.0.0.9","host":"h%d.example","port":443,"action":"report","step":"mode","rule":"mode report"}}`, at, kindFlow, i, i))
			}
			return l
		})
		r, _, err := Evaluate(lines, q)
		if err != nil || r.Leaving == nil {
			t.Fatalf("%+v, %v", r, err)
		}
		if got, more := len(r.Leaving.Destinations), r.Leaving.MoreDestinations; got != maxDestinations || more != n-maxDestinations {
			t.Errorf("%d destinations: %d and %d more", n, got, more)
		}
	}
}
