package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/demo/story"
	"sekisho/internal/lang"
	"sekisho/internal/pgserver"
)

var updateStories = flag.Bool("update-stories", false, "rewrite the stories' golden files")

// TestStories replays the four incidents against the running parts: every
// comparison holds, both columns are frozen in both languages, and the page
// shows them.
func TestStories(t *testing.T) {
	for _, name := range story.Names {
		t.Run(name, func(t *testing.T) {
			if _, err := pgserver.Find(); name != "hawaiians" && err != nil {
				t.Skip("SKIPPED: the story's databases need PostgreSQL: ", err)
			}
			told, err := tellStory(t.Context(), name, lang.Japanese, routesSeen)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range told.Checks {
				if !c.OK {
					t.Errorf("%s: %q, want %q", c.EN, c.Got, c.Want)
				}
			}
			for _, l := range []lang.Language{lang.Japanese, lang.English} {
				var text, page bytes.Buffer
				if err := told.Write(&text, l, false); err != nil {
					t.Fatal(err)
				}
				golden(t, filepath.Join("testdata", "stories", name+"."+string(l)+".txt"), text.Bytes())
				if err := told.Page(&page, l); err != nil {
					t.Fatal(err)
				}
				for _, e := range told.Entries {
					if strings.Contains(e.In(l), "{") || strings.HasPrefix(e.In(l), "!") {
						t.Errorf("a line is not filled: %q", e.In(l))
					}
				}
				for _, want := range []string{told.Name.In(l), told.Rows[0].Quote} {
					if !strings.Contains(page.String(), want) {
						t.Errorf("the page does not hold %q", want)
					}
				}
			}
		})
	}
}

// routesSeen is what a network of namespaces shows: TestStoryNetwork plays it.
func routesSeen(context.Context, string) (*story.Routes, error) {
	return &story.Routes{Exits: 4, Before: 4, Receipts: 4, Ended: 4, Raised: 4, RaisedAfter: 19 * time.Second,
		OneBefore: 3, OneWays: 3, OneReceived: 3, Asked: 2, Denied: 2, Ledgers: 5, Verified: 5}, nil
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *updateStories {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// TestStoryCommand: `sekisho demo` with an incident prints JSON, writes the
// page and ends with 0.
func TestStoryCommand(t *testing.T) {
	page := filepath.Join(t.TempDir(), "story.html")
	var out, errs bytes.Buffer
	code := run([]string{"demo", "hawaiians", "--check", "--json", "--html", page}, environment{stdout: &out, stderr: &errs, getenv: func(string) string { return "" }})
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	var told struct {
		Differences int           `json:"differences"`
		Days        []story.Day   `json:"days"`
		Checks      []story.Check `json:"checks"`
	}
	if err := json.Unmarshal(out.Bytes(), &told); err != nil || told.Differences != 0 || len(told.Days) < 8 || len(told.Checks) < 10 {
		t.Errorf("%d differences, %d days, %d checks (%v)", told.Differences, len(told.Days), len(told.Checks), err)
	}
	if text, err := os.ReadFile(page); err != nil || !bytes.Contains(text, []byte("6,860")) {
		t.Errorf("the page: %v", err)
	}
}
