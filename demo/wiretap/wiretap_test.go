package wiretap_test

import (
	"bytes"
	"context"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/demo/wiretap"
	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
)

// Against a real server and a real client: what was captured is what the
// client says it got.
func TestCaptureFromServer(t *testing.T) {
	s := pgservertest.Start(t, pgserver.Config{})
	cfg, err := pgconn.ParseConfig(s.DSN(pgserver.Superuser, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	var tap bytes.Buffer
	dial := cfg.DialFunc
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		return &wiretap.Conn{Conn: conn, To: &tap}, err
	}
	conn, err := pgconn.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if err := conn.Exec(ctx, `SELECT 1 AS a, NULL AS b, '' AS c, '札幌' AS d UNION ALL SELECT 2, 'x', 'y', 'z'`).Close(); err != nil {
		t.Fatal(err)
	}
	if r := conn.ExecParams(ctx, "SELECT $1::text AS p", [][]byte{[]byte("値")}, nil, nil, nil).Read(); r.Err != nil {
		t.Fatal(r.Err)
	}
	if r := conn.ExecParams(ctx, "SELECT 1/0", nil, nil, nil, nil).Read(); r.Err == nil {
		t.Fatal("division by zero succeeded")
	}
	var copied bytes.Buffer
	if _, err := conn.CopyTo(ctx, &copied, `COPY (VALUES (1, E'a\tb\nc\\d'), (2, NULL)) TO STDOUT`); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(ctx); err != nil {
		t.Fatal(err)
	}
	answers, err := wiretap.Parse(&tap)
	if err != nil {
		t.Fatal(err)
	}
	want := []wiretap.Answer{
		{},
		{Columns: []string{"a", "b", "c", "d"}, Tags: []string{"SELECT 2"}, Rows: [][][]byte{
			{[]byte("1"), nil, {}, []byte("札幌")}, {[]byte("2"), []byte("x"), []byte("y"), []byte("z")}}},
		{Columns: []string{"p"}, Tags: []string{"SELECT 1"}, Rows: [][][]byte{{[]byte("値")}}},
		{Refused: &wiretap.Refusal{Code: "22012", Message: "division by zero"}},
		{Copied: copied.Bytes(), Tags: []string{"COPY 2"}},
	}
	if diff := cmp.Diff(want, answers); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	rows, rest := wiretap.CopyRows(answers[4].Copied)
	if diff := cmp.Diff([][][]byte{{[]byte("1"), []byte("a\tb\nc\\d")}, {[]byte("2"), nil}}, rows); diff != "" || len(rest) != 0 {
		t.Errorf("copied rows (-want +got):\n%s\nrest %q", diff, rest)
	}
}

func message(kind byte, body string) []byte {
	n := len(body) + 4
	return append([]byte{kind, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, body...)
}

func TestParseCut(t *testing.T) {
	row := message('D', "\x00\x01\x00\x00\x00\x01x")
	text := bytes.Join([][]byte{message('Z', "I"), row, row}, nil)
	for _, tt := range []struct {
		name string
		text []byte
		rows int
		cut  bool
	}{
		{"whole", append(bytes.Clone(text), message('Z', "I")...), 2, false},
		{"no ready", text, 2, true},
		{"half a row", text[:len(text)-3], 1, true},
	} {
		answers, err := wiretap.Parse(bytes.NewReader(tt.text))
		if err != nil || len(answers) != 2 || len(answers[1].Rows) != tt.rows || answers[1].Cut != tt.cut {
			t.Errorf("%s: %+v, %v; want %d rows, cut %v", tt.name, answers, err, tt.rows, tt.cut)
		}
	}
	if _, err := wiretap.Parse(bytes.NewReader([]byte("HTTP/1.1 400"))); err == nil {
		t.Error("text of another protocol was taken")
	}
	if rows, rest := wiretap.CopyRows([]byte("1\ta\n2\tb")); len(rows) != 1 || string(rest) != "2\tb" {
		t.Errorf("CopyRows = %q, rest %q; want one row and the half one", rows, rest)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(message('D', "\x00\x01\x00\x00\x00\x01x"))
	f.Add(message('T', "\x00\x01a\x00"))
	f.Add(message('E', "C42501\x00Mno\x00\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		answers, err := wiretap.Parse(bytes.NewReader(text))
		for _, a := range answers {
			wiretap.CopyRows(a.Copied)
		}
		if err != nil && answers != nil {
			t.Errorf("both %d answers and %v", len(answers), err)
		}
	})
}
