//go:build unix

package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sekisho/demo/story"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/lang"
)

// TestCaseCost reports the processor time of every case command in a firm with
// 10,000 cases and a warm view: of the command and of the process that answers,
// together. It judges whether the commands work, not how fast they are; figures
// are in docs/benchmarks.md.
func TestCaseCost(t *testing.T) {
	if os.Getenv("SEKISHO_LONG") == "" {
		t.Skip("SKIPPED: SEKISHO_LONG is not set; it makes 10,000 cases")
	}
	const cases, rounds = 10_000, 3
	o, err := openOffice(t.Context(), t.TempDir(), lawOf, story.Parts{}, lang.English)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := o.close(); err != nil {
			t.Error(err)
		}
	}()
	o.p.now, o.p.cases.desk.Now = time.Now, time.Now // commands know no other clock
	fillCases(t, o, cases)
	ctx, stop := context.WithCancel(t.Context())
	l, err := control.Listen(o.p.cfg.Control, "")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- control.Serve(ctx, l, o.p, slog.New(slog.DiscardHandler)) }()
	defer func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sum := strings.Repeat("0a", 32)
	misuse, paid := file("misuse.csv", "M-1,2026-11-01\nM-2,2026-11-02\n"), file("paid.csv", "M-1,2026-10-01,a\nM-2,2026-10-02,a\nM-3,2026-10-02,b\n")
	duty, csirt, ciso := file("duty.key", o.keys["sora"]), file("csirt.key", o.keys["ren"]), file("ciso.key", o.keys["aoi"])
	id := func(round int) string { return fmt.Sprintf("k%d", cases/2+round) }
	type line struct {
		name, key string
		args      func(round int) []string
	}
	one := func(args ...string) func(int) []string { return func(int) []string { return args } }
	of := func(verb string, args ...string) func(int) []string {
		return func(round int) []string { return append([]string{verb, id(round)}, args...) }
	}
	lines := []line{
		{"list", duty, one("list")}, {"list-all", duty, one("list", "--all", "--limit", "1000")}, {"show", duty, of("show")}, {"timeline", duty, of("timeline")},
		{"wrong", duty, one("wrong", "screens flicker", "--by", "sora")}, {"open", duty, one("open", "a call", "--channel", "psp", "--by", "sora")},
		{"know", duty, of("know", "personal-data", "--by", "sora")}, {"move", duty, of("move", "--to", "incident", "--reason", "r", "--by", "sora")},
		{"task-add", duty, of("task", "t", "add", "--title", "x", "--due", "2099-01-01", "--by", "sora")}, {"task-done", duty, of("task", "t", "done", "--by", "sora")},
		{"preserve", duty, of("preserve", "web-1", "--form", "image", "--sha256", sum, "--kept", "safe", "--name", "e", "--by", "sora")}, {"hand", duty, of("hand", "e", "--to", "ren", "--by", "sora")},
		{"act", duty, of("act", "stop-payment", "shop", "--by", "sora")}, {"scope", duty, of("scope", "--stated", "r", "--unit", "cards", "--reachable", "5", "--ever-held", "9", "--by", "sora")},
		{"misuse", duty, of("misuse", misuse, "--by", "sora")}, {"concentrate", duty, of("concentrate", "--payments", paid, "--by", "sora")},
		{"decide", ciso, of("decide", "publish", "publish", "--reason", "r", "--by", "aoi")}, {"draft-show", duty, of("draft", "ppc-prelim")}, {"draft-fields", duty, of("draft", "ppc-prelim", "--fields")},
		{"draft-write", duty, of("draft", "ppc-prelim", "write", "--by", "sora")}, {"draft-release", csirt, of("draft", "ppc-prelim", "release", "--by", "ren")},
		{"draft-pdf", duty, of("draft", "first-hour", "--format", "pdf")}, {"clock", duty, of("clock", "jp.appi.person", "receipt", "--number", "1", "--copy", misuse, "--by", "sora")},
		{"agree", ciso, of("agree", "close", "--by", "aoi")}, {"ack", duty, of("ack", "open:0", "--by", "sora")},
		{"report", duty, of("report", "pcf", "load", "--file", misuse, "--by", "sora")}, {"report-answer", duty, of("report", "pcf", "answer", "--question", "flaw", "--answer", "a", "--page", "p. 1", "--by", "sora")},
		{"measure", duty, one("measure")}, {"classes", duty, one("classes")}, {"rules", duty, one("rules")}, {"firm", duty, one("firm")}, {"vendor", duty, one("vendor", "x")},
	}
	type cost struct {
		name string
		ms   float64
	}
	var costs []cost
	for _, c := range lines {
		begin := time.Duration(0)
		for round := range rounds + 1 {
			if round == 1 { // the first makes it warm
				begin = processorTime(t)
			}
			var out bytes.Buffer
			args := append([]string{"--config", o.p.file, "--lang", "en", "case", "--key", c.key}, c.args(round)...)
			code := run(args, environment{stdin: strings.NewReader(""), stdout: &out, stderr: &out, getenv: func(string) string { return "" }})
			if code != 0 {
				t.Errorf("%s: exit %d\n%s", strings.Join(args, " "), code, out.String())
			}
		}
		costs = append(costs, cost{c.name, float64((processorTime(t) - begin).Microseconds()) / 1000 / rounds})
	}
	for _, c := range costs {
		t.Logf("SAMPLE case_%s_ms %.1f -", c.name, c.ms)
	}
	most := slices.MaxFunc(costs, func(a, b cost) int { return cmp.Compare(a.ms, b.ms) })
	t.Logf("of %d commands the dearest is %s: %.1f ms of processor time", len(costs), most.name, most.ms)
}

// fillCases records so many cases of card misuse, half of them closed, and folds
// them.
func fillCases(t *testing.T, o *office, n int) {
	t.Helper()
	at := time.Now().Add(-24 * time.Hour).UnixNano()
	var bodies []event.Body
	for i := range n {
		name := fmt.Sprintf("k%d", i)
		bodies = append(bodies, &event.CaseSign{Case: name, Class: "card-misuse", Channel: "psp", Title: "t", Hosts: []string{fmt.Sprintf("web-%d", i)}, KnownAt: at, KnownBy: "psp", By: "sora",
			Facts: []string{"card", "personal-data"}})
		if i < n/2 {
			bodies = append(bodies, &event.CaseMove{Case: name, To: "closed", By: "ren", Second: "aoi", Reason: "r"})
		}
		bodies = append(bodies, &event.CaseNotice{Case: name, Key: "open:0", Step: "sent", Rank: "duty", To: "sora", Due: at})
		if len(bodies) > 500 || i == n-1 {
			if err := o.Observe(t.Context(), "case", bodies...); err != nil {
				t.Fatal(err)
			}
			bodies = nil
		}
	}
	if err := o.p.settled(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
