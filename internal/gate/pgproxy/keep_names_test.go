package pgproxy_test

import (
	"strings"
	"testing"
)

// TestKeptNamesAreBytes: names in an encoding that is not UTF-8 are kept byte for
// byte. Were two of them one afterwards, what the one delivers would be taken for
// what the other does.
func TestKeptNamesAreBytes(t *testing.T) {
	ctx := t.Context()
	w := keeps(t, nil)
	c := w.connect("default_query_exec_mode=exec")
	names := []string{"\xe9", "\xe8", "\xef\xbf\xbd"} // of LATIN1; the last is also what replaces what is no UTF-8
	for _, sql := range []string{"SET client_encoding = 'LATIN1'", "CREATE TEMP TABLE \"\xe9\" (n integer)"} {
		rowsOf(t, c, sql)
	}
	for i, name := range names {
		sql := []string{"SELECT 1 AS n", "SELECT phone FROM customers WHERE id = 7", "SELECT email FROM customers WHERE id = 8"}[i]
		if _, err := c.PgConn().Prepare(ctx, name, sql, nil); err != nil {
			t.Fatal(err)
		}
	}
	next := w.follow(2, nil)
	for i, name := range names {
		r := c.PgConn().ExecPrepared(ctx, name, nil, nil, nil).Read()
		if want := []string{"1", "0907", "u8@example.jp"}[i]; r.Err != nil || len(r.Rows) != 1 || string(r.Rows[0][0]) != want {
			t.Errorf("%q says %q, %v; want %q", name, r.Rows, r.Err, want)
		}
	}
	next.stop()
	if got := folded(w, 0); got != "customers email exact {8}\ncustomers phone exact {7}" {
		t.Errorf("recorded:\n%s", got)
	}
}

// TestKeptListenerHears: what is sent while the gate ends, and a session that is
// kept already hears from the next one, tells as much as ever: that it came tells
// what its sender read.
func TestKeptListenerHears(t *testing.T) {
	ctx := t.Context()
	w := keeps(t, nil)
	hears, sends := w.connect("default_query_exec_mode=exec"), w.connect("default_query_exec_mode=exec")
	rowsOf(t, hears, "LISTEN news")
	for _, sql := range []string{"BEGIN", "SELECT email FROM customers WHERE id = 3"} {
		rowsOf(t, sends, sql)
	}
	more, copied := w.copies()
	ended := make(chan *world, 1)
	go func() { ended <- w.follow(2, nil) }()
	w.until("the listener is kept", func() bool { return len(w.gate.Sessions()) == 2 })
	for _, sql := range []string{"NOTIFY news", "COMMIT"} {
		rowsOf(t, sends, sql)
	}
	_ = more.Close()
	if err := <-copied; err != nil {
		t.Error(err)
	}
	next := <-ended
	if n, err := hears.WaitForNotification(ctx); err != nil || n.Channel != "news" {
		t.Fatalf("heard %v, %v", n, err)
	}
	next.stop()
	if got := folded(w, 0); !strings.Contains(got, "bounded: notify") {
		t.Errorf("that a notification came is not recorded:\n%s", got)
	}
}
