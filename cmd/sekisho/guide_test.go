package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// guides are those whose commands are run, in this order within one directory
// and in front of one shop; what a later one needs an earlier one made.
var guides = []string{"first-day", "first-hour", "ten-minutes"}

// block finds the commands of a guide: ```sh, or ```sh up for what goes on
// running.
var block = regexp.MustCompile("(?s)```sh( up)?\n(.*?)```")

// commands returns the blocks of a guide.
func commands(t *testing.T, name string) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../docs/guide", name+".md"))
	if err != nil {
		t.Fatal(err)
	}
	return block.FindAllStringSubmatch(string(text), -1)
}

// TestGuidesAgree: both languages of a guide tell the same commands.
func TestGuidesAgree(t *testing.T) {
	for _, name := range guides {
		if diff := gocmp.Diff(commands(t, name+".en"), commands(t, name+".ja")); diff != "" {
			t.Errorf("%s (-en +ja):\n%s", name, diff)
		}
	}
}

// TestGuides does what the guides say, word for word; only addresses and the
// administrator's name are those of the test's own server.
func TestGuides(t *testing.T) {
	var script, files strings.Builder
	fmt.Fprintln(&script, "env PGSSLMODE=disable\nenv XDG_CACHE_HOME=$WORK/cache")
	n := 0
	for _, name := range guides {
		all := commands(t, name+".en")
		if len(all) < 3 {
			t.Fatalf("%s: %d blocks of commands, want more", name, len(all))
		}
		fmt.Fprintf(&script, "# %s\n", name)
		for _, b := range all {
			if b[1] != "" {
				fmt.Fprintf(&script, "exec %s &up&\nawaitup\nawaitlooks 1\n", strings.TrimSpace(b[2]))
				continue
			}
			n++
			text := strings.NewReplacer("mail.example.jp:587", "${MAIL}", "postgres@127.0.0.1:5432/shop", "boss@${UPSTREAM}/${DATABASE}", "127.0.0.1:6432", "127.0.0.1:${PGPORT}",
				"127.0.0.1:8600", "127.0.0.1:${METRICSPORT}", "-p 6432", "-p ${PGPORT}", "id = 3' shop", "id = 3' ${DATABASE}").Replace(b[2])
			fmt.Fprintf(&script, "expand block%d.sh\nexec sh -e block%d.sh\n", n, n)
			fmt.Fprintf(&files, "-- block%d.sh --\n%s", n, text)
		}
	}
	script.WriteString("kill -INT up\nwait up\n")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "guides.txtar"), []byte(script.String()+files.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	runWithShop(t, dir)
}
