package sqlscan

import "testing"

func TestSplit(t *testing.T) {
	for _, tc := range []struct {
		sql  string
		want []string
	}{
		{"", nil},
		{" ; -- x\n;/* ; */", nil},
		{"select 1; select ';'", []string{"select 1", "select ';'"}},
		{"select $a$;$a$;select 2", []string{"select $a$;$a$", "select 2"}},
	} {
		got, err := Scan([]byte(tc.sql), Options{StandardConformingStrings: true}, nil)
		if err != nil || len(got) != len(tc.want) {
			t.Fatalf("Scan(%q) = %d statements, %v; want %d", tc.sql, len(got), err, len(tc.want))
		}
		for i := range got {
			if s := string(got[i].Span.Of([]byte(tc.sql))); s != tc.want[i] {
				t.Errorf("Scan(%q)[%d] = %q, want %q", tc.sql, i, s, tc.want[i])
			}
		}
	}
}
