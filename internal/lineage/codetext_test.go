package lineage

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// brief is what a text says, in one line.
func (x *text) brief() string {
	var out []string
	if x.unknown != "" {
		return "unknown " + x.unknown
	}
	if x.defines != "" {
		out = append(out, "defines "+x.defines)
	}
	for _, t := range x.targets {
		out = append(out, fmt.Sprintf("writes %s%v", t.name, t.columns))
	}
	if len(x.assigned) > 0 {
		out = append(out, fmt.Sprintf("assigns %q", slices.Sorted(maps.Keys(x.assigned))))
	}
	if x.sets {
		out = append(out, "sets")
	}
	if x.plain {
		out = append(out, "plain")
	}
	return strings.Join(out, ", ")
}

func TestTextOfCode(t *testing.T) {
	for body, want := range map[string]string{
		"BEGIN RETURN upper($1); END":                                                                          "plain",
		"BEGIN r := trim(both ' ' from t); RETURN a IS DISTINCT FROM b; END":                                   "plain",
		"BEGIN x := email FROM customers; END":                                                                 "",
		"BEGIN RETURN (TABLE customers); END":                                                                  "",
		"BEGIN RAISE NOTICE '%', t; END":                                                                       "",
		"BEGIN UPDATE t SET a = 1, b = (SELECT c FROM d), (e, f) = (1, 2) WHERE g; END":                        "writes t[a b e f]",
		"BEGIN UPDATE ONLY \"T\" AS x SET a[1] = 1; END":                                                       "writes T[a]",
		"BEGIN UPDATE t SET a = b IS DISTINCT FROM c, d = e; END":                                              "writes t[a d]",
		"BEGIN UPDATE s.t SET a = extract(year FROM b), d = e FROM u; END":                                     "writes t[a d]",
		"BEGIN INSERT INTO t SELECT 1 ON CONFLICT (a) DO UPDATE SET b = 1; END":                                "writes t[]",
		"BEGIN INSERT INTO \"a\".\"b c\" VALUES (1); DELETE FROM ONLY s . t; END":                              "writes b c[], writes t[]",
		"WITH x AS (DELETE FROM t RETURNING a) INSERT INTO u SELECT a FROM x":                                  "writes t[], writes u[]",
		"MERGE INTO t USING u ON a WHEN MATCHED THEN UPDATE SET b = 1 WHEN NOT MATCHED THEN INSERT VALUES (1)": "writes t[]",
		"BEGIN PERFORM 1 FROM t FOR UPDATE; PERFORM 1 FROM t FOR NO KEY UPDATE; END":                           "",
		"BEGIN EXECUTE 'DELETE FROM t'; END":                                                                   "unknown execute",
		"BEGIN PERFORM a FROM t; -- EXECUTE\n/* EXECUTE /* */ EXECUTE */ END":                                  "",
		"BEGIN x := 'EXECUTE'; y := $a$ EXECUTE $a$; END":                                                      "plain",
		`BEGIN x := 'a\'; y := 1; END`:                                                                         "plain",
		"BEGIN SET standard_conforming_strings = off; END":                                                     "unknown standard_conforming_strings",
		`BEGIN x := E'a\' ; '; y := 1; END`:                                                                    "plain",
		`BEGIN x := U&'a'; END`:                                                                                "unknown constant",
		"BEGIN CREATE TABLE t AS SELECT 1; END":                                                                "defines create",
		"BEGIN COMMENT ON TABLE t IS 'x'; END":                                                                 "defines comment",
		"BEGIN comment := 'x'; END":                                                                            "plain",
		"BEGIN UPDATE set SET x = 1; END":                                                                      "writes set[x]",
		"BEGIN UPDATE, x; END":                                                                                 "unknown target",
		"BEGIN PERFORM set_config('a.b', x, true); END":                                                        "sets",
		"BEGIN SET LOCAL a.b = 'x'; END":                                                                       "sets",
		"BEGIN NEW.a := now(); NEW.b = CURRENT_TIMESTAMP; RETURN NEW; END":                                     "plain",
		"BEGIN NEW.a := NEW.b; RETURN NEW; END":                                                                `assigns ["a"], plain`,
		"BEGIN IF NEW.b = 'x' THEN NEW.a := now(); END IF; RETURN NEW; END":                                    `assigns ["a"], plain`,
		"BEGIN SELECT max(b) INTO NEW.a FROM t; RETURN NEW; END":                                               `assigns ["a"]`,
		"BEGIN NEW := x; RETURN NEW; END":                                                                      `assigns [""], plain`,
		"BEGIN RETURN x; END":                                                                                  `assigns [""], plain`,
		"BEGIN INSERT INTO audit SELECT to_jsonb(NEW); RETURN NULL; END":                                       "writes audit[]",
	} {
		got := readText(body, false).brief()
		if !strings.Contains(body, "RETURN x") && !strings.Contains(body, "NEW") {
			got = strings.TrimPrefix(strings.TrimPrefix(got, `assigns [""], `), `assigns [""]`)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

// TestCodeThatIsMade holds that INTO makes a table in SQL, and none in PL/pgSQL.
func TestCodeThatIsMade(t *testing.T) {
	const body = "SELECT email INTO x FROM customers"
	if got := readText(body, true).brief(); got != "defines into" {
		t.Errorf("in SQL: %q", got)
	}
	if got := readText(body, false).brief(); got != "" {
		t.Errorf("in PL/pgSQL: %q", got)
	}
}

func FuzzTextOfCode(f *testing.F) {
	for _, s := range []string{"BEGIN UPDATE t SET (a", "DELETE FROM a.", "$x$", "/* /* */", "E'\\", `"a""`, "NEW", "NEW.", "UPDATE t * AS x y SET"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		x := readText(body, false)
		if !strings.Contains(strings.ToLower(body), "update") && !strings.Contains(strings.ToLower(body), "into") && !strings.Contains(strings.ToLower(body), "delete") && len(x.targets) > 0 {
			t.Errorf("%q writes %v", body, x.targets)
		}
	})
}
