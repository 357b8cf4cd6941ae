package scope

import (
	"fmt"
	"testing"
	"time"
)

// TestFrameWithoutGates: what a question leaves open ends, at places without a gate,
// with the first and last sight of what rested there.
func TestFrameWithoutGates(t *testing.T) {
	line := func(at int64, kind int, source, body string) []byte {
		return fmt.Appendf(nil, `{"t":"t","s":%q,"w":0,"n":1,"at":%d,"ce":0,"k":%d,"p":"","b":%s}`, source, at*1e9, kind, body)
	}
	scan := func(table string, id, from, to int64, subjects string) []byte {
		return line(to, kindHoldingScan, "scan/x", fmt.Sprintf(`{"scan":%d,"part":1,"parts":1,"table":%q,"source":"files.unknown","elements":["email"],"from":%d,"to":%d,"rows":1,"subjects":%q}`, id, table, from*1e9, to*1e9, subjects))
	}
	files := [][]byte{scan("www/a.csv", 1, 1000, 1010, "1-3"), scan("www/a.csv", 2, 2000, 2000, "")}
	gate := [][]byte{
		line(1500, kindSourceStart, "gate/shop", `{"start":1,"places":["shop"]}`),
		line(1600, kindHeartbeat, "gate/shop", `{"places":["shop"]}`),
		scan("shop/public.customers", 3, 100, 110, "7"),
	}
	for _, c := range []struct {
		name     string
		lines    [][]byte
		q        Query
		from, to int64 // seconds
		held     uint64
	}{
		{"nothing at all", nil, Query{}, 0, 0, 0},
		{"files alone", files, Query{}, 1000, 2000, 3},
		{"another place", files, Query{Places: []string{"hr"}}, 0, 0, 0},
		{"a gate has its own window", gate, Query{Places: []string{"shop"}}, 1500, 1600, 1},
		{"both", append(files, gate...), Query{}, 1000, 2000, 4},
		{"what was asked for counts", files, Query{From: time.Unix(1500, 0)}, 1500, 2000, 3},
		{"before anything was seen", files, Query{From: time.Unix(800, 0), To: time.Unix(900, 0)}, 800, 900, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, _, err := Evaluate(c.lines, c.q)
			if err != nil {
				t.Fatal(err)
			}
			if r.From.Unix() != c.from || r.To.Unix() != c.to {
				t.Errorf("window %d to %d, want %d to %d", r.From.Unix(), r.To.Unix(), c.from, c.to)
			}
			if r.EverHeld.Subjects != c.held {
				t.Errorf("ever held %d, want %d", r.EverHeld.Subjects, c.held)
			}
		})
	}
}
