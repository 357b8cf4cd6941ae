package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"sekisho/internal/view/casefile/draft"
)

// page is one that is measured.
type page struct {
	name, path string
}

// turn in a path is another word each time, so that what was found for somebody
// before is no answer.
const turn = "TURN"

// at is the path of the page the nth time.
func (p *page) at(n int) string { return strings.ReplaceAll(p.path, turn, strconv.Itoa(n)) }

// rooms are the pages of the console, and the parts that pages ask for, each
// with what makes it dearest.
func rooms(now time.Time, open, closed, write string) []page {
	at := func(back time.Duration) string { return url.QueryEscape(now.Add(-back).UTC().Format(time.RFC3339)) }
	const day = 24 * time.Hour
	out := []page{
		{"first", "/"}, {"first_figures", "/today/figures"}, {"wrong", "/wrong"},
		{"cases", "/cases"}, {"cases_closed", "/cases?closed=1"}, {"case", "/cases/" + open}, {"case_closed", "/cases/" + closed},
		{"scope", "/scope"}, {"scope_day", "/scope?ask=1&from=" + at(day)}, {"scope_month", "/scope?ask=1&from=" + at(30*day)}, {"scope_all", "/scope?ask=1"},
		{"scope_user", "/scope?ask=1&user=app3"}, {"scope_address", "/scope?ask=1&address=10.0.0.7"}, {"scope_elements", "/scope?ask=1&element=email&element=phone"},
		{"scope_time_day", "/scope/time?from=" + at(day)}, {"scope_time_all", "/scope/time"}, {"scope_time_user", "/scope/time?user=app3"},
		{"scope_trail_day", "/scope/trail?from=" + at(day)}, {"scope_leaving_all", "/scope/leaving"}, {"scope_trail_all", "/scope/trail"}, {"scope_trail_user", "/scope/trail?user=app3"},
		{"events", "/events"}, {"events_kind", "/events?kind=crossing"}, {"events_rare", "/events?kind=key-created"}, {"events_text", "/events?text=nowhere-to-be-found-" + turn},
		{"events_old", "/events?before=3000000"},
		{"sessions", "/sessions"}, {"map", "/map"}, {"persons", "/persons"}, {"web", "/web"}, {"egress", "/egress"}, {"egress_preview", "/egress?client=127.0.0.1&to=a.example:443&preview=1"},
		{"policy", "/policy"}, {"policy_edit", "/policy/edit"}, {"ledger", "/ledger"}, {"users", "/users"}, {"me", "/me"},
	}
	for _, kind := range draft.Kinds {
		out = append(out, page{"draft_" + strings.ReplaceAll(kind, "-", "_"), write + kind})
	}
	return out
}

// costRounds is how often a page is asked for its processor time.
const costRounds = 20

// get asks for a page as a user and returns how long the answer took and its
// size.
func (l *lab) get(ctx context.Context, user int, path string) (time.Duration, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.origin+path, nil)
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Accept-Language", "ja")
	r.AddCookie(&http.Cookie{Name: "sekisho", Value: l.kept.People[user].Cookie})
	begin := time.Now()
	answer, err := l.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	body, err := io.ReadAll(answer.Body)
	took := time.Since(begin)
	answer.Body.Close()
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, answer.Status)
	}
	return took, body, err
}

// pages measures every page with one user.
func (l *lab) pages(ctx context.Context) error {
	const first, closed = "k0", "k1"
	list := rooms(l.kept.Until, first, closed, "/cases/"+first+"/draft/")
	begun := time.Now()
	took := make([][]time.Duration, len(list))
	sizes, late := make([]int, len(list)), make([]time.Duration, len(list))
	// One after the other, and then again, so that a bad moment of the machine
	// does not fall on one page.
	for round := range l.o.rounds + 2 {
		if round == 2 { // what the first look at a page begins has ended
			if err := l.idle(ctx); err != nil {
				return err
			}
			begun = time.Now()
		}
		for i, p := range list {
			path := p.at(round)
			d, body, err := l.get(ctx, 0, path)
			if err != nil {
				return err
			}
			begin := time.Now()
			for round < 2 && bytes.Contains(body, []byte("data-comes")) { // worked out behind the page's back
				if _, body, err = l.get(ctx, 0, path); err != nil {
					return err
				}
				late[i] = time.Since(begin)
			}
			sizes[i] = max(sizes[i], len(body))
			if round >= 2 { // those before make it warm
				took[i] = append(took[i], d)
			}
		}
	}
	cost := make([]time.Duration, len(list))
	for i, p := range list { // processor time does not depend on who else uses the machine
		before, err := processorTime(l.up.Process.Pid)
		if err != nil {
			return err
		}
		for n := range costRounds {
			if _, _, err := l.get(ctx, 0, p.at(-1-n)); err != nil {
				return err
			}
		}
		after, err := processorTime(l.up.Process.Pid)
		if err != nil {
			return err
		}
		cost[i] = (after - before) / costRounds
	}
	fmt.Printf("# %d rounds of %d pages in %v\n", l.o.rounds, len(list), time.Since(begun).Round(time.Second))
	var worst, entry time.Duration
	largest, slowest, fattest := 0, "", ""
	for i, p := range list {
		tail := percentile(took[i], 99)
		fmt.Printf("SAMPLE console_%s_ms %.1f - # median %.1f, processor %.1f, %d KB\n", p.name, ms(tail), ms(percentile(took[i], 50)), ms(cost[i]), sizes[i]>>10)
		if late[i] > 0 {
			fmt.Printf("SAMPLE console_%s_ready_ms %.0f - # worked out behind the page, which waits\n", p.name, ms(late[i]))
		}
		if tail > worst {
			worst, slowest = tail, p.name
		}
		if p.name == "first" {
			entry = tail
		}
		if sizes[i] > largest {
			largest, fattest = sizes[i], p.name
		}
	}
	fmt.Printf("RATIO console_p99_ms %.1f # %s\n", ms(worst), slowest)
	fmt.Printf("RATIO console_first_ms %.1f\n", ms(entry))
	fmt.Printf("RATIO console_page_kb %.1f # %s\n", float64(largest)/1000, fattest)
	return nil
}

// percentile is by nearest rank: the least of the times that p in a hundred of
// them do not exceed.
func percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	all = slices.Clone(all)
	slices.Sort(all)
	return all[max(0, (len(all)*p+99)/100-1)]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// processorTime is what a process used so far: user and system, in ticks of
// 10 ms (proc(5), /proc/pid/stat, fields 14 and 15).
func processorTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+2:]))
	var ticks int64
	for _, field := range f[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}
