package pgwire

import (
	"bytes"
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
)

var update = flag.Bool("update", false, "capture testdata/session.hex from PostgreSQL again")

// session is a conversation in which a PostgreSQL sends every message that the
// decoders know: what the client sends, up to the next ReadyForQuery (or, for
// the first, through the login).
func session() [][]byte {
	table := "CREATE TABLE t (id int8 PRIMARY KEY, name text NOT NULL, part numeric, key uuid, c char(4)); INSERT INTO t VALUES (1, 'a', 1.50, '00000000-0000-0000-0000-000000000001', 'x'), (2, '', NULL, NULL, NULL)"
	extended := AppendParse(nil, []byte("s"), []byte("SELECT id, name, id + 1 AS sum FROM t WHERE id >= $1 ORDER BY id"), []uint32{0})
	extended = AppendDescribeStatement(extended, []byte("s"))
	extended = AppendBind(extended, []byte("p"), []byte("s"), BindValues{Formats: []int16{1}, Values: [][]byte{{0, 0, 0, 0, 0, 0, 0, 1}}, ResultFormats: []int16{1}})
	extended = AppendDescribePortal(extended, []byte("p"))
	extended = AppendExecute(extended, []byte("p"), 1)
	extended = AppendExecute(extended, []byte("p"), 0)
	extended = AppendClosePortal(extended, []byte("p"))
	extended = AppendParse(extended, nil, nil, nil)
	extended = AppendBind(extended, nil, nil, BindValues{})
	extended = AppendDescribePortal(extended, nil)
	extended = AppendSync(AppendExecute(extended, nil, 0))
	copyIn := AppendMessage(AppendQuery(nil, "COPY t (id, name) FROM STDIN"), TypeCopyData, []byte("3\tc\n"))
	return [][]byte{
		AppendStartup(nil, Version32, "user", "app", "database", "postgres", "_pq_.unknown", "1"),
		AppendQuery(nil, table),
		extended,
		AppendQuery(nil, "SELECT t, ARRAY[id], name::varchar(5), part, key, c FROM t; SELECT"),
		AppendQuery(nil, ""),
		AppendQuery(nil, "BEGIN; SELECT 1/0"),
		AppendQuery(nil, "ROLLBACK; DO $$ BEGIN RAISE NOTICE 'n' USING DETAIL = 'd', HINT = 'h'; END $$"),
		AppendQuery(nil, "INSERT INTO t VALUES (1, NULL)"),
		AppendQuery(nil, "COPY t TO STDOUT"),
		AppendMessage(copyIn, TypeCopyDone, nil),
		AppendCopyFail(AppendQuery(nil, "COPY t FROM STDIN (FORMAT binary)"), "changed my mind"),
		AppendQuery(nil, "LISTEN ch; NOTIFY ch, 'payload'; SET application_name = 'x'"),
		AppendMessage(nil, TypeFunction, []byte("\x00\x00\x05\x75\x00\x01\x00\x01\x00\x01\x00\x00\x00\x04\xff\xff\xff\xf9\x00\x01")), // int4abs(-7)
	}
}

// TestCapture records the session with a real server and, without -update,
// compares the shape of what it sends with the golden file.
func TestCapture(t *testing.T) {
	s := pgservertest.Start(t, pgserver.Config{})
	if err := s.Exec(t.Context(), "postgres", "CREATE ROLE app LOGIN; GRANT CREATE ON SCHEMA public TO app"); err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialTimeout("tcp", s.Addr(), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var dump bytes.Buffer
	scanner := Scanner{Hold: 1 << 20}
	for _, send := range session() {
		fmt.Fprintf(&dump, "F %x\n", send)
		if _, err := conn.Write(send); err != nil {
			t.Fatal(err)
		}
		if err := receive(conn, &scanner, &dump); err != nil {
			t.Fatal(err)
		}
	}
	if *update {
		if err := os.WriteFile("testdata/session.hex", dump.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile("testdata/session.hex")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(types(golden), types(dump.Bytes())); diff != "" {
		t.Errorf("message types (-golden +server):\n%s", diff)
	}
}

// types returns the types of the messages of a dump, without ParameterStatus
// at login, of which versions send different ones.
func types(dump []byte) string {
	var b strings.Builder
	for line := range strings.Lines(string(dump)) {
		if line[0] == 'B' && line[2:4] != "53" && line[2:4] != "76" {
			b.WriteString(line[2:4] + " ")
		}
	}
	return b.String()
}

func receive(conn net.Conn, s *Scanner, dump *bytes.Buffer) error {
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return err
		}
		for chunk := buf[:n]; ; {
			m, rest, ok, err := s.Next(chunk)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			fmt.Fprintf(dump, "B %x\n", m.Raw)
			if chunk = rest; m.Type == TypeReadyForQuery && len(chunk) == 0 {
				return nil
			}
		}
	}
}

// TestGolden decodes the captured session: every message must be whole and
// decode, and what the decoders say is frozen in session.txt.
func TestGolden(t *testing.T) {
	dump, err := os.ReadFile("testdata/session.hex")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	seen := map[byte]bool{}
	for line := range strings.Lines(string(dump)) {
		msg, err := hex.DecodeString(strings.TrimSpace(line[2:]))
		if err != nil {
			t.Fatal(err)
		}
		if line[0] == 'F' {
			continue
		}
		b := body(t, msg[0], msg)
		seen[msg[0]] = true
		if err, _ := decodeOurs(false, msg[0], b); err != nil {
			t.Errorf("message %x: %v", msg, err)
		}
		fmt.Fprintf(&out, "%c %s\n", msg[0], describe(t, msg[0], b))
	}
	for _, typ := range []byte("RKSZTDCE12n3tsIGHNAV") {
		if !seen[typ] {
			t.Errorf("no message of type %q in the session", typ)
		}
	}
	if *update {
		if err := os.WriteFile("testdata/session.txt", []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/session.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("decoded session (-golden +got):\n%s", diff)
	}
}

// describe prints what our decoders make of a backend message.
func describe(t *testing.T, typ byte, b []byte) string {
	t.Helper()
	switch typ {
	case TypeRowDescription:
		fields, _ := DecodeRowDescription(b, nil)
		var s strings.Builder
		for _, f := range fields {
			fmt.Fprintf(&s, "%s table=%v att=%d type=%d size=%d mod=%d format=%d; ", f.Name, f.Table != 0, f.Attribute, f.Type, f.Size, f.Modifier, f.Format)
		}
		if again := AppendRowDescription(nil, fields); !bytes.Equal(again[HeaderLen:], b) {
			t.Errorf("RowDescription %x is rebuilt as %x", b, again)
		}
		return s.String()
	case TypeDataRow:
		values, ok := Row(b).Values(nil)
		var s strings.Builder
		for _, v := range values {
			if v == nil {
				s.WriteString("NULL ")
			} else {
				fmt.Fprintf(&s, "%q ", v)
			}
		}
		return fmt.Sprint(s.String(), ok)
	case TypeCommandComplete:
		tag, _ := DecodeCommandComplete(b)
		return fmt.Sprintf("%s %d", tag.Verb, tag.Rows)
	case TypeError, TypeNotice:
		var s strings.Builder
		ErrorBody(b).Each(func(code byte, v []byte) {
			if code != FieldLine && code != FieldFile {
				fmt.Fprintf(&s, "%c=%s; ", code, v)
			}
		})
		return s.String()
	case TypeNotification:
		n, _ := DecodeNotification(b)
		return fmt.Sprintf("%s %s", n.Channel, n.Payload)
	case TypeParameterDescription:
		oids, _ := DecodeParameterDescription(b, nil)
		return fmt.Sprint(oids)
	case TypeCopyInResponse, TypeCopyOutResponse:
		r, _ := DecodeCopyResponse(b)
		return fmt.Sprintf("%+v", r)
	case TypeNegotiateVersion:
		v, _ := DecodeNegotiateVersion(b)
		return fmt.Sprintf("%d.%d, %d options", v.Version>>16, v.Version&0xffff, v.Count)
	case TypeReadyForQuery:
		return string(b)
	case TypeAuthentication:
		a, _ := DecodeAuthentication(b)
		return fmt.Sprint(a.Kind)
	}
	return ""
}

// TestKeysAgreeWithPostgres sends keys as text and reads them as text and
// binary: both must have one canonical form.
func TestKeysAgreeWithPostgres(t *testing.T) {
	s := pgservertest.Start(t, pgserver.Config{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	conn, err := pgconn.Connect(ctx, s.DSN("postgres", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for oid, c := range map[uint32]struct {
		name   string
		inputs []string
	}{
		OIDInt2:    {"int2", []string{"0", " -7 ", "32767", "-32768", "+5", "007", "32768", "x", ""}},
		OIDInt4:    {"int4", []string{"0", "2147483647", "-2147483648", "\t12\n", "2147483648", "1.5", "1 2"}},
		OIDInt8:    {"int8", []string{"9223372036854775807", "-9223372036854775808", "9223372036854775808", "12345", "- 5"}},
		OIDOid:     {"oid", []string{"0", "4294967295", "16384", "-1"}},
		OIDNumeric: {"numeric", []string{"0", "1", "1.50", "-0.00", "10000", "100000000", "123456789012345678901234567890", "0.0001", "0.00000001", "-1234.5678", " 7.000 ", ".5", "5.", "99999999.9999", "20000.0002"}},
		OIDUUID:    {"uuid", []string{"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "a0eebc999c0b4ef8bb6d6bb9bd380a11", "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", "a0eebc9-99c0b-4ef8-bb6d-6bb9bd380a11"}},
		OIDText:    {"text", []string{"", "a ", "日本", "'"}},
		OIDVarchar: {"varchar", []string{"", "a ", "日本"}},
		OIDBpchar:  {"bpchar", []string{"ab", "ab  ", "  "}},
	} {
		for _, in := range c.inputs {
			ours, ok := AppendKey(nil, oid, FormatText, []byte(in))
			var forms []string
			for _, format := range []int16{FormatText, FormatBinary} {
				r := conn.ExecParams(ctx, "SELECT $1::"+c.name, [][]byte{[]byte(in)}, nil, nil, []int16{format}).Read()
				if r.Err != nil {
					break
				}
				key, keyOK := AppendKey(nil, oid, format, r.Rows[0][0])
				if !keyOK {
					t.Errorf("%s %q: format %d has no key", c.name, in, format)
				}
				forms = append(forms, string(key))
			}
			switch {
			case len(forms) == 0 && ok:
				t.Errorf("%s %q: PostgreSQL refuses it, our key is %q", c.name, in, ours)
			case len(forms) == 2 && (!ok || forms[0] != string(ours) || forms[1] != string(ours)):
				t.Errorf("%s %q: parameter %q %v, text %q, binary %q", c.name, in, ours, ok, forms[0], forms[1])
			}
		}
	}
}
