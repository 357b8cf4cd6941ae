// Command map measures the data map: a table scanned with subject sets against
// COPY, and a workbook scanned for personal data against excelize, which only
// reads it.
//
// It is no part of the product.
package main

import (
	"archive/zip"
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/xuri/excelize/v2"

	"sekisho/internal/datamap"
	"sekisho/internal/datamap/filescan"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/keyring"
	"sekisho/internal/pgserver"
	"sekisho/internal/subject"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench-map:", err)
		os.Exit(1)
	}
}

func run() error {
	rounds := flag.Int("rounds", 5, "rounds")
	rows := flag.Int("rows", 5_000_000, "customers in the table")
	sheet := flag.Int("sheet", 200_000, "rows of the workbook")
	only := flag.String("only", "", "table or xlsx")
	flag.Parse()
	switch flag.Arg(0) {
	case "scan":
		return scanOnce(flag.Arg(1), flag.Arg(2))
	case "read":
		return readOnce(flag.Arg(1))
	case "excelize":
		return excelizeOnce(flag.Arg(1))
	}
	ctx := context.Background()
	if *only != "table" {
		if err := workbooks(ctx, *rounds, *sheet); err != nil {
			return err
		}
	}
	if *only != "xlsx" {
		return tables(ctx, *rounds, *rows)
	}
	return nil
}

// ratio prints the rounds and their median.
func ratio(name string, ours, peer []float64) {
	all := make([]float64, len(ours))
	for i := range ours {
		all[i] = ours[i] / peer[i]
	}
	slices.Sort(all)
	fmt.Printf("RATIO %s %.2f\n", name, all[len(all)/2])
}

// workbooks: megabytes of text in a second of processor time, whole processes.
// In the first ratio ours finds elements, ranks them and keeps a state while excelize
// only hands out the text of every cell; in the second ours does no more than that.
func workbooks(ctx context.Context, rounds, rows int) error {
	dir, err := os.MkdirTemp("", "bench-map-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "in", "customers.xlsx")
	if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	text, err := writeWorkbook(file, rows)
	if err != nil {
		return err
	}
	fmt.Printf("# a workbook of %d rows, %.1f MB of text\n", rows, text/1e6)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var read, scanned, peer []float64
	for range rounds {
		var took [3]float64
		for i, args := range [][]string{{"read", file}, {"scan", file, dir}, {"excelize", file}} {
			if took[i], err = cpu(ctx, self, args...); err != nil {
				return err
			}
		}
		read, scanned, peer = append(read, text/1e6/took[0]), append(scanned, text/1e6/took[1]), append(peer, text/1e6/took[2])
		fmt.Printf("SAMPLE map_xlsx_vs_excelize %.2f %.2f\n", text/1e6/took[1], text/1e6/took[2])
		fmt.Printf("SAMPLE map_xlsx_read_vs_excelize %.2f %.2f\n", text/1e6/took[0], text/1e6/took[2])
	}
	ratio("map_xlsx_vs_excelize", scanned, peer)
	ratio("map_xlsx_read_vs_excelize", read, peer)
	return nil
}

// cpu runs a program and returns its processor time in seconds.
func cpu(ctx context.Context, program string, args ...string) (float64, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return 0, err
	}
	u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds(), nil
}

func scanOnce(file, state string) error {
	r, err := filescan.Scan(context.Background(), filescan.Config{Root: file, State: state, Fresh: true})
	if err != nil {
		return err
	}
	if len(r.Totals) == 0 {
		return errors.New("the scan found nothing")
	}
	return nil
}

func excelizeOnce(file string) error {
	f, err := excelize.OpenFile(file)
	if err != nil {
		return err
	}
	n := 0
	for _, sheet := range f.GetSheetList() {
		rows, err := f.Rows(sheet)
		if err != nil {
			return err
		}
		for rows.Next() {
			cells, err := rows.Columns()
			if err != nil {
				return err
			}
			for _, c := range cells {
				n += len(c)
			}
		}
		if err := errors.Join(rows.Error(), rows.Close()); err != nil {
			return err
		}
	}
	if n == 0 {
		return errors.New("excelize read nothing")
	}
	return f.Close()
}

// writeWorkbook writes a workbook as spreadsheet programs do: strings shared, a
// third of them repeated. It returns the bytes of text in its cells.
func writeWorkbook(name string, rows int) (text float64, err error) {
	f, err := os.Create(name)
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriter(f)
	z := zip.NewWriter(out)
	part := func(name string) io.Writer {
		w, werr := z.Create(name)
		err = errors.Join(err, werr)
		return w
	}
	const ns = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	const rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	fmt.Fprintf(part("[Content_Types].xml"), `<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>`)
	fmt.Fprintf(part("_rels/.rels"), `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="%s/officeDocument" Target="xl/workbook.xml"/></Relationships>`, rel)
	fmt.Fprintf(part("xl/workbook.xml"), `<workbook %s xmlns:r="%s"><sheets><sheet name="customers" sheetId="1" r:id="rId1"/></sheets></workbook>`, ns, rel)
	fmt.Fprintf(part("xl/_rels/workbook.xml.rels"), `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="%s/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="%s/sharedStrings" Target="sharedStrings.xml"/></Relationships>`, rel, rel)
	var strings []string
	index := map[string]int{}
	shared := func(s string) int {
		i, ok := index[s]
		if !ok {
			i = len(strings)
			index[s], strings = i, append(strings, s)
		}
		text += float64(len(s))
		return i
	}
	w := bufio.NewWriter(part("xl/worksheets/sheet1.xml"))
	fmt.Fprintf(w, `<worksheet %s><sheetData>`, ns)
	columns := []string{"会員番号", "氏名", "フリガナ", "郵便番号", "住所", "電話番号", "メールアドレス", "備考"}
	for r := range rows + 1 {
		fmt.Fprintf(w, `<row r="%d">`, r+1)
		values := columns
		if r > 0 {
			values = []string{"", fmt.Sprintf("%s %s", families[r%len(families)], given[r/7%len(given)]), "セキショ タロウ", fmt.Sprintf("%03d-%04d", r%900+100, r%10000),
				fmt.Sprintf("東京都千代田区丸の内%d-%d-%d", r%9+1, r%30+1, r%20+1), fmt.Sprintf("090-%04d-%04d", r/10000, r%10000), fmt.Sprintf("user%d@example.jp", r), notes[r%len(notes)]}
		}
		for c, v := range values {
			if v == "" {
				text += float64(len(fmt.Sprint(1_000_000 + r)))
				fmt.Fprintf(w, `<c r="%c%d"><v>%d</v></c>`, 'A'+c, r+1, 1_000_000+r)
				continue
			}
			fmt.Fprintf(w, `<c r="%c%d" t="s"><v>%d</v></c>`, 'A'+c, r+1, shared(v))
		}
		fmt.Fprint(w, `</row>`)
	}
	fmt.Fprint(w, `</sheetData></worksheet>`)
	err = errors.Join(err, w.Flush())
	w = bufio.NewWriter(part("xl/sharedStrings.xml"))
	fmt.Fprintf(w, `<sst %s uniqueCount="%d">`, ns, len(strings))
	for _, s := range strings {
		fmt.Fprintf(w, `<si><t>%s</t></si>`, s)
	}
	fmt.Fprint(w, `</sst>`)
	return text, errors.Join(err, w.Flush(), z.Close(), out.Flush(), f.Close())
}

var (
	families = []string{"佐藤", "鈴木", "高橋", "田中", "伊藤", "渡辺", "山本", "中村", "小林", "加藤"}
	given    = []string{"一郎", "花子", "健太", "美咲", "翔", "陽菜", "大輔", "葵"}
	notes    = []string{"窓側の席を希望", "折り返し連絡を希望", "入金確認済み", "アレルギーあり", "前回の担当者を希望"}
)

// tables: rows in a second of wall time, interleaved: the server does most of the
// work of both.
func tables(ctx context.Context, rounds, rows int) error {
	server, err := pgserver.Start(ctx, pgserver.Config{})
	if err != nil {
		return err
	}
	defer server.Stop()
	for _, sql := range []string{"CREATE ROLE scanner LOGIN", "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC"} {
		if err := server.Exec(ctx, "postgres", sql); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "# making %d customers\n", rows)
	err = server.Exec(ctx, "postgres", fmt.Sprintf(`CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL, kana text, postal_code text, address text, phone text, email text, birth_date date);
		INSERT INTO customers SELECT i, '佐藤 花子' || i%%97, 'サトウ ハナコ', lpad((i%%9999999)::text, 7, '0'), '東京都千代田区丸の内' || i%%9 || '-' || i%%30, '090' || lpad((i%%99999999)::text, 8, '0'),
		CASE WHEN i%%10 > 0 THEN 'user' || i || '@example.jp' END, date '1940-01-01' + (i%%25000)::int FROM generate_series(1, %d) i;
		GRANT SELECT ON customers TO PUBLIC; ANALYZE customers`, rows))
	if err != nil {
		return err
	}
	fmt.Printf("# a table of %d customers\n", rows)
	var ours, peer []float64
	for range rounds {
		b, err := copyOnce(ctx, server)
		if err != nil {
			return err
		}
		a, err := mapOnce(ctx, server, rows)
		if err != nil {
			return err
		}
		ours, peer = append(ours, float64(rows)/a), append(peer, float64(rows)/b)
		fmt.Printf("SAMPLE map_table_vs_copy %.0f %.0f\n", float64(rows)/a, float64(rows)/b)
	}
	ratio("map_table_vs_copy", ours, peer)
	return nil
}

func copyOnce(ctx context.Context, server *pgserver.Server) (float64, error) {
	begin := time.Now()
	cmd := exec.CommandContext(ctx, "sh", "-c", `psql -X -q "$0" -c 'COPY customers TO STDOUT' | wc -c`, server.DSN("scanner", "postgres"))
	out, err := cmd.Output()
	if err != nil || len(out) < 5 {
		return 0, fmt.Errorf("psql: %q %w", out, err)
	}
	return time.Since(begin).Seconds(), nil
}

// mapOnce scans the table with subject sets, numbers given anew, as after the
// first start; what is recorded is encoded and thrown away.
func mapOnce(ctx context.Context, server *pgserver.Server, rows int) (float64, error) {
	dir, err := os.MkdirTemp("", "bench-keys-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	dir = filepath.Join(dir, "keys")
	if err := keyring.Init(dir); err != nil {
		return 0, err
	}
	ring, err := keyring.Open(dir)
	if err != nil {
		return 0, err
	}
	if _, err := ring.Create("default", keyring.Dictionary); err != nil {
		return 0, err
	}
	rec := &sink{}
	dict := subject.New(subject.Config{Tenant: "default", Keys: ring, Recorder: rec})
	m, err := datamap.New(datamap.Config{
		Database: "shop", DSN: server.DSN("scanner", "postgres"), Recorder: rec,
		Numbers: func(s event.SubjectSource) datamap.Numbers { return dict.Source(s) },
		Tables: []datamap.Table{{Place: "shop/public.customers", Schema: "public", Name: "customers", Source: "shop.customers", Key: "id",
			Columns: map[string]element.Kind{"name": element.Name, "kana": element.Kana, "postal_code": element.PostalCode, "address": element.Address, "phone": element.Phone, "email": element.Email, "birth_date": element.BirthDate}}},
	})
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := m.ScanAll(ctx); err != nil {
		return 0, err
	}
	if rec.subjects != uint64(rows) {
		return 0, fmt.Errorf("%d subjects of %d rows", rec.subjects, rows)
	}
	return time.Since(begin).Seconds(), nil
}
