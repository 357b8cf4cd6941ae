package datamap

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sekisho/internal/event"
	"sekisho/internal/roll"
)

// dummyGate carries sessions and counts them the way a gate does: it reads the
// server's messages in front of the client. It understands simple queries.
type dummyGate struct {
	upstream string
	listener net.Listener

	mu       sync.Mutex
	roll     roll.Roll
	answer   func() // called, if not nil, when the server has answered a login and nobody knows yet
	changes  map[event.Place]*Changes
	ddl      uint64
	sessions sync.WaitGroup
}

func newDummyGate(t *testing.T, upstream string) *dummyGate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &dummyGate{upstream: upstream, listener: l, changes: map[event.Place]*Changes{}}
	g.sessions.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			g.sessions.Go(func() { g.carry(client) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		g.sessions.Wait()
	})
	return g
}

func (g *dummyGate) dsn(user, database string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable&default_query_exec_mode=simple_protocol", user, g.listener.Addr(), database)
}

func (g *dummyGate) count(change func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change()
}

func (g *dummyGate) Sessions() roll.Count { return g.roll.Count() }

func (g *dummyGate) Presence(pid uint32) roll.Presence { return g.roll.Presence(pid) }

func (g *dummyGate) Changes(p event.Place) Changes {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c := g.changes[p]; c != nil {
		return *c
	}
	return Changes{}
}

func (g *dummyGate) DDL() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ddl
}

// touch changes the counts of a table and of the database.
func (g *dummyGate) touch(table string, change func(*Changes)) {
	g.count(func() {
		for _, p := range []event.Place{"shop", event.Place("shop/public." + table)} {
			if g.changes[p] == nil {
				g.changes[p] = &Changes{}
			}
			change(g.changes[p])
		}
	})
}

func (g *dummyGate) carry(client net.Conn) {
	defer client.Close()
	entry := g.roll.Begin()
	defer entry.End()
	server, err := net.Dial("tcp", g.upstream)
	if err != nil {
		return
	}
	defer server.Close()
	s := &dummySession{gate: g, entry: entry}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.toServer(bufio.NewReader(client), server)
		server.(*net.TCPConn).CloseWrite()
	}()
	fromServer := bufio.NewReader(server)
	g.held(fromServer)
	s.toClient(fromServer, client)
	client.Close()
	<-done
}

// held waits for the server's answer to a login, and as long as the test likes.
func (g *dummyGate) held(fromServer *bufio.Reader) {
	g.mu.Lock()
	answer := g.answer
	g.mu.Unlock()
	if answer == nil {
		return
	}
	if _, err := fromServer.Peek(1); err == nil {
		answer()
	}
}

type dummySession struct {
	gate  *dummyGate
	entry *roll.Entry
	pid   uint32 // of the goroutine that reads the server
	mu    sync.Mutex
	open  []string // tables of the queries under way, "" for none
	ddl   bool
}

var writeRE = regexp.MustCompile(`(?i)^\s*(?:update|insert\s+into|delete\s+from)\s+(\w+)`)

// message copies one message and returns its type and body; first is a
// startup packet, which has no type.
func message(r *bufio.Reader, first bool) (typ byte, raw, body []byte, err error) {
	head := make([]byte, 5)
	if first {
		head = head[:4]
	}
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, nil, nil, err
	}
	size := int(binary.BigEndian.Uint32(head[len(head)-4:]))
	raw = append(head, make([]byte, size-4)...)
	_, err = io.ReadFull(r, raw[len(head):])
	if !first {
		typ = head[0]
	}
	return typ, raw, raw[len(head):], err
}

func (s *dummySession) toServer(r *bufio.Reader, w io.Writer) {
	for first := true; ; first = false {
		typ, raw, body, err := message(r, first)
		if err != nil {
			return
		}
		if typ == 'Q' {
			s.begin(string(body))
		}
		if _, err := w.Write(raw); err != nil {
			return
		}
	}
}

func (s *dummySession) begin(sql string) {
	table := ""
	if m := writeRE.FindStringSubmatch(sql); m != nil {
		table = m[1]
		s.gate.touch(table, func(c *Changes) { c.InFlight++ })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = append(s.open, table)
	if strings.HasPrefix(sql, "CREATE") || strings.HasPrefix(sql, "ALTER") {
		s.ddl = true
		s.gate.count(func() { s.gate.ddl++ })
	}
}

func (s *dummySession) toClient(r *bufio.Reader, w io.Writer) {
	for {
		typ, raw, body, err := message(r, false)
		if err != nil {
			return
		}
		s.seen(typ, body)
		if _, err := w.Write(raw); err != nil {
			return
		}
	}
}

func (s *dummySession) seen(typ byte, body []byte) {
	switch typ {
	case 'K':
		s.pid = binary.BigEndian.Uint32(body)
	case 'C':
		tag := strings.Fields(strings.TrimRight(string(body), "\x00"))
		if n, err := strconv.ParseUint(tag[len(tag)-1], 10, 64); err == nil && tag[0] != "SELECT" {
			s.mu.Lock()
			table := s.open[0]
			s.mu.Unlock()
			s.gate.touch(table, func(c *Changes) { c.Rows += n })
		}
	case 'E':
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.open) > 0 && s.open[0] != "" {
			s.gate.touch(s.open[0], func(c *Changes) { c.Unclear++ })
		}
	case 'Z':
		s.ready()
	}
}

func (s *dummySession) ready() {
	s.entry.Establish(s.pid)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ddl {
		s.ddl = false
		s.gate.count(func() { s.gate.ddl++ })
	}
	if len(s.open) > 0 {
		if s.open[0] != "" {
			s.gate.touch(s.open[0], func(c *Changes) { c.InFlight-- })
		}
		s.open = s.open[1:]
	}
}

var _ Gate = (*dummyGate)(nil)
