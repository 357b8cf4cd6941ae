package pgproxy_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"sekisho/internal/event"
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

// A real server says what application_name is, and takes it back.
func TestTraceOfRealSession(t *testing.T) {
	const a, b, c = "4bf92f3577b34da6a3ce929d0e0e4736", "5bd66ef5095369c7b0d1f8f4bd33716a", "0af7651916cd43dd8448eb211c80319c"
	value := func(id string) string { return "00-" + id + "-00f067aa0ba902b7-01" }
	w := newWorld(t, nil)
	query := func(id int, comment string) string {
		return fmt.Sprintf("SELECT id, email FROM customers WHERE id = %d%s", id, comment)
	}
	w.run("psql", "-X", "-v", "ON_ERROR_STOP=1",
		"-c", query(1, ""),
		"-c", query(2, " /*action='show',traceparent='"+value(a)+"'*/;"),
		"-c", "BEGIN", "-c", "SET application_name = 'web "+value(b)+"'",
		"-c", query(3, ""), "-c", "ROLLBACK",
		"-c", query(4, ""))
	w.run("psql", "-X", "application_name='"+value(c)+"'", "-c", query(5, ""))
	w.stop()
	bodies, _ := w.rec.all()
	var traces []string
	statements, subjects := 0, event.Set(nil)
	for _, body := range bodies {
		switch x := body.(type) {
		case *event.Crossing:
			traces = append(traces, x.Traces...)
			for _, p := range x.Parts {
				subjects = union(subjects, p.Subjects)
			}
		case *event.Statement:
			if strings.Contains(x.Text, "customers") {
				statements++
			}
		}
	}
	slices.Sort(traces)
	traces = slices.Compact(traces) // a slow session has more than one bucket
	if want := []string{c, a, b}; !slices.Equal(traces, want) || statements != 1 || string(subjects.Append(nil)) != "1-5" {
		t.Errorf("traces %v, %d statements, subjects %s; want %v, 1, 1-5", traces, statements, subjects.Append(nil), want)
	}
}
