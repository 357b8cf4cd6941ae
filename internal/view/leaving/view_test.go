package leaving_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/event"
	"sekisho/internal/view"
	"sekisho/internal/view/leaving"
	"sekisho/internal/view/viewtest"
	"sekisho/proof/scope"
)

func openIn(ctx context.Context, dir string) (view.Fold, error) {
	return leaving.Open(ctx, filepath.Join(dir, "leaving.db"), 0)
}

const (
	second = int64(1e9)
	hour   = 3600 * second
	start  = int64(490_000) * hour
)

// firm makes the events of some days: gates that live, restart, fall silent and
// change their places, flows of all lengths, questions, ways out, a remote process.
// odd says how many events of flows in two hundred contradict themselves.
func firm(r *rand.Rand, days, odd int) (l viewtest.Ledger) {
	seq := event.Seq(0)
	add := func(at int64, src event.Source, ce time.Duration, b event.Body) {
		seq++
		l.Add(src, seq, at, ce, b)
	}
	gates := []event.Source{"gate/out", "gate/dns", "gate/out@osaka"}
	places := [][]event.Place{{"egress/out"}, {"resolver/dns", "shop"}, {"egress/out@osaka"}}
	type live struct {
		id             string
		began          int64
		sent, received uint64
	}
	var open []live
	client := func() string { return fmt.Sprintf("10.0.0.%d", r.IntN(4)) }
	host := func() string { return fmt.Sprintf("h%d.example", r.IntN(6)) }
	verdict := func() (string, string) {
		switch r.IntN(6) {
		case 0:
			return "refuse", "deny"
		case 1, 2:
			return "report", "mode"
		}
		return "allow", "allow"
	}
	for i, g := range gates {
		add(start, g, 1e6, &event.SourceStart{Start: 1, Places: places[i]})
	}
	n := 0
	for at := start; at < start+int64(days)*24*hour; at += second * int64(20+r.IntN(200)) {
		g := r.IntN(len(gates))
		if r.IntN(30) == 0 { // the beginning of an hour
			at = (at/hour + 1) * hour
		}
		switch x := r.IntN(100); {
		case x < 40:
			if r.IntN(400) == 0 {
				at += 2 * hour
			}
			for i := range gates {
				if r.IntN(50) > 0 {
					add(at+int64(i), gates[i], time.Duration(1+r.IntN(20)/19)*time.Millisecond, &event.Heartbeat{Places: places[i], Sessions: r.IntN(3)})
				}
			}
		case x < 60:
			n++
			action, step := verdict()
			f := live{id: fmt.Sprintf("f%d", n), began: at}
			if r.IntN(200) < odd && len(open) > 0 {
				f.id = open[r.IntN(len(open))].id
			}
			if r.IntN(50) > 0 {
				add(at, gates[g], 0, &event.Flow{ID: f.id, Place: places[g][0], Client: client(), Host: host(), Action: action, Step: step})
			}
			if action != "refuse" {
				open = append(open, f)
			}
		case x < 85 && len(open) > 0:
			i := len(open) - 1
			if r.IntN(3) == 0 {
				i = r.IntN(len(open))
			}
			f := &open[i]
			f.sent, f.received = f.sent+uint64(r.IntN(1000)), f.received+uint64(r.IntN(1000))
			if r.IntN(200) < odd {
				f.sent = 1
			}
			ns := at - f.began + int64(r.IntN(3)-1)*int64(r.IntN(50_000_000))
			if r.IntN(3) == 0 {
				add(at, gates[g], 0, &event.FlowBytes{ID: f.id, Sent: f.sent, Received: f.received, Nanos: ns})
				break
			}
			add(at, gates[g], 0, &event.FlowEnd{ID: f.id, Sent: f.sent, Received: f.received, Nanos: ns})
			open = append(open[:i], open[i+1:]...)
		case x < 92:
			action, step := verdict()
			add(at, "gate/dns", 0, &event.Lookup{ID: fmt.Sprintf("q%d", at), Place: "resolver/dns", Client: client(), Name: host(), Bytes: r.IntN(90), Action: action, Step: step})
		case x < 94:
			step := []string{"unknown", "gone", "watched"}[r.IntN(3)]
			add(at, "process", 0, &event.ExitSeen{Seen: "process", Step: step, Way: "route", Interface: fmt.Sprintf("usb%d", r.IntN(2)), At: at})
		case x == 94:
			add(at, "process", 1e6, &event.Gap{From: at - hour, To: at, Places: places[g], Reason: "disk"})
		case x == 95:
			add(at, "scan/shop", 1e6, &event.Coverage{From: at - hour, To: at, Places: []event.Place{"shop"}, Reason: "sessions"})
		case x == 96 && r.IntN(5) == 0:
			add(at, gates[g], 1e6, &event.SourceStop{})
			add(at+hour/2, gates[g], 1e6, &event.SourceStart{Start: uint32(n + 2), Places: places[g]})
		case x == 97 && r.IntN(5) == 0:
			add(at, gates[g], 1e6, &event.PlacesChanged{Ended: places[g]})
			add(at+second, gates[g], 1e6, &event.PlacesChanged{Begun: places[g]})
		case x == 98:
			add(at, "process", 0, &event.RecordDue{Sites: []string{"osaka"}})
		case x == 99:
			add(at, gates[g], 0, &event.Decision{Action: "refuse"})
		}
	}
	return l
}

func TestView(t *testing.T) {
	l := firm(rand.New(rand.NewPCG(1, 1)), 1, 3)[:100]
	viewtest.Run(t, openIn, l)
}

func seed(t *testing.T) uint64 {
	n := uint64(1)
	if s := os.Getenv("SEKISHO_SEED"); s != "" {
		var err error
		if n, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("SEKISHO_SEED=%d", n)
	return n
}

// TestLeavingIsThatOfTheLines: whatever is asked, the view says what the lines of
// the ledger say; where flows contradict themselves it may say that it is not sure,
// and does not where they do not.
func TestLeavingIsThatOfTheLines(t *testing.T) {
	r := rand.New(rand.NewPCG(seed(t), 2))
	for odd, all := range []int{160, 40} {
		const days = 3
		l := firm(r, days, odd)
		f, err := openIn(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, part := range []int{len(l) / 3, len(l)} { // saved flows and signs go on
			w, err := view.Follow(t.Context(), "leaving", l[:part], f)
			if err == nil {
				err = w.CatchUp(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		sure := 0
		for range all {
			q, w := ask(r, l, days)
			fold := scope.NewLeavings(q, w)
			for _, line := range l {
				if _, err := fold.Add(line); err != nil {
					t.Fatal(err)
				}
			}
			want := fold.Result()
			got, ok, err := f.(*leaving.View).Leaving(t.Context(), q, w)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				continue
			}
			sure++
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("%d odd in two hundred, %+v in %s – %s:\n%s", odd, q, time.Unix(0, w.From).UTC(), time.Unix(0, w.To).UTC(), d)
			}
		}
		t.Logf("%d odd in two hundred: sure of %d of %d, %d events", odd, sure, all, len(l))
		if sure < all*9/10 && odd == 0 {
			t.Errorf("with %d odd events in two hundred the view answered %d of %d", odd, sure, all)
		}
	}
}

// TestBeganBefore: the end of a flow may say that it began a moment before its
// beginning was recorded, in the hour before.
func TestBeganBefore(t *testing.T) {
	var l viewtest.Ledger
	l.Add("gate/out", 1, start, 0, &event.Flow{ID: "a", Place: "egress/out", Client: "10.0.0.1", Host: "h.example", Action: "allow", Step: "allow"})
	l.Add("gate/out", 2, start+second, 0, &event.FlowEnd{ID: "a", Sent: 7, Nanos: second + 1})
	f, err := openIn(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := view.Follow(t.Context(), "leaving", l, f)
	if err == nil {
		err = w.CatchUp(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	q := scope.Query{From: time.Unix(0, start-hour).UTC(), To: time.Unix(0, start).UTC()}
	got, sure, err := f.(*leaving.View).Leaving(t.Context(), q, scope.Frame{From: start - hour, To: start})
	if err != nil || !sure || got == nil || got.Other.Sent != 7 {
		t.Errorf("%+v, sure %t, %v; want 7 bytes", got, sure, err)
	}
}

// ask makes a question: any window, also of whole hours and days, open ones, and
// those whose ends are the times of events.
func ask(r *rand.Rand, l viewtest.Ledger, days int) (scope.Query, scope.Frame) {
	at := func() int64 {
		at := start - 24*hour + r.Int64N(int64(days+2)*24*hour)
		switch r.IntN(8) {
		case 0, 3:
			return at / hour * hour
		case 1:
			return at / (24 * hour) * 24 * hour
		case 2:
			return at
		}
		for {
			h, err := event.ParseHeader(l[r.IntN(len(l))])
			if err != nil {
				panic(err)
			}
			switch h.Kind {
			case event.KindFlow, event.KindFlowEnd, event.KindLookup, event.KindHeartbeat:
				return h.At + int64(r.IntN(5)/3) - int64(r.IntN(5)/4)
			}
		}
	}
	w := scope.Frame{From: at(), To: at()}
	if w.From > w.To {
		w.From, w.To = w.To, w.From
	}
	if w.From == w.To {
		w.To++
	}
	var q scope.Query
	if w.OpenFrom = r.IntN(6) == 0; w.OpenFrom {
		w.From = start
	} else {
		q.From = time.Unix(0, w.From).UTC()
	}
	if w.OpenTill = r.IntN(6) == 0; w.OpenTill {
		w.To = max(w.From, start+int64(days)*24*hour)
	} else {
		q.To = time.Unix(0, w.To).UTC()
	}
	for range r.IntN(3) {
		q.Addresses = append(q.Addresses, fmt.Sprintf("10.0.0.%d", r.IntN(5)))
	}
	if r.IntN(3) == 0 {
		q.Silence = time.Duration(1+r.IntN(300)) * time.Second
	}
	return q, w
}
