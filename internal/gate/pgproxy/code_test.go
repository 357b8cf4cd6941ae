package pgproxy

import "testing"

func TestCallsCode(t *testing.T) {
	for canon, want := range map[string]bool{
		"select count (*) from x where a in (?i, ?i)": false,
		"select leak (?i)":                            true,
		`select "Q" (?i)`:                             true,
		"select a from (select ?i) x":                 false,
		"select s.f ()":                               true,
		"select (a + ?i) * (b)":                       false,
	} {
		if got := callsCode([]byte(canon)); got != want {
			t.Errorf("callsCode(%q) = %v", canon, got)
		}
	}
}
