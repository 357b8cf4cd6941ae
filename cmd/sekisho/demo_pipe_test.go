package main

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"

	"sekisho/internal/pgserver"
)

// TestDemoUnread: a demo whose reader goes away ends its servers and leaves
// nothing in the place for temporary files.
func TestDemoUnread(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: a demo with a real PostgreSQL")
	}
	if _, err := pgserver.Find(); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	sekisho, err := exec.LookPath("sekisho")
	if err != nil {
		t.Fatal(err)
	}
	place, err := os.MkdirTemp("", "sekisho-unread-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(place) })
	if err := os.Chmod(place, 0o711); err != nil { // the server may run as another user
		t.Fatal(err)
	}
	cmd := exec.Command(sekisho, "--lang", "en", "demo", "--seed", "7")
	cmd.Env = append(os.Environ(), "TMPDIR="+place)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan() && !strings.Contains(lines.Text(), "listens on"); {
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("a demo that nobody read went well")
	}
	left, err := os.ReadDir(place)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v: %s", left, err, said.String())
	}
}
