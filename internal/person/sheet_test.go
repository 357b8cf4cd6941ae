package person

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/xuri/excelize/v2"
)

// workbook writes a sheet of rows, under a title, beside a sheet of no persons.
func workbook(t *testing.T, rows []string) string {
	t.Helper()
	return workbookOf(t, sheet{"顧客", append([]string{"会員の一覧"}, rows...)}, sheet{"在庫", []string{"品番,数量", "A-1,3"}})
}

type sheet struct {
	name string
	rows []string
}

func workbookOf(t *testing.T, sheets ...sheet) string {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	for i, s := range sheets {
		var err error
		if i == 0 {
			err = f.SetSheetName("Sheet1", s.name)
		} else {
			_, err = f.NewSheet(s.name)
		}
		for n, row := range s.rows {
			for k, v := range strings.Split(row, ",") {
				at, bad := excelize.CoordinatesToCellName(k+1, n+1)
				err = errors.Join(err, bad, f.SetCellStr(s.name, at, v))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "book.xlsx")
	if err := f.SaveAs(file); err != nil {
		t.Fatal(err)
	}
	return file
}

// A workbook and a Parquet file hold the same persons as the CSV file.
func TestWorkbookAndParquet(t *testing.T) {
	rows := append([]string{strings.TrimSpace(header)}, crowd(150, 41)...)
	csv := people(t, strings.Join(rows, "\n")+"\n", Options{Keys: true})

	type customer struct {
		Key     string `parquet:"会員番号"`
		Name    string `parquet:"氏名"`
		Kana    string `parquet:"フリガナ"`
		Sex     string `parquet:"性別"`
		Birth   string `parquet:"生年月日"`
		Email   string `parquet:"メールアドレス"`
		Phone   string `parquet:"電話番号"`
		Postal  string `parquet:"郵便番号"`
		Address string `parquet:"住所"`
	}
	var customers []customer
	for _, row := range rows[1:] {
		v := strings.Split(row, ",")
		customers = append(customers, customer{v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8]})
	}
	pq := filepath.Join(t.TempDir(), "customers.parquet")
	if err := parquet.WriteFile(pq, customers); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, source string }{{workbook(t, rows), "book"}, {pq, "book"}} {
		res, err := Run(context.Background(), []Source{{Name: "book", File: c.file}}, Options{Keys: true})
		if err != nil {
			t.Fatalf("%s: %v", filepath.Base(c.file), err)
		}
		want, got := map[string]uint32{}, map[string]uint32{}
		for name, p := range personsOf(csv) {
			want[name.Key] = p
		}
		for name, p := range personsOf(res) {
			got[name.Key] = p
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-csv +this):\n%s", filepath.Base(c.file), d)
		}
		if read := res.Reads[0]; read.Records != len(rows)-1 || read.Skipped != 0 || !strings.HasPrefix(read.Source, c.source) {
			t.Errorf("%s: %+v", filepath.Base(c.file), read)
		}
	}
	empty := filepath.Join(t.TempDir(), "empty.parquet")
	if err := parquet.WriteFile(empty, []struct{ Number int }{{1}}); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(context.Background(), []Source{{Name: "empty", File: empty}}, Options{}); !errors.Is(err, ErrNoTable) {
		t.Errorf("a file without customers: %v, want ErrNoTable", err)
	}
	if err := os.WriteFile(empty, []byte("PAR1 and nothing else"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(context.Background(), []Source{{Name: "empty", File: empty}}, Options{}); !errors.Is(err, ErrNoTable) {
		t.Errorf("a damaged file: %v, want ErrNoTable", err)
	}
}
