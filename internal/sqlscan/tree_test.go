package sqlscan

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
)

// TestParameterisedTree asks for every query of the corpus whether the server
// accepts the text with parameters when it accepts the original, and whether
// its analysis is the same but for constants that became parameters.
func TestParameterisedTree(t *testing.T) {
	db := start(t)
	compared := 0
	for _, sql := range readCorpus(t) {
		sts, err := Scan([]byte(sql), Options{StandardConformingStrings: true}, nil)
		if err != nil {
			t.Errorf("%q: %v", sql, err)
			continue
		}
		for i := range sts {
			ok, err := db.sameTree(sql, &sts[i])
			if err != nil {
				t.Error(err)
			}
			if ok {
				compared++
			}
		}
	}
	t.Logf("%d trees compared", compared)
	seed := *seedFlag
	rng, corpus, random := rand.New(rand.NewPCG(seed, 2)), readCorpus(t), 0
	for range 1000 {
		sql := mutate(rng, corpus)
		sts, err := Scan([]byte(sql), Options{StandardConformingStrings: true}, nil)
		if err != nil || len(sts) != 1 || !sts[0].Kind.Query() || strings.IndexByte(sql, 0) >= 0 {
			continue
		}
		ok, err := db.sameTree(sql, &sts[0])
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		if ok {
			random++
		}
	}
	t.Logf("%d mutated trees compared", random)
	if compared < 150 {
		t.Errorf("%d trees compared: the server refused too many originals", compared)
	}
}

// sameTree reports whether the two trees could be compared at all.
func (s *server) sameTree(sql string, st *Statement) (bool, error) {
	if st.Query.Empty() {
		return false, nil
	}
	original := string(appendWithout(nil, []byte(sql), st.Query, st.Into))
	want, err := s.tree(original, nil)
	if err != nil {
		return false, nil
	}
	var p Params
	for try := 0; ; try++ {
		text, err := Parameterised([]byte(sql), st, nil, &p)
		if err != nil {
			return false, err
		}
		got, err := s.tree(string(text), p.Types)
		if n := indeterminate(err); n > 0 && try < 20 {
			p.Text = append(p.Text, n)
			continue
		}
		if err != nil {
			return false, fmt.Errorf("%q\n becomes %q\n refused: %w", sql, text, err)
		}
		if insertSelect.MatchString(original) {
			return true, nil // accepted is all: see there
		}
		if diff := cmp.Diff(plainTree(want, len(p.Text) > 0), plainTree(got, len(p.Text) > 0)); diff != "" {
			return false, fmt.Errorf("%q\n becomes %q\n trees differ (-original +parameterised):\n%s", sql, text, diff)
		}
		return true, nil
	}
}

// insertSelect matches INSERT … SELECT with a string constant in its list: it
// stays of type unknown until the column's type is known, and a parameter
// passes through the subquery as that type.
var insertSelect = regexp.MustCompile(`INSERT INTO .* SELECT .*'`)

var ordinal = regexp.MustCompile(`\$(\d+)`)

// indeterminate returns n of "could not determine data type of parameter $n".
func indeterminate(err error) int {
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != "42P18" {
		return 0
	}
	if m := ordinal.FindStringSubmatch(e.Message); m != nil {
		n, _ := strconv.Atoi(m[1])
		return n
	}
	return 0
}

// tree returns the analysed tree of a query, through a function that is
// rolled back.
func (s *server) tree(query string, types []uint32) (string, error) {
	if _, err := s.exec("BEGIN; SAVEPOINT a"); err != nil {
		return "", err
	}
	defer func() { _, _ = s.exec("ROLLBACK; DEALLOCATE ALL") }()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := s.conn.Prepare(ctx, "q", query, types); err != nil {
		return "", err
	}
	names, err := s.value("SELECT coalesce(array_to_string(parameter_types, ','), '') FROM pg_prepared_statements WHERE name = 'q'")
	if err != nil {
		return "", err
	}
	if _, err := s.exec("CREATE FUNCTION pg_temp.f(" + names + ") RETURNS void LANGUAGE sql BEGIN ATOMIC " + query + "; END"); err != nil {
		return "", err
	}
	return s.value("SELECT prosqlbody FROM pg_proc WHERE proname = 'f'")
}

var (
	constNode = regexp.MustCompile(`\{CONST :consttype (\d+) [^{}]*?:constvalue (?:<>|\d+ \[[^\]]*\])\}`)
	paramNode = regexp.MustCompile(`\{PARAM [^{}]*?:paramtype (\d+) [^{}]*\}`)
	places    = regexp.MustCompile(` :(?:location|stmt_location|stmt_len) -?\d+`)
	// interval(1186) with a modifier: a constant is read with it, a parameter
	// goes through the function interval(interval, integer), 1200.
	interval  = regexp.MustCompile(`\{FUNCEXPR :funcid 1200 [^{}]*:args \((\{LEAF 1186\}) \{LEAF 23\}\)\}`)
	relabel   = regexp.MustCompile(`\{RELABELTYPE :arg (\{LEAF 1186\}) [^{}]*\}`)
	minus     = regexp.MustCompile(`\{OPEXPR :opno (?:558|484|1751) [^{}]*:args \((\{LEAF \d+\})\)\}`) // - -3 and -(3), which are one constant
	unknown   = regexp.MustCompile(`\b705\b`)
	collation = regexp.MustCompile(` :inputcollid \d+`)
)

// plainTree removes places and replaces constants and parameters by their type,
// one node a line. texts says that unknown constants became text.
func plainTree(tree string, texts bool) []string {
	tree = constNode.ReplaceAllString(tree, "{LEAF $1}")
	tree = paramNode.ReplaceAllString(tree, "{LEAF $1}")
	tree = places.ReplaceAllString(tree, "")
	tree = relabel.ReplaceAllString(interval.ReplaceAllString(tree, "$1"), "$1")
	tree = minus.ReplaceAllString(minus.ReplaceAllString(tree, "$1"), "$1")
	if texts {
		tree = unknown.ReplaceAllString(tree, "25")
		tree = collation.ReplaceAllString(tree, "")
	}
	return strings.SplitAfter(tree, "{")
}
