package packaging

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// takeOver is that part of the script that runs where there is systemd.
func takeOver(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("postinstall.sh")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, begins := strings.Cut(string(text), "\ntake_over() {\n")
	body, _, ends := strings.Cut(rest, "\n}\n")
	if !begins || !ends {
		t.Fatal("postinstall.sh has no take_over")
	}
	return "set -e\ntake_over() {\n" + body + "\n}\ntake_over\n"
}

// TestPostinstall: an installation waits for seconds, ends nothing that a new version
// cannot go on with, and says how to finish; only a program that knows nothing of
// upgrades is restarted.
func TestPostinstall(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: the packages are for Linux")
	}
	const finish, restart = "sekisho.yaml upgrade", "try-restart"
	for _, c := range []struct {
		name, said string
		code       int
		want, not  []string
	}{
		{"it is taken over", "upgraded from version 1 to 2", 0, []string{"sekisho: upgraded from"}, []string{finish, restart}},
		{"something would end", "sekisho: busy (SK6012)", 1, []string{"SK6012", "still runs", finish}, []string{restart}},
		{"the configuration cannot be read", "sekisho: bad (SK6009)", 1, []string{"SK6009", finish}, []string{restart}},
		{"it cannot start", "sekisho: bad (SK6010)", 1, []string{"SK6010", finish}, []string{restart}},
		{"it is not up yet", "sekisho: slow (SK6011)", 1, []string{"SK6011", "not up yet"}, []string{finish, restart}},
		{"nobody answers", "", 124, []string{"not up yet"}, []string{finish, restart}},
		{"it knows nothing of upgrades", "sekisho: unknown (SK6001)", 1, []string{restart}, []string{finish}},
		{"it is stopped", "inactive", 0, nil, []string{"sekisho", restart}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			active := 0
			if c.said == "inactive" {
				active = 3
			}
			for name, text := range map[string]string{
				"systemctl": fmt.Sprintf("[ $1 = is-active ] && exit %d; echo \"$*\"", active),
				"runuser":   "exec " + filepath.Join(dir, "ran") + " \"$@\"",
				"ran":       fmt.Sprintf("echo \"$*\" > %s/asked; printf %%s '%s'; exit %d", dir, c.said, c.code),
			} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), "sh", "-c", takeOver(t))
			cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin"}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("the installation fails: %v\n%s", err, out)
			}
			for _, want := range c.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("%q is missing in:\n%s", want, out)
				}
			}
			for _, not := range c.not {
				if strings.Contains(string(out), not) {
					t.Errorf("%q is in:\n%s", not, out)
				}
			}
			if active != 0 {
				return
			}
			asked, err := os.ReadFile(filepath.Join(dir, "asked"))
			if err != nil || !strings.Contains(string(asked), "upgrade --by package --wait 20s") {
				t.Errorf("asked %q: %v", asked, err)
			}
		})
	}
}
