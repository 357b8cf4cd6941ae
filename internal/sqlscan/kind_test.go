package sqlscan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tags are the command tags (without count) that a statement of a kind may
// end with.
var tags = map[Kind][]string{
	Select: {"SELECT"}, Values: {"SELECT"}, Table: {"SELECT"}, Insert: {"INSERT"}, Update: {"UPDATE"}, Delete: {"DELETE"},
	Merge: {"MERGE"}, Copy: {"COPY"}, DeclareCursor: {"DECLARE CURSOR"}, Fetch: {"FETCH"}, Move: {"MOVE"},
	CloseCursor: {"CLOSE CURSOR", "CLOSE CURSOR ALL"}, Prepare: {"PREPARE"}, Execute: {"SELECT", "INSERT"}, Deallocate: {"DEALLOCATE", "DEALLOCATE ALL"},
	Set: {"SET"}, Reset: {"RESET"}, Show: {"SHOW"}, Begin: {"BEGIN", "START TRANSACTION"}, Commit: {"COMMIT", "ROLLBACK"}, Rollback: {"ROLLBACK"},
	Savepoint: {"SAVEPOINT"}, Release: {"RELEASE"}, RollbackTo: {"ROLLBACK"}, PrepareTransaction: {"PREPARE TRANSACTION", "ROLLBACK"},
	CreateTableAs: {"SELECT", "CREATE TABLE AS"}, CreateTable: {"CREATE TABLE"}, CreateView: {"CREATE VIEW"},
	CreateMaterializedView: {"SELECT", "CREATE MATERIALIZED VIEW"}, RefreshMaterializedView: {"REFRESH MATERIALIZED VIEW"},
	CreateRoutine: {"CREATE FUNCTION", "CREATE PROCEDURE"}, DDL: {"CREATE INDEX", "CREATE SEQUENCE", "CREATE ROLE", "CREATE SCHEMA", "CREATE RULE", "CREATE TRIGGER", "ALTER TABLE", "DROP TABLE", "COMMENT", "REASSIGN OWNED"},
	AlterSystem: {"ALTER SYSTEM"}, Truncate: {"TRUNCATE TABLE"}, Call: {"CALL"}, Do: {"DO"}, Explain: {"EXPLAIN"}, Listen: {"LISTEN"},
	Unlisten: {"UNLISTEN"}, Notify: {"NOTIFY"}, Lock: {"LOCK TABLE"}, Vacuum: {"VACUUM"}, Analyze: {"ANALYZE"}, Cluster: {"CLUSTER"},
	Reindex: {"REINDEX"}, Discard: {"DISCARD ALL", "DISCARD TEMP"}, Grant: {"GRANT"}, Revoke: {"REVOKE"}, Checkpoint: {"CHECKPOINT"},
	Load: {"LOAD"}, SetConstraints: {"SET CONSTRAINTS"},
}

// TestKindAgreesWithTag executes the corpus and compares what each statement
// is called, and how many statements of a text were executed.
func TestKindAgreesWithTag(t *testing.T) {
	db := start(t)
	seen := map[Kind]bool{}
	for _, sql := range readCorpus(t) {
		sts, err := Scan([]byte(sql), Options{StandardConformingStrings: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c, ok := ParseCopy([]byte(sql), scanFirst(sts)); ok && !c.To && c.Where == CopyClient {
			continue // would wait for data
		}
		got, execErr := db.exec(sql)
		if execErr == nil && len(got) != len(sts) && len(sts) > 0 {
			t.Errorf("%q: %d statements, tags %q", sql, len(sts), got)
			continue
		}
		for i := range min(len(got), len(sts)) {
			tag := strings.TrimRight(got[i], " 0123456789")
			if !contains(tags[sts[i].Kind], tag) {
				t.Errorf("%q: statement %d is %v, tag %q", sql, i, sts[i].Kind, tag)
			}
			seen[sts[i].Kind] = true
		}
		if strings.HasPrefix(sql, "BEGIN") || strings.HasPrefix(sql, "START") || execErr != nil {
			_, _ = db.exec("ROLLBACK")
		}
		if _, err := db.exec("RESET SESSION AUTHORIZATION; RESET ROLE; SET search_path = public"); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kinds executed", len(seen))
	if len(seen) < 35 {
		t.Errorf("only %d kinds were executed", len(seen))
	}
}

func scanFirst(sts []Statement) *Statement {
	if len(sts) == 0 {
		return &Statement{}
	}
	return &sts[0]
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func TestStatements(t *testing.T) {
	type facts struct {
		Kind, Inner         Kind
		Name, Target, Query string
		All                 bool
		Flags               Flags
		Into                string
	}
	for _, tc := range []struct {
		sql  string
		want facts
	}{
		{"select * from t", facts{Kind: Select, Query: "select * from t"}},
		{"select a into temp x from t", facts{Kind: Select, Query: "select a into temp x from t", Target: "x", Into: "into temp x", Flags: Temporary}},
		{"with d as (delete from x returning *) insert into public.\"T t\" select * from d", facts{Kind: Insert, Query: "with d as (delete from x returning *) insert into public.\"T t\" select * from d", Target: "public.T t", Flags: HasWith | ModifyingCTE}},
		{"with update as (select 1) select 2", facts{Kind: Select, Query: "with update as (select 1) select 2", Flags: HasWith}},
		{"update only c set a = 1 returning *", facts{Kind: Update, Query: "update only c set a = 1 returning *", Target: "c", Flags: Returning}},
		{"select 1 for no key update", facts{Kind: Select, Query: "select 1 for no key update", Flags: LockingClause}},
		{"declare \"C\" no scroll cursor with hold for select 1", facts{Kind: DeclareCursor, Inner: Select, Name: "C", Query: "select 1", Flags: Hold}},
		{"declare c scroll cursor for table t", facts{Kind: DeclareCursor, Inner: Table, Name: "c", Query: "table t", Flags: Scroll}},
		{"fetch forward 5 from C", facts{Kind: Fetch, Name: "c"}},
		{"close all", facts{Kind: CloseCursor, All: true}},
		{"prepare p (int, varchar(5)) as delete from t", facts{Kind: Prepare, Inner: Delete, Name: "p", Query: "delete from t", Target: "t"}},
		{"prepare transaction 'x'", facts{Kind: PrepareTransaction}},
		{"execute P(1)", facts{Kind: Execute, Name: "p"}},
		{"deallocate prepare p", facts{Kind: Deallocate, Name: "p"}},
		{"deallocate all", facts{Kind: Deallocate, All: true}},
		{"set local Search_Path = x", facts{Kind: Set, Name: "search_path", Flags: Local}},
		{"set session a.b to 1", facts{Kind: Set, Name: "a.b", Flags: SessionWide}},
		{"set time zone 'x'", facts{Kind: Set, Name: "time zone"}},
		{"set session authorization x", facts{Kind: Set, Name: "session authorization"}},
		{"set role x", facts{Kind: Set, Name: "role"}},
		{"reset all", facts{Kind: Reset, All: true}},
		{"rollback to savepoint s", facts{Kind: RollbackTo, Name: "s"}},
		{"release s", facts{Kind: Release, Name: "s"}},
		{"commit prepared 'x'", facts{Kind: CommitPrepared}},
		{"create temp table x as select 1 with no data", facts{Kind: CreateTableAs, Inner: Select, Target: "x", Query: "select 1", Flags: Temporary}},
		{"create table pg_temp.x (a int)", facts{Kind: CreateTable, Target: "pg_temp.x", Flags: Temporary}},
		{"create table x as execute p(1)", facts{Kind: CreateTableAs, Inner: Execute, Target: "x", Name: "p"}},
		{"create or replace view v (a) as select 1 with cascaded check option", facts{Kind: CreateView, Inner: Select, Target: "v", Query: "select 1"}},
		{"create materialized view if not exists m as table t with data", facts{Kind: CreateMaterializedView, Inner: Table, Target: "m", Query: "table t"}},
		{"refresh materialized view concurrently s.m", facts{Kind: RefreshMaterializedView, Target: "s.m"}},
		{"explain (analyze, format json) select 1", facts{Kind: Explain, Inner: Select, Query: "select 1", Flags: Executes}},
		{"explain (analyze off) select 1", facts{Kind: Explain, Inner: Select, Query: "select 1"}},
		{"explain analyze create table x as select 1", facts{Kind: Explain, Inner: CreateTableAs, Query: "select 1", Target: "x", Flags: Executes}},
		{"explain execute p", facts{Kind: Explain, Inner: Execute, Name: "p"}},
		{"copy (select 1) to stdout", facts{Kind: Copy, Inner: Select, Query: "select 1"}},
		{"copy s.t (a) from stdin", facts{Kind: Copy, Target: "s.t"}},
		{"truncate table only t", facts{Kind: Truncate, Target: "t"}},
		{"listen \"Ch\"", facts{Kind: Listen, Name: "Ch"}},
		{"unlisten *", facts{Kind: Unlisten, All: true}},
		{"alter system set a = 1", facts{Kind: AlterSystem}},
		{"call s.p(1)", facts{Kind: Call, Target: "s.p"}},
		{"nonsense", facts{Kind: Unknown}},
	} {
		st := scanOne(t, tc.sql)
		b := []byte(tc.sql)
		got := facts{st.Kind, st.Inner, string(AppendName(nil, b, st.Name)), string(AppendName(nil, b, st.Target)), string(st.Query.Of(b)), st.All, st.Flags, string(st.Into.Of(b))}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tc.sql, diff)
		}
	}
}

func TestParseCopy(t *testing.T) {
	text := CopyInfo{Delimiter: '\t', Null: []byte(`\N`)}
	with := func(base CopyInfo, change func(*CopyInfo)) CopyInfo { change(&base); return base }
	csv := CopyInfo{Format: CopyCSV, Delimiter: ',', Quote: '"', Escape: '"'}
	for _, tc := range []struct {
		sql  string
		want CopyInfo
	}{
		{"copy t from stdin", text},
		{"copy t to stdout", with(text, func(c *CopyInfo) { c.To = true })},
		{"copy t from '/x' where a > 1", with(text, func(c *CopyInfo) { c.Where, c.Filter = CopyFile, true })},
		{"copy t to program 'cat'", with(text, func(c *CopyInfo) { c.To, c.Where = true, CopyProgram })},
		{"copy binary t to stdout", with(text, func(c *CopyInfo) { c.To, c.Format, c.Null = true, CopyBinary, nil })},
		{"copy t to stdout with csv header quote as '''' escape '\\' force quote *", with(csv, func(c *CopyInfo) { c.To, c.Header, c.Quote, c.Escape, c.ForceQuote = true, true, '\'', '\\', true })},
		{"copy t from stdin (format 'csv', header match, null 'x', force_not_null (a, b), delimiter E'\\t', freeze)", with(csv, func(c *CopyInfo) {
			c.Header, c.Null, c.ForceNull, c.Delimiter, c.Freeze = true, []byte("x"), true, '\t', true
		})},
		{"copy t from stdin using delimiters '|' with null as ''", with(text, func(c *CopyInfo) { c.Delimiter, c.Null = '|', []byte{} })},
		{"copy (select 1) to stdout (header false, encoding 'UTF8')", with(text, func(c *CopyInfo) { c.To, c.Encoding = true, []byte("UTF8") })},
	} {
		got, ok := ParseCopy([]byte(tc.sql), scanOne(t, tc.sql))
		if diff := cmp.Diff(tc.want, got); diff != "" || !ok {
			t.Errorf("%q: %v (-want +got):\n%s", tc.sql, ok, diff)
		}
	}
	sql := `copy t (a, "B b") to stdout`
	info, ok := ParseCopy([]byte(sql), scanOne(t, sql))
	if !ok || len(info.Columns) != 2 || string(AppendName(nil, []byte(sql), info.Columns[1])) != "B b" {
		t.Errorf("%q: %+v %v", sql, info, ok)
	}
	for _, sql := range []string{"copy t", "copy t to", "copy t to stdout (format xml)", "copy t from stdin (delimiter 'ab')", "copy t (a from stdin", "copy t to stdout bogus"} {
		if info, ok := ParseCopy([]byte(sql), scanOne(t, sql)); ok {
			t.Errorf("%q: %+v", sql, info)
		}
	}
}

func TestArguments(t *testing.T) {
	sql := "execute p(5, 'x', f(1, 2), null, -3, array[1, 2], $1)"
	st := scanOne(t, sql)
	var got []string
	for _, a := range Arguments(st, nil) {
		s := string(a.Span.Of([]byte(sql)))
		if a.Literal >= 0 {
			v, _ := st.Literals[a.Literal].AppendValue(nil, []byte(sql))
			s += " = " + string(v)
		}
		if a.Null {
			s += " is null"
		}
		got = append(got, s)
	}
	want := []string{"5 = 5", "'x' = x", "f(1, 2)", "null is null", "-3 = -3", "array[1, 2]", "$1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWordsAndNormalised(t *testing.T) {
	sql := "SELECT \"Mixed\", Name FROM Tmp.T -- secret\nWHERE a='secret' AND b IN (1,2) /* secret */ AND d=date'2020-01-01'AND c::varchar(10)=$1 ORDER BY 1"
	st := scanOne(t, sql)
	var words []string
	st.EachWord([]byte(sql), func(w []byte) bool {
		words = append(words, string(w))
		return true
	})
	want := "select Mixed name from tmp t where a and b in and d date and c varchar order by"
	if got := strings.Join(words, " "); got != want {
		t.Errorf("words %q, want %q", got, want)
	}
	wantText := "SELECT \"Mixed\", Name FROM Tmp.T WHERE a=$2 AND b IN ($3,$4) AND d=date $5 AND c::varchar(10)=$1 ORDER BY 1"
	if got := string(Normalised([]byte(sql), st, nil)); got != wantText {
		t.Errorf("normalised %q, want %q", got, wantText)
	}
}
