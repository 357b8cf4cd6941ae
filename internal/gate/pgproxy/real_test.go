package pgproxy_test

import (
	"os"
	"strings"
	"testing"
)

func TestPsql(t *testing.T) {
	w := newWorld(t, nil)
	out := w.run("psql", "-X", "-At", "-c", "SELECT id, email FROM customers WHERE id BETWEEN 10 AND 12 ORDER BY id",
		"-c", "SELECT title FROM goods WHERE id = 3", "-c", "SELECT name FROM customers WHERE id = 77")
	if out != "10|u10@example.jp\n11|u11@example.jp\n12|u12@example.jp\nitem 3\n名前77\n" {
		t.Errorf("psql printed %q", out)
	}
	w.want("customers exact {10-12,77}")
}

func TestPgbench(t *testing.T) {
	for _, mode := range []string{"simple", "extended", "prepared"} {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t, nil)
			script := t.TempDir() + "/s.sql"
			write(t, script, "\\set id random(1, 1000)\nSELECT email FROM customers WHERE id = :id;\n")
			out := w.run("pgbench", "-n", "-M", mode, "-c", "4", "-t", "200", "-f", script)
			if !strings.Contains(out, "number of failed transactions: 0") || !strings.Contains(out, "800/800") {
				t.Errorf("pgbench: %s", out)
			}
			parts := w.parts()
			if p := parts["customers exact"]; len(parts) != 1 || p == nil || p.Rows != 800 {
				t.Errorf("parts %v, %s", parts, w.summary())
			}
		})
	}
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
