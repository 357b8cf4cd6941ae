package lineage_test

import (
	"testing"

	"sekisho/internal/lineage"
)

// types checks whose values run code when they are read, wherever they stand.
func (s *shop) types(t *testing.T) {
	const safe = `CREATE DOMAIN address AS text CHECK (VALUE ~ '^[^@]+@[^@]+$' AND char_length(VALUE) < 100 AND lower(VALUE) = VALUE) NOT NULL;
CREATE DOMAIN digit AS int CHECK (VALUE IN (1, 2, 3)) DEFAULT 1;
CREATE TYPE parcel AS (a address, b digit);
CREATE TYPE digits AS RANGE (subtype = int4, subtype_diff = int4range_subdiff)`
	s.ask(t, request("SELECT 1")) // reads the catalogue
	s.refresh(t, safe)
	defer s.refresh(t, "DROP TYPE parcel, digits; DROP DOMAIN address, digit CASCADE")
	ask := func(sql string, types ...lineage.OID) *lineage.Analysis {
		req := request(sql)
		req.ParamTypes, req.ClientParams = types, len(types)
		return s.ask(t, req)
	}
	for _, sql := range []string{
		"SELECT $1::address", "SELECT $1::address[]", "SELECT '{1,2}'::digit[]", "SELECT $1::parcel", "SELECT $1::digits", "SELECT ROW('x@y', 1)::parcel",
		"SELECT NULL::address[]", "SELECT label::digit FROM plain",
	} {
		if an := ask(sql); an.Inputs || an.Opaque != "" {
			t.Errorf("%s: inputs %v, %q", sql, an.Inputs, an.Opaque)
		}
	}
	if s.r.Inputs() {
		t.Error("ordinary types run code")
	}
	s.refresh(t, `CREATE FUNCTION peeks(v text) RETURNS boolean LANGUAGE plpgsql AS $f$BEGIN RETURN EXISTS (SELECT FROM customers WHERE email = v); END$f$;
CREATE FUNCTION beside(v text, w text) RETURNS boolean LANGUAGE sql AS $f$SELECT EXISTS (SELECT FROM customers WHERE email = v)$f$;
CREATE OPERATOR ==== (leftarg = text, rightarg = text, function = beside);
CREATE DOMAIN peeking AS text CHECK (peeks(VALUE));
CREATE DOMAIN above AS peeking;
CREATE DOMAIN tests AS text CHECK (VALUE::peeking IS NOT NULL);
CREATE DOMAIN fetching AS text CHECK (query_to_xml(VALUE, true, true, '') IS NOT NULL);
CREATE DOMAIN compared AS text CHECK (VALUE ==== 'x');
CREATE TYPE pair AS (a peeking, b int);
CREATE TYPE pairs AS (p pair[]);
CREATE TYPE span AS RANGE (subtype = peeking);
CREATE TABLE held (p pairs, n int);
CREATE VIEW seen AS SELECT n, label::peeking AS p FROM plain, held`)
	defer s.refresh(t, `DROP VIEW seen; DROP TABLE held; DROP TYPE span, pairs, pair; DROP DOMAIN compared, fetching, tests, above, peeking;
DROP OPERATOR ==== (text, text); DROP FUNCTION peeks(text), beside(text, text)`)
	for _, sql := range []string{
		"SELECT $1::peeking", "SELECT $1::peeking[]", "SELECT '{x}'::peeking[]", "SELECT $1::above[]", "SELECT $1::tests[]", "SELECT $1::fetching[]", "SELECT $1::compared[]",
		"SELECT $1::pair", "SELECT $1::pairs", "SELECT $1::span", "SELECT $1::span_multirange", "SELECT $1::held", "INSERT INTO held VALUES ($1)", "UPDATE held SET p = $1",
		"SELECT 1 FROM customers WHERE $1::pair IS NULL", "SELECT jsonb_populate_record(NULL::pair, $1)", "SELECT * FROM json_to_record($1) AS j(a peeking)", "SELECT label::peeking FROM plain",
	} {
		if an := ask(sql); !an.Inputs || an.Opaque == "" {
			t.Errorf("%s: inputs %v, %q", sql, an.Inputs, an.Opaque)
		}
	}
	// What is cast when a view is read is not read when the statement is parsed.
	if an := ask("SELECT p FROM seen"); an.Inputs || an.Opaque != "function" {
		t.Errorf("view: inputs %v, %q", an.Inputs, an.Opaque)
	}
	for _, sql := range []string{"SELECT $1::address[]", "SELECT p, n FROM held", "SELECT '{1}'::int[]"} {
		if an := ask(sql); an.Inputs || an.Opaque != "" {
			t.Errorf("%s: inputs %v, %q", sql, an.Inputs, an.Opaque)
		}
	}
	if an := ask("INSERT INTO customers (email) SELECT $1::peeking"); len(an.Writes) != 1 {
		t.Errorf("what it writes: %v", an.Writes)
	}
	if !s.r.Inputs() {
		t.Error("no type runs code")
	}
	if an := ask("SELECT 1", lineage.OID(s.oid(t, "pair"))); !an.Inputs {
		t.Error("a parameter that nobody names is bound all the same")
	}
	s.quiet(t)
}

// quiet: the server reads literals of a text that it cannot be asked about
// without them. What their code does there leaves nothing behind.
func (s *shop) quiet(t *testing.T) {
	s.refresh(t, `CREATE SEQUENCE passed; CREATE TABLE left_behind (v text);
CREATE FUNCTION leaves(v text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $f$BEGIN
	PERFORM nextval('public.passed'), pg_advisory_lock(4711), set_config('statement_timeout', '0', false);
	INSERT INTO public.left_behind VALUES (v);
	IF v = 'long' THEN PERFORM pg_sleep(600); END IF;
	RETURN true; END$f$;
CREATE DOMAIN leaving AS text CHECK (leaves(VALUE))`)
	defer s.refresh(t, "DROP DOMAIN leaving; DROP FUNCTION leaves(text); DROP TABLE left_behind; DROP SEQUENCE passed")
	for _, v := range []string{"x", "y", "x"} {
		req := request("SELECT '{" + v + "}'::leaving[] AS q")
		req.Text, req.ParamTypes = "SELECT nonsense $1", []lineage.OID{0}
		if an := s.ask(t, req); an.Opaque == "" || !an.Inputs {
			t.Errorf("%s: inputs %v, %q", v, an.Inputs, an.Opaque)
		}
	}
	for sql, want := range map[string]string{
		"SELECT is_called FROM passed":                                                                         "t", // it ran
		"SELECT count(*) FROM left_behind":                                                                     "0",
		"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711":                           "0",
		"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sekisho lineage' AND state <> 'idle'": "0",
	} {
		if got := s.count(t, sql); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
	req := request("SELECT '{long}'::leaving[]")
	if an, err := s.r.Analyse(t.Context(), req); an.Opaque == "" { // statement_timeout ends it
		t.Errorf("a literal that takes long: %q, %v", an.Opaque, err)
	}
}

func (s *shop) oid(t *testing.T, name string) (n uint32) {
	for _, c := range s.count(t, "SELECT '"+name+"'::regtype::oid") {
		n = n*10 + uint32(c-'0')
	}
	return n
}
