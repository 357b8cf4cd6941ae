package sqlscan

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
)

// The tests in this file ask a real PostgreSQL what it makes of a text. They
// are skipped, aloud, where there is none.

// seedFlag lets the random tests run over other texts.
var seedFlag = flag.Uint64("seed", 1, "seed of the mutated texts")

// server is a connection to a private PostgreSQL with the tables the corpus
// names.
type server struct {
	t    testing.TB
	conn *pgconn.PgConn
}

func start(t testing.TB) *server {
	t.Helper()
	s := pgservertest.Start(t, pgserver.Config{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	conn, err := pgconn.Connect(ctx, s.DSN("postgres", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	db := &server{t: t, conn: conn}
	schema, err := os.ReadFile("testdata/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.exec(string(schema)); err != nil {
		t.Fatalf("testdata/schema.sql: %v", err)
	}
	return db
}

// exec runs a simple query and returns the command tags.
func (s *server) exec(sql string) (tags []string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	results, err := s.conn.Exec(ctx, sql).ReadAll()
	for _, r := range results {
		if r.Err == nil {
			tags = append(tags, r.CommandTag.String())
		}
	}
	return tags, err
}

// value returns the first column of the first row of the last result.
func (s *server) value(sql string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	results, err := s.conn.Exec(ctx, sql).ReadAll()
	if err != nil || len(results) == 0 || len(results[len(results)-1].Rows) == 0 {
		return "", err
	}
	return string(results[len(results)-1].Rows[0][0]), nil
}

// verdict is what the raw parser says of a text.
type verdict int

const (
	refused verdict = iota // lexical or grammatical error
	none
	one
	many
)

func (v verdict) String() string { return [...]string{"refused", "none", "one", "many"}[v] }

// parse asks how many statements a text has, by a Parse message: nothing is
// executed. Errors of the raw parser come from its own routines; an error of
// the analysis means there was exactly one statement.
func (s *server) parse(sql string, opt Options) verdict {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, err := s.conn.Prepare(ctx, "", sql, nil)
	var pgErr *pgconn.PgError
	if err == nil {
		if mine, _ := ours(sql, opt); mine == none && s.empty(sql) {
			return none
		}
		return one
	}
	if !errors.As(err, &pgErr) {
		s.t.Fatalf("connection lost over %q: %v", sql, err)
	}
	switch {
	case strings.Contains(pgErr.Message, "multiple commands"):
		return many
	case pgErr.Routine == "scanner_yyerror", pgErr.Routine == "base_yyerror", rawParserRoutine(pgErr.Routine):
		return refused
	case pgErr.Code == "22021", pgErr.Code == "08P01": // encoding, protocol
		return refused
	}
	return one
}

// empty executes a text that we take for empty and says whether it was.
func (s *server) empty(sql string) bool {
	tags, err := s.exec(sql)
	return err == nil && strings.Join(tags, "") == ""
}

// rawParserRoutine lists functions of scan.l, parser.c and gram.y that report
// errors themselves.
func rawParserRoutine(name string) bool {
	switch name {
	case "base_yyparse", "core_yylex", "base_yylex", "check_uescapechar", "str_udeescape", "addunicode", "check_escape_warning",
		"check_string_escape_warning", "unescape_single_char", "insertSelectOptions", "makeOrderedSetArgs", "makeXmlExpr",
		"mergeTableFuncParameters", "TableFuncTypeName", "check_func_name", "check_qualified_name", "check_indirection",
		"extractArgTypes", "SplitColQualList", "processCASbits", "preprocess_pubobj_list", "makeRangeVarFromQualifiedName",
		"makeRangeVarFromAnyName", "makeAConst", "doNegate", "systemTypeName", "pg_strtouint64_wrapper", "errorMissingRTE_":
		return true
	}
	return false
}

// ours is the verdict of this package.
func ours(sql string, opt Options) (verdict, []Statement) {
	sts, err := Scan([]byte(sql), opt, nil)
	switch {
	case err != nil:
		return refused, nil
	case len(sts) == 0:
		return none, nil
	case len(sts) == 1:
		return one, sts
	}
	return many, sts
}

// agree compares verdicts: where the server accepts, so must we, with the same
// pieces; where it refuses, anything goes, for nothing is executed.
func (s *server) agree(sql string) error {
	return s.agreeIn(sql, Options{StandardConformingStrings: true})
}

func (s *server) agreeIn(sql string, opt Options) error {
	theirs := s.parse(sql, opt)
	if theirs == refused {
		return nil
	}
	mine, sts := ours(sql, opt)
	if mine != theirs {
		return fmt.Errorf("%q: ours %v, PostgreSQL %v", sql, mine, theirs)
	}
	if mine != many {
		return nil
	}
	for i := range sts {
		piece := string(sts[i].Span.Of([]byte(sql)))
		if v := s.parse(piece, opt); v != one {
			return fmt.Errorf("%q: piece %d %q is %v to PostgreSQL", sql, i, piece, v)
		}
	}
	return nil
}

func TestSplitAgreesWithPostgres(t *testing.T) {
	db := start(t)
	corpus := readCorpus(t)
	for _, sql := range corpus {
		if err := db.agree(sql); err != nil {
			t.Error(err)
		}
	}
	seed := *seedFlag
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	rounds := 4000
	if testing.Short() {
		rounds = 500
	}
	accepted := 0
	for range rounds {
		sql := mutate(rng, corpus)
		if strings.IndexByte(sql, 0) >= 0 {
			continue
		}
		if db.parse(sql, Options{StandardConformingStrings: true}) != refused {
			accepted++
		}
		if err := db.agree(sql); err != nil {
			t.Errorf("seed %d: %v", seed, err)
			return
		}
	}
	t.Logf("PostgreSQL accepted %d of %d mutated texts", accepted, rounds)
	if accepted < rounds/10 {
		t.Errorf("PostgreSQL accepted only %d of %d mutated texts: the test is blunt", accepted, rounds)
	}
}

// spice are the bytes and words that decide how a text is cut.
var spice = []string{
	";", "'", "''", `"`, `""`, "$$", "$a$", "$1", "$", "--", "-- ;\n", "/*", "*/", "/* ; /* */ ; */", "E'", "e'\\'", "U&'", "U&\"", "B'", "X'", "N'", "\\",
	"\n", "\r", " ", "(", ")", "[", "]", "begin atomic", "end", "case", "case when true then 1 end", "create function f() returns int begin atomic select 1; end",
	"create rule r as on insert to t do (select 1; select 2)", "+-", "@-", "->>", "<>-1", "::", ":=", "1.", ".5", "1e", "1e5", "0x1F", "1_000", "1..2", "é", "\xff", "as", ".", ",",
	"select 1", "'a' \n 'b'", "'a' --x\n 'b'", "'a' 'b'", "uescape '!'", "$a$ ; $a$", "$é$;$é$", "a$b", "\f", "\v", "\x00",
}

// mutate makes a text out of one or two of the corpus: joined, cut, spiced.
func mutate(rng *rand.Rand, corpus []string) string {
	sql := corpus[rng.IntN(len(corpus))]
	if rng.IntN(3) == 0 {
		sql += ";" + corpus[rng.IntN(len(corpus))]
	}
	for range rng.IntN(4) {
		at := rng.IntN(len(sql) + 1)
		switch rng.IntN(4) {
		case 0:
			end := min(len(sql), at+rng.IntN(6))
			sql = sql[:at] + sql[end:]
		case 1:
			other := corpus[rng.IntN(len(corpus))]
			from := rng.IntN(len(other) + 1)
			sql = sql[:at] + other[from:min(len(other), from+rng.IntN(30))] + sql[at:]
		default:
			sql = sql[:at] + spice[rng.IntN(len(spice))] + sql[at:]
		}
	}
	return sql
}

// readCorpus returns the texts of testdata/corpus.sql: one a line, a line break
// inside written as U+23CE.
func readCorpus(t testing.TB) []string {
	t.Helper()
	b, err := os.ReadFile("testdata/corpus.sql")
	if err != nil {
		t.Fatal(err)
	}
	var corpus []string
	for line := range strings.Lines(string(b)) {
		corpus = append(corpus, strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "⏎", "\n"))
	}
	return corpus
}
