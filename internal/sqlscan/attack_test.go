package sqlscan

import (
	"strings"
	"testing"
	"time"
)

// TestHostileTexts scans texts that are cheap to send and dear to a careless
// scanner: time must grow with length, not with its square.
func TestHostileTexts(t *testing.T) {
	const n = 200_000
	for name, sql := range map[string]string{
		"open parentheses":  "select " + strings.Repeat("(", n),
		"comments":          strings.Repeat("/*", n),
		"dollars":           strings.Repeat("$", n),
		"dollar tags":       strings.Repeat("$a", n),
		"open tags":         strings.Repeat("$a$ ", n),
		"plus":              "select 1" + strings.Repeat("+", n) + "1",
		"minus":             "select 1" + strings.Repeat(" - ", n) + "1",
		"semicolons":        strings.Repeat(";", n),
		"statements":        strings.Repeat("select 1;", n/10),
		"strings":           "select " + strings.Repeat("'a'\n", n),
		"casts":             "select 1" + strings.Repeat("::int", n),
		"types in casts":    "select " + strings.Repeat("cast(1 as a(", n/10),
		"in list":           "select * from t where id in (1" + strings.Repeat(",1", n) + ")",
		"create as":         "create table t " + strings.Repeat("(", n/10) + strings.Repeat(") as ", n/10),
		"with":              "with " + strings.Repeat("a as (select 1),", n/10) + " b as (select 2) select 1",
		"explain":           strings.Repeat("explain ", n/100) + "select 1",
		"execute arguments": "execute p(" + strings.Repeat("1,", n/100) + "1)",
		"begin atomic":      "create function f() returns int " + strings.Repeat("begin atomic ", n/10) + strings.Repeat("end;", n/10),
		"identifier":        strings.Repeat("a", n),
		"quoted":            `select "` + strings.Repeat(`""`, n) + `"`,
		"zone":              "select " + strings.Repeat(") with time zone 'x' ", n/10),
	} {
		began := time.Now()
		sts, err := Scan([]byte(sql), Options{StandardConformingStrings: true}, nil)
		if err == nil {
			for i := range sts {
				if i < 10 {
					checkStatement(t, []byte(sql), &sts[i])
				}
			}
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: %d bytes took %v", name, len(sql), took)
		}
	}
}
