package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sekisho/internal/config"
	"sekisho/internal/event"
	"sekisho/internal/ledger"
)

// TestHuntAndFindings asks a ledger in which a host met a bad destination: by
// its name, inside a tunnel, in a question; an exception covers it backwards.
func TestHuntAndFindings(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "sekisho.yaml")
	if err := os.WriteFile(file, []byte("data: ./data\nkeys: ./keys\nhub: {listen: '127.0.0.1:1'}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ask := func(args ...string) (int, string) {
		t.Helper()
		var out, bad bytes.Buffer
		code := run(append([]string{"-c", file, "--lang", "en"}, args...), environment{stdin: strings.NewReader(""), stdout: &out, stderr: &bad,
			getenv: func(string) string { return "" }})
		return code, out.String() + bad.String()
	}
	if code, text := ask("init"); code != 0 {
		t.Fatal(text)
	}
	loaded, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(t.Context(), ledgerConfig(loaded.Config))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Recorder("gate/out", 0).Record(t.Context(), event.Durable,
		&event.Flow{ID: "a", Client: "10.0.0.5", Host: "c2.evil.example", Port: 443, Action: "allow"},
		&event.FlowEnd{ID: "a", Outcome: "done", Sent: 700},
		&event.Flow{ID: "b", Client: "10.0.0.6", Host: "front.example", Port: 443, Action: "allow"},
		&event.FlowBytes{ID: "b", Sent: 5},
		&event.FlowEnd{ID: "b", Outcome: "done", Name: "evil.example", Sent: 50},
		&event.Lookup{ID: "c", Client: "10.0.0.7", Name: ":x.evil.example", Base: "evil.example", Type: "A", Action: "refuse"},
		&event.Detection{What: "beacon", Host: "10.0.0.5", Dest: "c2.evil.example", Features: []event.DetectionFeature{{Name: "interval_seconds", Value: "60"}}},
		&event.Detection{What: "beacon", Host: "10.0.0.8", Dest: "poll.tool.example"},
		&event.DetectionException{ID: "x-1", Step: "make", Dest: "tool.example", By: "ayame", Reason: "ours"}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	code, text := ask("--json", "egress", "hunt", "-i", "evil[.]example")
	for _, part := range []string{`"host": "10.0.0.5"`, `"sent": 700`, `"host": "10.0.0.6"`, `"sent": 50`, `"questions": 1`, `"refused": 1`} {
		if code != 1 || !strings.Contains(text, part) {
			t.Errorf("hunt: exit code %d, no %s in\n%s", code, part, text)
		}
	}
	if code, text := ask("egress", "hunt", "-i", "good.example"); code != 0 || !strings.Contains(text, "None of 1 indicator was met in 3") {
		t.Errorf("hunt: exit code %d\n%s", code, text)
	}
	if code, _ := ask("egress", "hunt"); code != 2 {
		t.Errorf("nothing to look for: exit code %d", code)
	}
	if _, text := ask("egress", "findings"); !strings.Contains(text, "c2.evil.example") || !strings.Contains(text, `interval_seconds="60"`) || strings.Contains(text, "tool.example") {
		t.Errorf("findings:\n%s", text)
	}
	if _, text := ask("egress", "findings", "--all", "--json"); !strings.Contains(text, `"exception": "x-1"`) {
		t.Errorf("findings --all:\n%s", text)
	}
}
