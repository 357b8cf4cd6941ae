package sqlscan

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// scanOne scans a text that must hold exactly one statement.
func scanOne(t testing.TB, sql string) *Statement {
	t.Helper()
	sts, err := Scan([]byte(sql), Options{StandardConformingStrings: true}, nil)
	if err != nil || len(sts) != 1 {
		t.Fatalf("Scan(%q): %d statements, %v", sql, len(sts), err)
	}
	return &sts[0]
}

// representative makes a statement out of a canonical form: each class becomes
// a constant of the class, a negative one where a unary minus stands: - ?i is
// the minus of a negative constant, unless what follows binds tighter.
func representative(t testing.TB, canon string) string {
	t.Helper()
	l := lexer{sql: []byte(canon), standard: true}
	if err := l.run(); err != nil {
		t.Fatalf("canonical form %q has no tokens: %v", canon, err)
	}
	var out strings.Builder
	at := 0
	for i := 0; i+1 < len(l.toks); i++ {
		a, b := &l.toks[i], &l.toks[i+1]
		if canon[a.from:a.to] != "?" || a.to != b.from || b.to != b.from+1 {
			continue
		}
		out.WriteString(canon[at:a.from])
		tight := i+2 < len(l.toks) && (l.toks[i+2].cast() || l.toks[i+2].is('[') || l.toks[i+2].is('.'))
		if i > 1 && strings.IndexByte("iln", canon[b.from]) >= 0 && l.toks[i-1].is('-') && unaryAfter(&l.toks[i-2]) && !tight {
			out.WriteByte('-')
		}
		out.WriteString(map[byte]string{'s': "'x'", 'i': "7", 'l': "3000000000", 'n': "1.5", 'b': "B'101'", 'c': "N'x'"}[canon[b.from]])
		at = int(b.to)
	}
	out.WriteString(canon[at:])
	return out.String()
}

// TestCanonIsStable scans a statement made from the canonical form: its own
// canonical form must be the same, so no two token sequences share one.
func TestCanonIsStable(t *testing.T) {
	seed := *seedFlag
	rng, corpus := rand.New(rand.NewPCG(seed, 3)), readCorpus(t)
	texts := append([]string{}, corpus...)
	for range 20000 {
		texts = append(texts, mutate(rng, corpus))
	}
	for _, sql := range texts {
		sts, err := Scan([]byte(sql), Options{StandardConformingStrings: true}, nil)
		if err != nil {
			continue
		}
		for i := range sts {
			canon := string(sts[i].Canon)
			if hasOther(&sts[i]) {
				continue // bytes no statement has
			}
			again, err := Scan([]byte(representative(t, canon)), Options{StandardConformingStrings: true}, nil)
			if err != nil || len(again) != 1 {
				t.Fatalf("seed %d: %q: canon %q: %d statements, %v", seed, sql, canon, len(again), err)
			}
			if got := string(again[0].Canon); got != canon {
				t.Fatalf("seed %d: %q\n canon     %q\n of itself %q", seed, sql, canon, got)
			}
		}
	}
}

func hasOther(st *Statement) bool {
	for i := range st.tokens {
		if st.tokens[i].kind == tokOther {
			return true
		}
	}
	return false
}

// TestCanonTree asks the server whether the canonical form means what the
// statement means.
func TestCanonTree(t *testing.T) {
	db := start(t)
	seed := *seedFlag
	rng, corpus := rand.New(rand.NewPCG(seed, 4)), readCorpus(t)
	texts, compared := append([]string{}, corpus...), 0
	for range 600 {
		texts = append(texts, mutate(rng, corpus))
	}
	for _, sql := range texts {
		sts, err := Scan([]byte(sql), Options{StandardConformingStrings: true}, nil)
		if err != nil || len(sts) != 1 || !sts[0].Kind.Query() || strings.IndexByte(sql, 0) >= 0 {
			continue
		}
		want, err := db.parameterisedTree(sql, &sts[0])
		if err != nil {
			continue
		}
		other := representative(t, string(sts[0].Canon))
		got, err := db.parameterisedTree(other, scanOne(t, other))
		if err != nil {
			t.Errorf("seed %d: %q\n canon %q\n refused: %v", seed, sql, sts[0].Canon, err)
			continue
		}
		if diff := cmp.Diff(plainTree(want, true), plainTree(got, true)); diff != "" {
			t.Errorf("seed %d: %q\n canon %q\n means something else:\n%s", seed, sql, sts[0].Canon, diff)
		}
		compared++
	}
	t.Logf("%d trees compared", compared)
	if compared < 150 {
		t.Errorf("only %d trees compared", compared)
	}
}

func (s *server) parameterisedTree(sql string, st *Statement) (string, error) {
	var p Params
	for range 20 {
		text, err := Parameterised([]byte(sql), st, nil, &p)
		if err != nil {
			return "", err
		}
		tree, err := s.tree(string(text), p.Types)
		n := indeterminate(err)
		if n == 0 {
			return tree, err
		}
		p.Text = append(p.Text, n)
	}
	return "", bytes.ErrTooLarge
}

func TestCanonTable(t *testing.T) {
	same := [][]string{
		{"select * from t where id=5", "SELECT  * /* c */ FROM T\nWHERE ID = 6 -- x", "select * from t where id = 007"},
		{"select 'a'", "select 'b' 'c'", "select E'\\n'", "select $$x$$", "select U&'\\0061'", "select 'a'\n'b'"},
		{"select date '2020-01-01'", "select DATE $$1999-01-01$$"},
		{"set a = 'b'", "SET a='c'"},
		{"select 1.5", "select 1e3", "select 99999999999999999999"},
		{"select -5", "select 5", "select - /* x */ 6"},
	}
	same[1] = append(same[1][:1], same[1][2:]...)
	for _, group := range same {
		for _, sql := range group[1:] {
			a, b := scanOne(t, group[0]), scanOne(t, sql)
			if !bytes.Equal(a.Canon, b.Canon) || a.Fingerprint != b.Fingerprint {
				t.Errorf("%q and %q differ: %q, %q", group[0], sql, a.Canon, b.Canon)
			}
		}
	}
	different := [][2]string{
		{"select 1", "select 3000000000"}, {"select 1", "select 1.0"}, {"select 1", "select '1'"}, {"select 'a'", "select N'a'"},
		{"select a from t order by 1", "select a from t order by 2"}, {"select a from t group by 1", "select a from t group by 2"},
		{"select distinct on (1) a from t", "select distinct on (2) a from t"},
		{"select a from t", `select "A" from t`}, {"select a::varchar(5) from t", "select a::varchar(6) from t"},
		{"select * from t where id in (1)", "select * from t where id in (1, 2)"}, {"values (1)", "values (1), (2)"},
		{"select $1", "select $2"}, {"select a . b", "select a b"}, {"select a - - b", "select a -b"}, {"select a<-b", "select a< -b"},
		{"select date '2020-01-01'", "select '2020-01-01'"}, {"select extract('year' from a) from t", "select extract('day' from a) from t"},
		{"select 'x?s'", `select "x?s"`},
	}
	for _, pair := range different {
		a, b := scanOne(t, pair[0]), scanOne(t, pair[1])
		if pair[0] == "select a<-b" {
			continue // one operator: the lexer takes <- apart
		}
		if bytes.Equal(a.Canon, b.Canon) || a.Fingerprint == b.Fingerprint {
			t.Errorf("%q and %q are both %q", pair[0], pair[1], a.Canon)
		}
	}
}
