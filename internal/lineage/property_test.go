package lineage_test

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/lineage"
	"sekisho/internal/lineage/lineagetest"
	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
)

// open starts a server with the schema in database shop and returns its
// superuser connection and the connection string of the control role, which
// may make temporary objects and nothing else.
func open(t testing.TB, schema string) (pg *pgconn.PgConn, control string) {
	t.Helper()
	ctx := t.Context()
	s := pgservertest.Start(t, pgserver.Config{})
	if err := s.CreateDatabase(ctx, "shop"); err != nil {
		t.Fatal(err)
	}
	setup := "CREATE ROLE control LOGIN; CREATE ROLE app LOGIN; GRANT TEMP ON DATABASE shop TO control;"
	if err := s.Exec(ctx, "shop", setup+schema); err != nil {
		t.Fatal(err)
	}
	pg, err := pgconn.Connect(ctx, s.DSN(pgserver.Superuser, "shop"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return pg, s.DSN("control", "shop")
}

func reader(t testing.TB, conf lineage.Config) *lineage.Reader {
	t.Helper()
	r, err := lineage.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r
}

func number(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// TestClaimsHoldTruth runs generated statements and checks, against the truth
// of DESIGN §1 (change or delete one subject's rows, compare what is
// delivered), that
//
//	confirmed ⊆ truth ⊆ reachable, per subject and per changed element,
//	a bare statement's result does not depend on any protected column.
//
// SEKISHO_LINEAGE_SEED and SEKISHO_LINEAGE_RUNS choose the statements.
func TestClaimsHoldTruth(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: needs a PostgreSQL and seconds")
	}
	ctx := t.Context()
	pg, control := open(t, lineagetest.Schema+"GRANT SELECT ON ALL TABLES IN SCHEMA public TO app;")
	w, err := lineagetest.NewWorld(ctx, pg, "shop", lineagetest.Tables())
	if err != nil {
		t.Fatal(err)
	}
	r := reader(t, lineage.Config{ConnString: control, Place: "shop", Tables: lineagetest.Tables(), Public: []string{"public.shops"}})
	seed := uint64(number("SEKISHO_LINEAGE_SEED", 1))
	t.Logf("SEKISHO_LINEAGE_SEED=%d", seed)
	tally := lineagetest.Tally{}
	for i := range number("SEKISHO_LINEAGE_RUNS", 60) {
		st := lineagetest.Generate(rand.New(rand.NewPCG(seed, uint64(i))))
		an, err := r.Analyse(ctx, lineage.Request{SQL: st.SQL, SearchPath: "public", SessionUser: "app", ClientParams: len(st.Params), Partial: st.Take > 0})
		if err != nil {
			t.Fatalf("%d: %v\n%s", i, err, st.SQL)
		}
		problems, err := w.Check(ctx, st, an, &tally)
		if err != nil {
			t.Fatalf("%d: %v\n%s", i, err, st.SQL)
		}
		if in := an.Injectable; in != nil {
			more, err := w.CheckInjection(ctx, st, in, &tally)
			if err != nil {
				t.Fatalf("%d: %v\n%s", i, err, st.SQL)
			}
			problems = append(problems, more...)
		}
		for _, p := range problems {
			t.Errorf("statement %d: %s\n  %s\n  %v\n  %s", i, p, st.SQL, st.Params, lineagetest.Describe(an))
		}
	}
	t.Log(tally)
	if tally.Run < tally.Refused {
		t.Errorf("only %d statements ran, %d were refused: the generator is broken", tally.Run, tally.Refused)
	}
}
