package scope

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestPlacesOfWhoIsAway: of the folders and stores of a remote process nobody knows
// what happened since its last sign of life that is here, although no gate stands
// before them; and of a process of which nothing is here, at any time.
func TestPlacesOfWhoIsAway(t *testing.T) {
	const s = int64(time.Second)
	sequence := 0
	line := func(source string, at int64, kind int, body string) []byte {
		sequence++
		return fmt.Appendf(nil, `{"v":1,"t":"test","s":%q,"w":0,"n":%d,"at":%d,"ce":0,"k":%d,"b":%s}`, source, sequence, at, kind, body)
	}
	scan := func(source, table string, at int64) []byte {
		return line(source, at, kindHoldingScan, fmt.Sprintf(`{"scan":1,"part":1,"parts":1,"table":%q,"source":"files@osaka.unknown","elements":["email"],"from":%d,"to":%d,"rows":1,"subjects":"7"}`, table, at, at))
	}
	away := [][]byte{
		line("gate/out@osaka", 1*s, kindSourceStart, `{"start":1,"places":["egress/out@osaka"]}`),
		scan("scan/www@osaka", "www@osaka/list.csv", 2*s),
		line("gate/out@osaka", 5*s, kindHeartbeat, `{"places":["egress/out@osaka"]}`),
		line("process", 60*s, kindRecordDue, `{"sites":["osaka","nagoya"]}`),
	}
	arrived := append(slices.Clone(away), line("gate/out@osaka", 61*s, kindHeartbeat, `{"places":["egress/out@osaka"]}`))
	for _, c := range []struct {
		name  string
		lines [][]byte
		q     Query
		want  []string
	}{
		{"a folder", away, Query{Places: []string{"www@osaka"}}, []string{"www@osaka/list.csv 5-60 @osaka"}},
		{"a file, in a window", away, Query{Places: []string{"www@osaka/list.csv"}, From: time.Unix(3, 0), To: time.Unix(30, 0)}, []string{"www@osaka/list.csv 5-30 @osaka"}},
		{"before it was silent", away, Query{Places: []string{"www@osaka"}, From: time.Unix(1, 0), To: time.Unix(4, 0)}, nil},
		{"everywhere", away, Query{}, []string{"www@osaka/list.csv 5-60 @osaka"}},
		{"a store that nothing is known of", away, Query{Places: []string{"crm@osaka/guests"}, From: time.Unix(3, 0)}, []string{"crm@osaka/guests 5-60 @osaka"}},
		{"of a process that nothing is known of", away, Query{Places: []string{"www@nagoya"}, From: time.Unix(3, 0)}, []string{"www@nagoya 3-60 @nagoya"}},
		{"a web site of it", away, Query{Places: []string{"web/shop@nagoya"}, From: time.Unix(3, 0)}, []string{"web/shop@nagoya 3-60 @nagoya"}},
		{"the record came", arrived, Query{Places: []string{"www@osaka"}}, nil},
		{"a folder of one's own", append(slices.Clone(away), scan("scan/www", "www/list.csv", 2*s)), Query{Places: []string{"www"}}, nil},
		{"a part of a name", append(slices.Clone(away), scan("scan/www", "www/a@osaka", 2*s)), Query{Places: []string{"www"}}, nil},
	} {
		c.q.Silence = 10 * time.Second
		r, _, err := Evaluate(c.lines, c.q)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var got []string
		for _, h := range r.Coverage.Uncovered {
			if h.Reason == ReasonNotArrived {
				got = append(got, fmt.Sprintf("%s %d-%d %s", h.Place, h.From.Unix(), h.To.Unix(), h.Source))
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
	}
}
