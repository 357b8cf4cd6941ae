package prove

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// crashRows is the number of customers in the crash proof. Readers take turns
// with the keys: what one received is compared with the scope of its address.
const crashRows = 20_000

const crashProtect = `    protect:
      - table: public.customers
        key: id
        columns: {name: name, email: email}
`

// TestKilledAtAnyInstant kills the whole program with SIGKILL at random
// instants under load. Every row that a client had in its hands must be exact
// in the ledger or inside a bounded intent of that client's session, nothing
// may be confirmed that was not asked for, and the ledger must verify.
func TestKilledAtAnyInstant(t *testing.T) {
	for _, mode := range []string{"default", "strict"} {
		t.Run(mode, func(t *testing.T) {
			kills := int(envNumber(t, "PROVE_KILLS", some(110, 4)))
			seed := seeds(t)[0]
			r := rand.New(rand.NewPCG(seed, uint64(len(mode))))
			server := startServer(t)
			must(t, server.Exec(t.Context(), "postgres", fmt.Sprintf(`CREATE TABLE customers (id int PRIMARY KEY, name text, email text);
INSERT INTO customers SELECT i, '名' || i, 'u' || i || '@mail.example' FROM generate_series(1, %d) i;
GRANT SELECT ON customers TO app, watch`, crashRows)))
			h := install(t, server, "postgres", crashProtect, "    mode: observe\n    strict: "+strconv.FormatBool(mode == "strict")+"\n")
			c := &crash{h: h, r: r, asked: map[string]idSet{}, delivered: map[string]idSet{}}
			for i := range kills {
				c.round(t, i)
			}
			h.up()
			h.stop()
			c.check(t)
		})
	}
}

type idSet map[int]bool

type crash struct {
	h                *house
	r                *rand.Rand
	mu               sync.Mutex
	next             int
	asked, delivered map[string]idSet // by client address
	rows             int
	first            chan struct{} // a row was delivered in this round
}

// round starts the program, lets three clients read and kills it.
func (c *crash) round(t *testing.T, i int) {
	c.h.up()
	c.first = make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for k := range 3 {
		address := fmt.Sprintf("127.%d.%d.%d", 1+k, i/250, 1+i%250)
		limit := 1 + c.r.IntN(40)
		wg.Go(func() { c.read(ctx, address, k, limit) })
	}
	// From the first row on, or during a login when none comes.
	pause := time.Duration(c.r.IntN(150)) * time.Millisecond
	select {
	case <-c.first:
	case <-time.After(2 * time.Second):
	}
	<-time.After(pause)
	c.h.kill()
	cancel()
	wg.Wait()
}

// read reads rows nobody has read, until the connection dies, and keeps what
// arrived. Client 2 ends by itself after some reads.
func (c *crash) read(ctx context.Context, address string, k, limit int) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	conn, err := d.DialContext(ctx, "tcp", c.h.addr())
	if err != nil {
		return
	}
	defer conn.Close()
	fe := pgproto3.NewFrontend(conn, conn)
	fe.Send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: map[string]string{"user": application, "database": "postgres"}})
	if fe.Flush() != nil || !c.receive(fe, address) {
		return
	}
	pace := time.NewTicker(time.Duration(2+k) * time.Millisecond)
	defer pace.Stop()
	for n := 0; k != 2 || n < limit; n++ {
		<-pace.C
		span := []int{1, 15, 60}[k]
		first := c.take(address, span)
		sql := fmt.Sprintf("SELECT id, email FROM customers WHERE id >= %d AND id < %d", first, first+span)
		if k == 0 {
			sql = fmt.Sprintf("SELECT name, email FROM customers WHERE id = %d", first)
		}
		fe.Send(&pgproto3.Query{String: sql})
		if fe.Flush() != nil || !c.receive(fe, address) {
			return
		}
	}
	fe.Send(&pgproto3.Terminate{})
	_ = fe.Flush()
}

// take gives a client the next span keys and returns the first.
func (c *crash) take(address string, span int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next+span > crashRows {
		c.next = 0
	}
	first := c.next + 1
	c.next += span
	set := c.asked[address]
	if set == nil {
		set = idSet{}
		c.asked[address] = set
	}
	for id := first; id < first+span; id++ {
		set[id] = true
	}
	return first
}

// receive keeps the rows up to ReadyForQuery; false when the connection died.
// A row's e-mail address tells whose it is.
func (c *crash) receive(fe *pgproto3.Frontend, address string) bool {
	for {
		m, err := fe.Receive()
		if err != nil {
			return false
		}
		switch m := m.(type) {
		case *pgproto3.DataRow:
			name, _, _ := strings.Cut(string(m.Values[1]), "@")
			id, err := strconv.Atoi(strings.TrimPrefix(name, "u"))
			if err != nil {
				return false
			}
			c.mu.Lock()
			if c.delivered[address] == nil {
				c.delivered[address] = idSet{}
			}
			c.delivered[address][id] = true
			c.rows++
			select {
			case c.first <- struct{}{}:
			default:
			}
			c.mu.Unlock()
		case *pgproto3.ReadyForQuery:
			return true
		}
	}
}

// check asks the scope of every client address.
func (c *crash) check(t *testing.T) {
	c.h.run("verify")
	exact, bounded := 0, 0
	for address, delivered := range c.delivered {
		confirmed, reachable := scopeList(t, c.h, "--address", address)
		for id := range delivered {
			switch {
			case confirmed[id]:
				exact++
			case reachable[id]:
				bounded++
			default:
				t.Errorf("%s received the row of %d: neither confirmed nor reachable", address, id)
			}
		}
		for id := range confirmed {
			if !c.asked[address][id] {
				t.Errorf("%s: %d is confirmed and was never asked for", address, id)
			}
		}
		if t.Failed() {
			break
		}
	}
	t.Logf("%d clients, %d rows delivered: %d exact, %d inside a bounded intent", len(c.delivered), c.rows, exact, bounded)
	if c.rows == 0 {
		t.Error("no row was ever delivered")
	}
}

// scopeList asks the program for a scope and returns the integer keys that are
// confirmed, and those that are confirmed or reachable.
func scopeList(t *testing.T, h *house, filter ...string) (confirmed, reachable idSet) {
	confirmed, reachable = idSet{}, idSet{}
	for line := range strings.Lines(string(h.run(append([]string{"scope", "--list"}, filter...)...))) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 3 {
			t.Fatalf("scope --list printed %q", line)
		}
		id, err := strconv.Atoi(f[2])
		must(t, err)
		switch f[0] {
		case "confirmed":
			confirmed[id], reachable[id] = true, true
		case "reachable":
			reachable[id] = true
		}
	}
	return confirmed, reachable
}
