package prove

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"sekisho/internal/gate/pgproxy"
	"sekisho/internal/pgserver"
	"sekisho/internal/policy"
)

// others is the rule for the other sessions of attacks, which come from an
// address of their own and may do everything: what they change is meant to be
// there.
var others = policy.Who{Addresses: []string{"127.0.0.1/32"}}

// strangersMayRead is a policy under which the attacker's session may read what
// is not protected, and nothing else.
func strangersMayRead(t *testing.T) *policy.Policy {
	t.Helper()
	p, err := policy.Compile(&policy.Source{Generation: 1, Default: "deny",
		Rules: []policy.RuleSource{{Name: "others", Who: others, Elements: []string{"*"}, Action: "allow", Bulk: "allow"}}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// decidedAgain are statements that may read what they seem to read when they are
// sent, and turn out to read what the policy refuses.
func decidedAgain() []episode {
	const (
		swap = "BEGIN; ALTER TABLE tours RENAME TO tours_old; CREATE VIEW tours AS SELECT email AS title, points AS id, 0 AS days FROM customers; COMMIT"
		back = "BEGIN; DROP VIEW tours; ALTER TABLE tours_old RENAME TO tours; COMMIT"
		read = "SELECT lower(title) FROM tours"
	)
	after := func(steps ...step) episode {
		known := []step{{aside: read}, {aside: "SELECT title, id FROM tours"}} // else its analysis would wait for the change
		return episode{steps: append(append(known, steps...), step{aside: back}, settle()), writes: true}
	}
	ahead := func(meanwhile string, steps ...step) step {
		return step{simple: "SELECT pg_sleep(600)", cancel: true, ahead: steps, meanwhile: meanwhile}
	}
	described := func(sql string) step {
		return step{described: []message{{parse: &parse{"", sql}}, {bind: &bind{}}}, meanwhile: swap, pipe: []message{{execute: &execute{}}}}
	}
	return []episode{
		after(ahead(swap, simple(read))),
		after(ahead(swap, prepared(read, false, false))),
		after(ahead(swap, prepared(read, true, true))),
		after(ahead(swap, simple("COPY (%s) TO STDOUT", read))),
		after(pipe(message{parse: &parse{"s", read}}), ahead(swap, pipe(message{bind: &bind{statement: "s"}}, message{execute: &execute{rows: 2}}))),
		after(described("COPY (" + read + ") TO STDOUT")),
		after(step{outside: swap + "; GRANT SELECT ON tours TO " + application}, simple("SELECT title, id FROM tours")),
		{steps: []step{{aside: "SELECT a FROM shadow"}, ahead("INSERT INTO shadow (a) SELECT email FROM customers", simple("SELECT a FROM shadow"))}, writes: true},
	}
}

// TestDecidedAgain plays them under a policy in enforce mode: nothing of what
// they turned out to read may reach the client. With the second decision
// switched off it does.
func TestDecidedAgain(t *testing.T) {
	server := startServer(t)
	for _, r := range released(t, server, switches{}) {
		t.Errorf("rows that the policy refuses reached the client:\n%s", r)
	}
	if got, all := len(released(t, server, switches{Switches: pgproxy.Switches{NoAgain: true}})), len(decidedAgain()); got < all/2 {
		t.Errorf("without the rule %d of %d release rows: they prove nothing", got, all)
	}
}

// released returns the statements of decidedAgain that release rows which the
// policy refuses, with what the client received.
func released(t *testing.T, server *pgserver.Server, off switches) (all []string) {
	t.Helper()
	r := rand.New(rand.NewPCG(seeds(t)[0], 0xa6a1))
	l := &lab{server: server, shop: newShop(r), r: r}
	database := fmt.Sprintf("decide_%v", off.NoAgain)
	must(t, server.CreateDatabase(t.Context(), database))
	must(t, server.Exec(t.Context(), database, l.shop.schema()))
	must(t, l.fill(t.Context(), database, mutation{}))
	h := startHouseUnder(t, server.DSN("watch", database), server.Addr(), database, off, &pgproxy.Rules{Policy: strangersMayRead(t), Mode: policy.Enforce})
	for i, e := range decidedAgain() {
		if got := playRefused(t, l, h, i, database, e); rowsIn(got) > 0 {
			all = append(all, fmt.Sprintf("%v\n%s", e, describeBytes(got)))
		}
	}
	h.close()
	return all
}

// rowsIn counts the rows in what a client received.
func rowsIn(got []byte) int {
	return strings.Count("\n"+describeBytes(got), "\n    D ") + strings.Count("\n"+describeBytes(got), "\n    d ")
}

func playRefused(t *testing.T, l *lab, h *insideHouse, i int, database string, e episode) []byte {
	t.Helper()
	must(t, h.settle(t.Context(), database))
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(clientAddress(i))}}
	conn, err := d.DialContext(t.Context(), "tcp", h.addr)
	must(t, err)
	c, err := login(conn, application, database, e.startup)
	must(t, err)
	defer c.close()
	c.outside = func(sql string) error { return l.server.Exec(t.Context(), database, sql) }
	c.cancel = cancels(t.Context(), "tcp", h.addr, c.outside)
	c.settle = func() error { return h.settle(t.Context(), database) }
	// While a taint is being dealt with everything is refused.
	c.between = func() error { return h.protected(t.Context(), database) }
	must(t, c.between())
	c.aside = func(sql string) error {
		d, err := dial(t.Context(), "tcp", h.addr, application, database)
		if err != nil {
			return err
		}
		return d.alone(sql)
	}
	got, err := c.run(e)
	if err != nil {
		t.Fatalf("%v: %v\n%s", e, err, describeBytes(got))
	}
	return got
}
