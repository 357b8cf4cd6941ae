package pgcopy

import (
	"bytes"
	"context"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
	"sekisho/internal/seed"
)

// nasty are values in which every format has something to escape.
var nasty = []string{"", "a", `\N`, `\.`, `\`, `\\`, "a\tb", "a\nb", "a\rb", "\r\n", `"`, `""`, `'`, `,`, `;`, "nil", " ", "日本", "\b\f\v", `\x41`, `\101`, "a,b\"c\nd", "NULL", "\x01\x7f"}

// formats are options as COPY and as a Reader take them. binary is last.
var formats = []struct {
	sql string
	opt Options
}{
	{"FORMAT text", Options{}},
	{"FORMAT text, DELIMITER ',', NULL 'nil'", Options{Delimiter: ',', Null: []byte("nil")}},
	{"FORMAT text, NULL ''", Options{Null: []byte{}}},
	{"FORMAT csv", Options{Format: CSV}},
	{"FORMAT csv, HEADER, DELIMITER ';'", Options{Format: CSV, Header: true, Delimiter: ';'}},
	{"FORMAT csv, QUOTE '''', ESCAPE '\\', NULL 'nil'", Options{Format: CSV, Quote: '\'', Escape: '\\', Null: []byte("nil")}},
	{"FORMAT csv, FORCE_QUOTE *", Options{Format: CSV}},
	{"FORMAT binary", Options{Format: Binary}},
}

type cell struct {
	Value string
	Null  bool
}

// read takes the wanted columns of every row of data, cut at random.
func read(rng *rand.Rand, opt Options, want []int, data []byte) (rows [][]cell, columns int, err error) {
	r := NewReader(opt, want, 0)
	take := func() {
		var row []cell
		for i := range want {
			v, null, ok := r.AppendValue(nil, i)
			if !ok {
				row = append(row, cell{Value: "missing"})
				continue
			}
			row = append(row, cell{string(v), null})
		}
		rows, columns = append(rows, row), r.Columns()
	}
	for at := 0; at < len(data); {
		n := min(len(data)-at, 1+rng.IntN([]int{1, 5, 50, 5000}[rng.IntN(4)]))
		chunk := data[at : at+n]
		at += n
		for len(chunk) > 0 {
			rest, ok, err := r.Next(chunk)
			if err != nil {
				return rows, columns, err
			}
			if !ok {
				break
			}
			take()
			chunk = rest
		}
	}
	if r.End() {
		take()
	}
	return rows, columns, nil
}

func TestCopyAgreesWithPostgres(t *testing.T) {
	s := pgservertest.Start(t, pgserver.Config{})
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	conn, err := pgconn.Connect(ctx, s.DSN("postgres", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	exec := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(ctx, sql).ReadAll(); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec("CREATE TABLE t (a text, b text, c text, n serial)")
	from := seed.For(t)
	rng := rand.New(rand.NewPCG(from, 1))
	var want [][]cell
	for range 400 {
		row := make([]cell, 3)
		values := make([][]byte, 3)
		for i := range row {
			if rng.IntN(5) == 0 {
				row[i].Null = true
				continue
			}
			for range rng.IntN(3) {
				row[i].Value += nasty[rng.IntN(len(nasty))]
			}
			values[i] = []byte(row[i].Value)
		}
		if r := conn.ExecParams(ctx, "INSERT INTO t (a, b, c) VALUES ($1, $2, $3)", values, nil, nil, nil).Read(); r.Err != nil {
			t.Fatal(r.Err)
		}
		want = append(want, row)
	}
	for _, f := range formats {
		t.Run(f.sql, func(t *testing.T) {
			var data bytes.Buffer
			if _, err := conn.CopyTo(ctx, &data, "COPY (SELECT a, b, c FROM t ORDER BY n) TO STDOUT ("+f.sql+")"); err != nil {
				t.Fatal(err)
			}
			got, columns, err := read(rng, f.opt, []int{0, 1, 2}, data.Bytes())
			if diff := cmp.Diff(ambiguous(f.opt, want), got); diff != "" || columns != 3 || err != nil {
				t.Errorf("seed %d: %d columns, %v, TO STDOUT (-table +read):\n%s", from, columns, err, diff)
			}
			// What a client may send for the same rows: other line ends, no
			// last line end, quotes in odd places.
			for _, variant := range variants(f.opt, data.Bytes()) {
				exec("CREATE TEMP TABLE back (a text, b text, c text, n serial)")
				_, err := conn.CopyFrom(ctx, bytes.NewReader(variant), "COPY back (a, b, c) FROM STDIN ("+strings.ReplaceAll(f.sql, ", FORCE_QUOTE *", "")+")")
				if err == nil {
					stored := table(ctx, t, conn)
					got, _, err := read(rng, f.opt, []int{0, 1, 2}, variant)
					if diff := cmp.Diff(stored, got); diff != "" || err != nil {
						t.Errorf("seed %d: %v, FROM STDIN %.80q (-table +read):\n%s", from, err, variant, diff)
					}
				}
				exec("DROP TABLE back")
			}
		})
	}
}

// ambiguous returns the rows as the text format gives them: the server does
// not escape a value that is the NULL string, so the two cannot be told apart.
func ambiguous(opt Options, rows [][]cell) (out [][]cell) {
	for _, row := range rows {
		row = append([]cell(nil), row...)
		for i := range row {
			if opt.Format == Text && opt.Null != nil && row[i].Value == string(opt.Null) {
				row[i] = cell{Null: true}
			}
		}
		out = append(out, row)
	}
	return out
}

func variants(opt Options, data []byte) [][]byte {
	all := [][]byte{data}
	if opt.Format == Binary {
		return all
	}
	all = append(all, bytes.TrimSuffix(data, []byte("\n")))
	if opt.Format == Text {
		all = append(all, bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")), bytes.ReplaceAll(data, []byte("\n"), []byte("\r")),
			append(bytes.Clone(data), "\\.\nx\ty\tz\n"...), []byte("a\\\nb\tc\\\td\t\\x41\\101\\q\n"))
		return all
	}
	d := string(opt.Delimiter)
	q := "\""
	if opt.Quote != 0 {
		q = string(opt.Quote)
	}
	if d == "\x00" {
		d = ","
	}
	return append(all, []byte("a"+q+"b"+d+"c"+q+"d"+d+q+q+d+"\n"+q+q+q+q+d+q+"x"+q+q+"y"+q+d+"z"+q+q+"\n"),
		[]byte(q+`a\`+q+`b\\`+q+d+`\`+d+q+`\c`+q+"\n"), []byte("x"+d+"y"+d+"z\r\n"+"1"+d+"2"+d+q+"\r\n"+q+"\r\n"))
}

func table(ctx context.Context, t *testing.T, conn *pgconn.PgConn) (rows [][]cell) {
	t.Helper()
	results, err := conn.Exec(ctx, "SELECT a, b, c FROM back ORDER BY n").ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results[0].Rows {
		var row []cell
		for _, v := range r {
			row = append(row, cell{string(v), v == nil})
		}
		rows = append(rows, row)
	}
	return rows
}

func TestLimitsAndGarbage(t *testing.T) {
	long := strings.Repeat("x", 5000)
	got, _, err := read(rand.New(rand.NewPCG(1, 1)), Options{}, []int{1, 4}, []byte(long+"\t7\t"+long+"\n"+long+"\t"+long+"\n"))
	if want := [][]cell{{{"7", false}, {"missing", false}}, {{"missing", false}, {"missing", false}}}; err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("long values: %v, %v", got, err)
	}
	for _, bad := range []string{"PGCOPX", signature + "\x00\x01\x00\x00\x00\x00\x00\x00", signature + "\x00\x00\x00\x00\xff\xff\xff\xff", signature + "\x00\x00\x00\x00\x00\x00\x00\x00\xff\xfe",
		signature + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x80\x00\x00\x00"} {
		r := NewReader(Options{Format: Binary}, []int{0}, 0)
		for range 2 {
			if _, ok, err := r.Next([]byte(bad)); ok || err != ErrFormat {
				t.Errorf("%q: %v %v, want ErrFormat", bad, ok, err)
			}
		}
	}
}

func FuzzReader(f *testing.F) {
	for i := range formats {
		f.Add(byte(i), byte(3), []byte("a\tb\n\"c\"\"d\",e\r\n\\N\\.\n"))
	}
	f.Add(byte(7), byte(1), []byte(signature+"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x01x\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, which, step byte, data []byte) {
		opt := formats[int(which)%len(formats)].opt
		// The same answer for any division.
		whole, columns, err := read(rand.New(rand.NewPCG(1, 1)), opt, []int{0, 2}, data)
		other, otherColumns, otherErr := read(rand.New(rand.NewPCG(uint64(step), 7)), opt, []int{0, 2}, data)
		if !reflect.DeepEqual(whole, other) || columns != otherColumns || err != otherErr {
			t.Fatalf("%v %d %v in other pieces is %v %d %v", whole, columns, err, other, otherColumns, otherErr)
		}
	})
}

func BenchmarkText(b *testing.B) {
	data := []byte(strings.Repeat("100001\t山田太郎\tヤマダタロウ\ttaro@example.jp\t090-0000-0000\t東京都千代田区1-1\t\\N\t2020-01-01\n", 1000))
	for _, bm := range []struct {
		name string
		opt  Options
	}{{"text", Options{}}, {"csv", Options{Format: CSV, Delimiter: '\t'}}} {
		b.Run(bm.name, func(b *testing.B) {
			r := NewReader(bm.opt, []int{0}, 0)
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				for chunk := data; len(chunk) > 0; {
					rest, ok, err := r.Next(chunk)
					if !ok || err != nil {
						b.Fatal(err)
					}
					chunk = rest
				}
			}
		})
	}
}
