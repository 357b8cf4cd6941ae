package prove

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sekisho/internal/pgserver"
)

// application is the role that every episode uses: it owns nothing and may
// read and write all of the shop.
const application = "app"

// lab is one private server with a shop and its mutated copies.
type lab struct {
	server *pgserver.Server
	shop   *shop
	truth  *truth
	r      *rand.Rand
}

// startServer starts a private PostgreSQL for one test, or skips aloud.
func startServer(t testing.TB) *pgserver.Server {
	t.Helper()
	server, err := pgserver.Start(t.Context(), pgserver.Config{Settings: map[string]string{
		"max_connections": "120", "autovacuum": "off", "jit": "off", "shared_buffers": "64MB", "wal_level": "minimal", "max_wal_senders": "0", "max_prepared_transactions": "10",
	}})
	if errors.Is(err, pgserver.ErrMissing) {
		t.Skipf("SKIPPED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := server.Exec(t.Context(), "postgres", "CREATE ROLE "+application+" LOGIN; CREATE ROLE watch LOGIN"); err != nil {
		t.Fatal(err)
	}
	return server
}

// newLab makes the databases of one seed: base (for the gate), mirror, and one
// for each mutation. Names end in the seed so that seeds share a server.
func newLab(t testing.TB, server *pgserver.Server, seed uint64) *lab {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0x5ec1540))
	l := &lab{server: server, shop: newShop(r), r: r}
	at := func(database string) endpoint {
		return endpoint{"tcp", server.Addr(), application, database, server.Exec, &otherSession{}}
	}
	l.truth = &truth{shop: l.shop, mirror: at(fmt.Sprintf("mirror_%d", seed)), mutations: l.shop.mutations()}
	type job struct {
		database string
		m        mutation
	}
	jobs := []job{{l.base(seed), mutation{}}, {l.truth.mirror.database, mutation{}}}
	for i, m := range l.truth.mutations {
		name := fmt.Sprintf("m%d_%d", i, seed)
		l.truth.mutated = append(l.truth.mutated, at(name))
		jobs = append(jobs, job{name, m})
	}
	template := fmt.Sprintf("template_%d", seed)
	must(t, server.CreateDatabase(t.Context(), template))
	must(t, server.Exec(t.Context(), template, l.shop.schema()))
	for _, j := range jobs {
		must(t, server.Clone(t.Context(), template, j.database))
	}
	var wg sync.WaitGroup
	limit := make(chan struct{}, 2)
	for _, j := range jobs {
		wg.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			if err := l.fill(t.Context(), j.database, j.m); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	t.Cleanup(func() {
		for _, at := range append(l.truth.mutated, l.truth.mirror) {
			at.other.close()
		}
		for _, j := range append(jobs, job{template, mutation{}}) {
			if err := server.DropDatabase(context.Background(), j.database); err != nil {
				t.Log(err)
			}
		}
	})
	return l
}

// newBase makes the database of one seed that the gate has, without what the
// truth is found with.
func newBase(t testing.TB, server *pgserver.Server, seed uint64) *lab {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0x5ec1540))
	l := &lab{server: server, shop: newShop(r), r: r}
	must(t, server.CreateDatabase(t.Context(), l.base(seed)))
	must(t, server.Exec(t.Context(), l.base(seed), l.shop.schema()))
	must(t, l.fill(t.Context(), l.base(seed), mutation{}))
	return l
}

func (l *lab) base(seed uint64) string { return fmt.Sprintf("base_%d", seed) }

func (l *lab) fill(ctx context.Context, database string, m mutation) error {
	return l.server.Exec(ctx, database, l.shop.load(m)+`
GRANT USAGE, CREATE ON SCHEMA public TO `+application+`;
GRANT USAGE ON SCHEMA other TO `+application+`, watch;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO watch;
ALTER DEFAULT PRIVILEGES FOR ROLE `+application+` IN SCHEMA public GRANT SELECT ON TABLES TO watch;
GRANT ALL ON ALL TABLES IN SCHEMA public, other TO `+application+`;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO `+application+`;
ALTER MATERIALIZED VIEW roll OWNER TO `+application+`;
ALTER TABLE tours OWNER TO `+application+`;
`)
}

// episodes draws n episodes of every class, laundering classes last.
// Without classes it draws of all; one that ends in * stands for all that
// begin so.
func (l *lab) episodes(n int, classes ...string) []episode {
	g := &gen{r: l.r, s: l.shop}
	var all []episode
	for _, k := range kinds() {
		if len(classes) > 0 && !slices.ContainsFunc(classes, func(c string) bool {
			return c == k.class || strings.HasSuffix(c, "*") && strings.HasPrefix(k.class, c[:len(c)-1])
		}) {
			continue
		}
		for range n {
			e := k.make(g)
			e.class = k.class
			all = append(all, e)
		}
	}
	return all
}

// whole skips a test that takes minutes unless the proofs were asked for.
func whole(t testing.TB) {
	t.Helper()
	if os.Getenv("PROVE") == "" {
		t.Skip("SKIPPED: takes minutes; run make prove")
	}
}

// some returns all when the proofs were asked for, else few.
func some(all, few uint64) uint64 {
	if os.Getenv("PROVE") == "" {
		return few
	}
	return all
}

// seeds returns the seeds to prove: PROVE_SEEDS of them from PROVE_SEED on.
func seeds(t testing.TB) []uint64 {
	first, count := envNumber(t, "PROVE_SEED", 1), envNumber(t, "PROVE_SEEDS", 1)
	var all []uint64
	for i := range count {
		all = append(all, first+i)
	}
	return all
}

func envNumber(t testing.TB, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s=%q: %v", name, text, err)
	}
	return n
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestTruthIsSharp proves the generator and the truth themselves: the mirror is
// deterministic, every sharp class delivers somebody's data sooner or later,
// and a statement without a crossing has nobody in its truth.
func TestTruthIsSharp(t *testing.T) {
	whole(t)
	l := newLab(t, startServer(t), seeds(t)[0])
	seen := map[string]int{}
	look := func(e episode) {
		set, delivered, err := l.truth.of(t.Context(), e)
		if err != nil {
			t.Fatalf("%v: %v", e, err)
		}
		if again, err := play(t.Context(), l.truth.mirror, e); err != nil {
			t.Fatal(err)
		} else if !e.writes && string(again) != string(delivered) {
			t.Errorf("%v\nis not deterministic:\n%s---\n%s", e, describeBytes(delivered), describeBytes(again))
		}
		seen[e.class] += len(set)
		if testing.Verbose() {
			t.Logf("%v\n  truth %d of %d\n%s", e, len(set), len(l.shop.keys), describeBytes(delivered))
		}
	}
	for _, e := range l.episodes(3) {
		look(e)
	}
	for _, k := range kinds() { // three draws may all choose nobody
		for n := 0; n < 20 && seen[k.class] == 0 && k.class != "no crossing" && !strings.HasPrefix(k.class, "attack: "); n++ {
			look(l.episodes(1, k.class)[0])
		}
	}
	for _, k := range kinds() {
		// An attack may fail on the server itself.
		if seen[k.class] == 0 && k.class != "no crossing" && !strings.HasPrefix(k.class, "attack: ") {
			t.Errorf("class %q never delivered anybody's data", k.class)
		}
	}
	if seen["no crossing"] != 0 {
		t.Errorf("statements without a crossing delivered %d subjects", seen["no crossing"])
	}
}
