package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sekisho/internal/control"
	"sekisho/internal/fault"
	"sekisho/internal/lang"
)

// upOn runs a process of the two here, on a disk, and returns its log and what ends
// it.
func (a *away) upOn(where string, disk *faultyDisk) (log string, stop func()) {
	a.t.Helper()
	log = a.file(where + ".log")
	said, err := os.Create(log)
	if err != nil {
		a.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(a.t.Context()))
	p := &app{ctx: ctx, config: a.file(where + "/sekisho.yaml"), say: texts.In(lang.English), lang: lang.English,
		env: environment{stdout: said, stderr: said, getenv: func(string) string { return "" }, disk: disk.files}}
	l, err := p.load()
	if err == nil {
		err = os.MkdirAll(viewDir(l.Config), 0o700)
	}
	if err != nil {
		cancel()
		a.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.serve(l) }()
	over := false
	stop = func() {
		if over {
			return
		}
		over = true
		cancel()
		if err := errors.Join(<-ended, said.Close()); err != nil {
			a.t.Errorf("%s ended: %v", where, err)
		}
	}
	a.t.Cleanup(func() {
		stop()
		if text, err := os.ReadFile(log); a.t.Failed() && err == nil {
			a.t.Logf("%s:\n%s", where, text)
		}
	})
	a.await(where, func() bool { return a.outageOf(where) == 0 })
	return log, stop
}

// outageOf is why a process cannot record: 0 when it can, -1 when it does not answer.
func (a *away) outageOf(where string) fault.Code {
	s, err := control.NewClient(a.file(where+"/data/control.sock"), "sekisho.yaml").Status(a.t.Context())
	switch {
	case err != nil:
		return -1
	case s.Outage != nil:
		return s.Outage.Code
	}
	return 0
}

// flowsAt are the flows of the remote gate in a ledger, and how often each is there.
func (a *away) flowsAt(where string) map[string]int {
	a.t.Helper()
	seen := map[string]int{}
	for line := range strings.Lines(a.sekisho(where, "events", "--kind", "flow", "--json")) {
		var e struct{ B struct{ ID string } }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			a.t.Fatalf("%v: %s", err, line)
		}
		seen[e.B.ID]++
	}
	return seen
}

// arrived waits until all that were told are at the hub, and says that each is once.
func (a *away) arrived(what string, told []string) {
	a.t.Helper()
	a.await(what, func() bool {
		seen := a.flowsAt("hq")
		for _, id := range told {
			if seen[id] == 0 {
				return false
			}
		}
		return true
	})
	for id, n := range a.flowsAt("hq") {
		if n != 1 {
			a.t.Errorf("%s: %s is at the hub %d times", what, id, n)
		}
	}
}

func (a *away) joinOsaka() {
	a.t.Helper()
	var join struct{ Token string }
	if err := json.Unmarshal([]byte(a.sekisho("hq", "--json", "hub", "token", "osaka")), &join); err != nil {
		a.t.Fatal(err)
	}
	a.sekisho("osaka", "gate", "join", join.Token)
}

func (a *away) logged(file, want string) {
	a.t.Helper()
	a.await(fmt.Sprintf("%q in %s", want, filepath.Base(file)), func() bool {
		text, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(text), want)
	})
}

// TestHubFull: while the hub's disk is full a remote gate works on and keeps what it
// recorded, both say so, and with room all of it comes, once each.
func TestHubFull(t *testing.T) {
	a := newAway(t)
	hub, site := &faultyDisk{}, &faultyDisk{}
	_, stopHub := a.upOn("hq", hub)
	a.joinOsaka()
	siteLog, stopSite := a.upOn("osaka", site)
	told := []string{a.refused()}
	a.arrived("before", told)
	hub.full.Store(true)
	for range 20 {
		told = append(told, a.refused())
	}
	a.await("the hub's outage", func() bool { return a.outageOf("hq") == fault.LedgerFull })
	a.logged(siteLog, "what was recorded here stays here for now")
	a.logged(siteLog, "its ledger cannot be written now")
	told = append(told, a.refused())
	if n := len(a.flowsAt("osaka")); n != len(told) {
		t.Errorf("%d flows are in the gate's own ledger, want %d", n, len(told))
	}
	hub.full.Store(false)
	a.await("the hub goes on", func() bool { return a.outageOf("hq") == 0 })
	told = append(told, a.refused())
	a.arrived("after", told)
	stopSite()
	stopHub()
	a.sekisho("hq", "verify")
	a.sekisho("osaka", "verify")
}

// TestSiteFull: a remote gate whose own disk is full lets nothing through, the hub
// still has what was recorded before, and with room it goes on; the time between is a
// gap at the hub too.
func TestSiteFull(t *testing.T) {
	a := newAway(t)
	hub, site := &faultyDisk{}, &faultyDisk{}
	_, stopHub := a.upOn("hq", hub)
	a.joinOsaka()
	siteLog, stopSite := a.upOn("osaka", site)
	told := []string{a.refused()}
	a.arrived("before", told)
	told = append(told, a.refused()) // it may wait for its sync, and so for the next run, to be sent
	site.full.Store(true)
	a.refused() // whether or not it is recorded
	a.await("the site's outage", func() bool { return a.outageOf("osaka") == fault.LedgerFull })
	a.logged(siteLog, "SK8114")
	a.sekisho("hq", "cut", "--all", "--for", "1h", "--reason", "alarm") // it would end with 1 if a gate were red
	if shown := a.sekisho("hq", "--json", "cuts"); strings.Contains(shown, `"red": true`) {
		t.Errorf("a gate with a full disk does not take a cut: %s", shown)
	}
	site.full.Store(false)
	a.await("the site goes on", func() bool { return a.outageOf("osaka") == 0 })
	told = append(told, a.refused())
	a.arrived("after", told)
	a.await("the gap at the hub", func() bool {
		for line := range strings.Lines(a.sekisho("hq", "events", "--kind", "gap", "--json")) {
			if strings.Contains(line, `"egress/out@osaka"`) && strings.Contains(line, "the disk of the ledger was full") {
				return true
			}
		}
		return false
	})
	stopSite()
	stopHub()
	a.sekisho("hq", "verify")
	a.sekisho("osaka", "verify")
}
