package myclient_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/wire/myclient"
	"sekisho/internal/wire/myclient/myclienttest"
)

// rows asks and returns rows as text.
func rows(t *testing.T, c *myclient.Conn, sql string) (out []string) {
	t.Helper()
	err := c.Query(t.Context(), sql, nil, func(values [][]byte) error {
		if values == nil {
			out = append(out, "too long")
			return nil
		}
		var row []string
		for _, v := range values {
			if v == nil {
				row = append(row, "NULL")
				continue
			}
			row = append(row, string(v))
		}
		out = append(out, strings.Join(row, "|"))
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return out
}

func TestRealServer(t *testing.T) {
	s := myclienttest.Start(t)
	t.Run("questions", func(t *testing.T) { testQuestions(t, s) })
	t.Run("long rows", func(t *testing.T) { testLongRows(t, s) })
}

func testQuestions(t *testing.T, s *myclienttest.Server) {
	s.Exec(t, "CREATE DATABASE shop CHARACTER SET utf8mb4", "CREATE TABLE shop.t (id INT PRIMARY KEY, name TEXT, raw BLOB)",
		"INSERT INTO shop.t VALUES (1, '髙橋 𠮷野', x'00FF'), (2, NULL, NULL), (3, '', '')",
		"CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'reading'", "GRANT SELECT ON shop.* TO reader@'127.0.0.1'")
	cfg := myclient.Config{Address: s.Address, User: "reader", Password: "reading", Database: "shop"}
	secure := cfg
	secure.TLS = &tls.Config{RootCAs: s.CA, ServerName: "localhost"}
	for name, cfg := range map[string]myclient.Config{"plain": cfg, "tls": secure} {
		c, err := myclient.Dial(t.Context(), cfg)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer c.Close()
		var columns []myclient.Column
		if err := c.Query(t.Context(), "SELECT id AS n, name, raw, 1+1 FROM t LIMIT 0", func(list []myclient.Column) error { columns = list; return nil }, nil); err != nil {
			t.Fatal(err)
		}
		want := []myclient.Column{{Schema: "shop", Table: "t", Origin: "id", Name: "n"}, {Schema: "shop", Table: "t", Origin: "name", Name: "name"},
			{Schema: "shop", Table: "t", Origin: "raw", Name: "raw", Binary: true}, {Name: "1+1"}}
		if d := cmp.Diff(want, columns); d != "" {
			t.Errorf("columns (-want +got):\n%s", d)
		}
		if d := cmp.Diff([]string{"1|髙橋 𠮷野|\x00\xff", "2|NULL|NULL", "3||"}, rows(t, c, "SELECT id, name, raw FROM t ORDER BY id")); d != "" {
			t.Errorf("%s: rows (-want +got):\n%s", name, d)
		}
		if got := rows(t, c, "SHOW STATUS LIKE 'Ssl_cipher'"); (got[0] != "Ssl_cipher|") != (name == "tls") {
			t.Errorf("%s: %q", name, got)
		}
		if err := c.Exec(t.Context(), "INSERT INTO t VALUES (4, 'secret', '')"); err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "1142") {
			t.Errorf("a forbidden statement: %v", err)
		}
		if got := rows(t, c, "SELECT 5"); got[0] != "5" { // a refusal ends nothing
			t.Errorf("after a refusal: %q", got)
		}
	}
	cfg.Password = "guessed"
	if _, err := myclient.Dial(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "wrong user or password") || strings.Contains(err.Error(), "guessed") {
		t.Errorf("wrong password: %v", err)
	}
	secure.TLS = &tls.Config{RootCAs: s.CA, ServerName: "elsewhere"}
	if _, err := myclient.Dial(t.Context(), secure); err == nil {
		t.Error("a certificate of another name was taken")
	}
}

// Rows above the limit are read past, and those of several packets are whole.
func testLongRows(t *testing.T, s *myclienttest.Server) {
	s.Exec(t, "SET GLOBAL max_allowed_packet = 67108864")
	dial := func(most int) *myclient.Conn {
		c, err := myclient.Dial(t.Context(), myclient.Config{Address: s.Socket, User: "root", Password: myclienttest.Password, MaxRow: most})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	const sql = "SELECT 'a' UNION ALL SELECT REPEAT('x', 20000000) UNION ALL SELECT 'b'"
	if d := cmp.Diff([]string{"a", "too long", "b"}, rows(t, dial(1<<20), sql)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := rows(t, dial(32<<20), sql); len(got) != 3 || len(got[1]) != 20000000 {
		t.Errorf("%d rows, the long one of %d bytes", len(got), len(got[1]))
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	c := dial(0)
	err := c.Query(ctx, "SELECT seq, SLEEP(seq > 1) FROM mysql.user JOIN (SELECT 1 AS seq UNION SELECT 100) x", nil, func([][]byte) error { cancel(stopped); return nil })
	if err != nil && !errors.Is(err, stopped) {
		t.Errorf("a stopped question: %v", err)
	}
}

// script is a server that says what it was told to.
func script(t testing.TB, packets ...[]byte) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		for i, p := range packets {
			seq := byte(2 * i)
			if _, err := conn.Write(append([]byte{byte(len(p)), byte(len(p) >> 8), byte(len(p) >> 16), seq}, p...)); err != nil {
				return
			}
			if i < len(packets)-1 {
				head := make([]byte, 4)
				if _, err := in.Read(head); err != nil {
					return
				}
				in.Discard(int(head[0]) | int(head[1])<<8)
			}
		}
	}()
	return l.Addr().String()
}

// greeting is what a server says first (Protocol::HandshakeV10).
func greeting(plugin string) []byte {
	p := append([]byte{10}, "5.7\x00\x01\x00\x00\x00abcdefgh\x00\xff\xf7\x2d\x02\x00\xff\x81\x15\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00ijklmnopqrst\x00"...)
	return append(append(p, plugin...), 0)
}

// What a server could do to us by asking is refused.
func TestHostileServer(t *testing.T) {
	full := []byte{1, 4}
	tests := []struct {
		name    string
		packets [][]byte
		want    string
	}{
		{"old", [][]byte{{9, 0}}, "version 9"},
		{"password without TLS", [][]byte{greeting("caching_sha2_password"), full}, "without TLS"},
		{"clear text", [][]byte{greeting("mysql_native_password"), append([]byte{0xFE}, "mysql_clear_password\x00"...)}, "is refused"},
		{"short", [][]byte{{10, '8'}}, "older than"},
		{"nonsense", [][]byte{greeting("mysql_native_password"), {0x42}}, "not of the MySQL protocol"},
		{"refused", [][]byte{append([]byte{0xFF, 0x10, 0x04}, "#08004Too many"...)}, "too many connections"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := myclient.Dial(t.Context(), myclient.Config{Address: script(t, tt.packets...), User: "u", Password: "pass word"})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "pass word") {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// No answer makes the client panic or wait for ever.
func FuzzAnswers(f *testing.F) {
	f.Add(greeting("mysql_native_password"), []byte{0, 0, 0})
	f.Add(greeting("caching_sha2_password"), []byte{1, 3})
	f.Add([]byte{10, 0}, bytes.Repeat([]byte{0xFE}, 9))
	f.Fuzz(func(t *testing.T, hello, second []byte) {
		if len(hello) > 1<<12 || len(second) > 1<<12 {
			t.Skip()
		}
		c, err := myclient.Dial(t.Context(), myclient.Config{Address: script(t, hello, second), User: "u", Password: "p"})
		if err == nil {
			err = c.Query(t.Context(), "SELECT 1", nil, nil)
			c.Close()
		}
		if err == nil {
			t.Fatal(fmt.Errorf("a server that ends after two packets answered a question"))
		}
	})
}
