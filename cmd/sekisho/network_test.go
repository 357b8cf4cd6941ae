package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sekisho/demo/network"
	"sekisho/demo/story"
)

// notApart skips what make story runs, where it does (SEKISHO_STORY=apart).
func notApart(t *testing.T) {
	t.Helper()
	if os.Getenv("SEKISHO_STORY") == "apart" {
		t.Skip("SKIPPED: make story runs it")
	}
}

// TestStoryNetwork is the command that people type, JTB's incident with its exits
// in a network of namespaces: every comparison holds, and those of the network
// are among them.
func TestStoryNetwork(t *testing.T) {
	notApart(t)
	var out, errs bytes.Buffer
	code := run([]string{"demo", "jtb", "--check", "--json"}, environment{stdout: &out, stderr: &errs, getenv: os.Getenv})
	var told struct {
		Differences int
		Checks      []story.Check
		Skipped     []story.Text
		Routes      *story.Routes
	}
	if err := json.Unmarshal(out.Bytes(), &told); err != nil {
		t.Fatalf("exit %d: %v: %s", code, err, errs.String())
	}
	for _, c := range told.Checks {
		if !c.OK {
			t.Errorf("%s: %q, want %q", c.EN, c.Got, c.Want)
		}
	}
	if code != 0 || told.Differences != 0 {
		t.Errorf("exit %d, %d differences: %s", code, told.Differences, errs.String())
	}
	if len(told.Skipped) > 0 {
		t.Skip("SKIPPED: ", told.Skipped[0].EN)
	}
	if told.Routes == nil || len(told.Checks) < 30 {
		t.Fatalf("the network was not played: %d comparisons", len(told.Checks))
	}
	text, err := json.Marshal(told.Routes)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d comparisons; seen in the network: %s", len(told.Checks), text)
}

// TestStoryNetworkEnds: who stops the demo when the hub and the first exit serve
// leaves no process behind.
func TestStoryNetworkEnds(t *testing.T) {
	notApart(t)
	dir := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() {
		_, err := network.Play(ctx, network.Options{Dir: dir, Path: os.Getenv("PATH")})
		ended <- err
	}()
	socket := filepath.Join(dir, "exit1", "data", "control.sock")
	answers := func() bool {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			err = conn.Close()
		}
		return err == nil
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !answers() {
		select {
		case err := <-ended:
			if no := (*story.NoNetwork)(nil); errors.As(err, &no) {
				t.Skip("SKIPPED: ", err)
			}
			t.Fatalf("the play ended by itself: %v", err)
		case <-tick.C:
		}
	}
	if len(living(t, dir)) < 3 { // the first process, the hub, the exit
		t.Fatalf("processes of the play: %q", living(t, dir))
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that it was stopped", err)
	}
	if left := living(t, dir); len(left) > 0 || answers() {
		t.Errorf("processes are left: %q", left)
	}
}

// living are the processes that were told of a directory or work in it.
func living(t *testing.T, dir string) (found []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		at, _ := os.Readlink(filepath.Join(p, "cwd")) // one that has ended has none
		args, _ := os.ReadFile(filepath.Join(p, "cmdline"))
		if strings.HasPrefix(at, dir) || bytes.Contains(args, []byte(dir)) {
			found = append(found, string(bytes.ReplaceAll(args, []byte{0}, []byte(" "))))
		}
	}
	return found
}
