package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/indicator"
	"sekisho/internal/ledger"
)

// TestWholeBounded: one question at a time reads the whole ledger, each for so long;
// who waits for longer is told, who goes away waits no more, and no account takes all
// the turns.
func TestWholeBounded(t *testing.T) {
	p := bareProcess(t, "hub: {listen: '127.0.0.1:0'}\n")
	synctest.Test(t, func(t *testing.T) {
		c := &console{process: p}
		as := func(who string) context.Context {
			return control.WithPeer(t.Context(), control.Peer{UID: -1, Console: who})
		}
		ask := func(ctx context.Context, read func(context.Context) error) chan error {
			said := make(chan error, 1)
			go func() {
				_, err := whole(ctx, c, func(ctx context.Context, _ *ledger.Reader) (int, error) { return 0, read(ctx) })
				said <- err
			}()
			synctest.Wait()
			return said
		}
		long := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		short := func(context.Context) error { return nil }
		want := func(what string, err error, code fault.Code, after time.Duration, since time.Time) {
			t.Helper()
			if took := time.Since(since); err == nil || fault.Faults(err)[0].Code != code || took != after {
				t.Errorf("%s: %v after %s", what, err, took)
			}
		}

		begin := time.Now()
		first := ask(as("ren"), long)
		waits := []chan error{ask(as("mei"), short), ask(as("ren"), short), ask(as("ren"), short), ask(as("ren"), short)}
		want("one too many of an account", <-ask(as("ren"), short), fault.APIReading, 0, begin)
		gone, cancel := context.WithCancel(as("sora"))
		left := ask(gone, short)
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) || time.Since(begin) != 0 {
			t.Errorf("who went away: %v after %s", err, time.Since(begin))
		}
		for _, w := range waits {
			want("one that waited", <-w, fault.APIReading, turnWait, begin)
		}
		want("a long one", <-first, fault.ReadingLong, turnTakes, begin)
		if err := <-ask(as("ren"), short); err != nil {
			t.Errorf("the next: %v", err)
		}
		over := errors.New("no such line")
		if err := <-ask(as("ren"), func(context.Context) error { return over }); !errors.Is(err, over) {
			t.Errorf("what went wrong: %v", err)
		}
		if len(c.whole.asked) != 0 {
			t.Errorf("counted as asking: %v", c.whole.asked)
		}
	})
}

// TestKeptBounded: a question that would keep more than its bound in memory is a fault
// that says so; one that keeps just as much is answered, and so is any without a bound.
func TestKeptBounded(t *testing.T) {
	p := bareProcess(t, "hub: {listen: '127.0.0.1:0'}\n")
	rec := p.ledger.Recorder("gate/out", 0)
	var bodies []event.Body
	for i := range 5 {
		for _, ok := range []bool{false, false, true, true} { // an account counts once for each
			bodies = append(bodies, &event.SiteLogin{Place: "shop", Address: "198.51.100.7", Account: fmt.Sprint("account ", i), OK: ok})
		}
		bodies = append(bodies, &event.Detection{What: "beacon", Host: "pc-1", Dest: fmt.Sprintf("d%d.example", i)},
			&event.Detection{What: "beacon", Host: "pc-1", Dest: fmt.Sprintf("d%d.example", i), Further: true},
			&event.Flow{ID: fmt.Sprint("f", i), Client: "10.0.0.1", Host: fmt.Sprintf("d%d.evil.example", i), Port: 443, Action: "allow"})
	}
	if _, err := rec.Record(t.Context(), event.Durable, bodies...); err != nil {
		t.Fatal(err)
	}
	set, err := new(app).wanted([]indicator.Indicator{{Kind: indicator.Name, Value: "evil.example", Until: forever}})
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		most int
		ask  func(most int) (int, error)
	}{
		"egress/findings": {5, func(most int) (int, error) {
			all, err := findingsIn(t.Context(), p.ledger.Reader, false, most)
			return len(all), err
		}},
		"web/logins": {10, func(most int) (int, error) {
			all, err := loginsIn(t.Context(), p.ledger.Reader, consoleoffice.LoginsQuery{}, most)
			if err == nil && (len(all) != 1 || all[0].Accounts != 5 || all[0].Failed != 10 || len(all[0].Entered) != 5) {
				t.Errorf("%+v", all)
			}
			return 10, err
		}},
		"egress/hunt": {10, func(most int) (int, error) { // lines, and flows that go on
			all, err := huntIn(t.Context(), p.ledger.Reader, set, "", time.Time{}, most)
			return 2 * len(all.Met), err
		}},
	} {
		for _, most := range []int{0, c.most} {
			if n, err := c.ask(most); err != nil || n != c.most {
				t.Errorf("%s with room for %d: %d, %v", what, most, n, err)
			}
		}
		if _, err := c.ask(c.most - 1); err == nil || fault.Faults(err)[0].Code != fault.AnswerLarge || fault.Faults(err)[0].Args[1] != what {
			t.Errorf("%s with room for one less: %v", what, err)
		}
	}
}
