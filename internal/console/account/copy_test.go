package account

import (
	"path/filepath"
	"testing"
)

// TestCopy: a copy of accounts in use has everybody and no session.
func TestCopy(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	code, err := o.FirstRun(ctx)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "copy.db")
	if _, err := o.db.ExecContext(ctx, `INSERT INTO account (name, handle, made_at) VALUES ('ayame', x'01', 1);
		INSERT INTO session VALUES (x'02', 'ayame', 'c', '127.0.0.1', 'passkey', 1, 1)`); err != nil {
		t.Fatal(err)
	}
	if err := Copy(ctx, o.Path, path); err != nil {
		t.Fatal(err)
	}
	cfg := o.Config
	cfg.Path = path
	again, err := Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for query, want := range map[string]int{
		"SELECT count(*) FROM account": 1, "SELECT count(*) FROM session": 0, "SELECT count(*) FROM invitation": 1,
	} {
		var n int
		if err := again.db.QueryRowContext(ctx, query).Scan(&n); err != nil || n != want {
			t.Errorf("%s: %d, %v; want %d", query, n, err, want)
		}
	}
	if code == "" {
		t.Error("no invitation was made")
	}
	if err := Copy(ctx, o.Path, path); err == nil {
		t.Error("a copy replaced a file")
	}
	if err := Copy(ctx, filepath.Join(t.TempDir(), "none.db"), path+"2"); err == nil {
		t.Error("a copy of nothing was made")
	}
}
