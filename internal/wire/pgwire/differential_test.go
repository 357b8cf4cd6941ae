package pgwire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgproto3"

	"sekisho/internal/seed"
)

// body strips the header of an encoded message and checks it.
func body(t testing.TB, typ byte, msg []byte) []byte {
	t.Helper()
	h, ok, err := ParseHeader(msg, 0)
	if err != nil || !ok || h.Type != typ || h.Len() != len(msg) {
		t.Fatalf("header of %q: %+v %v %v, want type %q and %d bytes", msg, h, ok, err, typ, len(msg))
	}
	return msg[HeaderLen:]
}

type encoder interface {
	Encode([]byte) ([]byte, error)
}

func encode(t testing.TB, m encoder) []byte {
	t.Helper()
	b, err := m.Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// same fails when we build other bytes than pgproto3.
func same(t testing.TB, what string, ours []byte, theirs encoder) {
	t.Helper()
	if diff := cmp.Diff(encode(t, theirs), ours); diff != "" {
		t.Errorf("%s (-pgproto3 +ours):\n%s", what, diff)
	}
}

func TestBuildersAgreeWithPgproto3(t *testing.T) {
	same(t, "Query", AppendQuery(nil, "select 1"), &pgproto3.Query{String: "select 1"})
	same(t, "Parse", AppendParse(nil, []byte("s"), []byte("select $1"), []uint32{23, 0}), &pgproto3.Parse{Name: "s", Query: "select $1", ParameterOIDs: []uint32{23, 0}})
	same(t, "Bind", AppendBind(nil, []byte("p"), []byte("s"), BindValues{Formats: []int16{0, 1}, Values: [][]byte{nil, []byte("xy")}, ResultFormats: []int16{1}}),
		&pgproto3.Bind{DestinationPortal: "p", PreparedStatement: "s", ParameterFormatCodes: []int16{0, 1}, Parameters: [][]byte{nil, []byte("xy")}, ResultFormatCodes: []int16{1}})
	same(t, "Describe portal", AppendDescribePortal(nil, []byte("p")), &pgproto3.Describe{ObjectType: 'P', Name: "p"})
	same(t, "Describe statement", AppendDescribeStatement(nil, []byte("s")), &pgproto3.Describe{ObjectType: 'S', Name: "s"})
	same(t, "Close portal", AppendClosePortal(nil, nil), &pgproto3.Close{ObjectType: 'P'})
	same(t, "Close statement", AppendCloseStatement(nil, []byte("s")), &pgproto3.Close{ObjectType: 'S', Name: "s"})
	same(t, "Execute", AppendExecute(nil, []byte("p"), 7), &pgproto3.Execute{Portal: "p", MaxRows: 7})
	same(t, "Sync", AppendSync(nil), &pgproto3.Sync{})
	same(t, "Flush", AppendFlush(nil), &pgproto3.Flush{})
	same(t, "Terminate", AppendTerminate(nil), &pgproto3.Terminate{})
	same(t, "CopyFail", AppendCopyFail(nil, "no"), &pgproto3.CopyFail{Message: "no"})
	same(t, "ReadyForQuery", AppendReadyForQuery(nil, TxBlock), &pgproto3.ReadyForQuery{TxStatus: 'T'})
	same(t, "CommandComplete", AppendCommandComplete(nil, "SELECT 3"), &pgproto3.CommandComplete{CommandTag: []byte("SELECT 3")})
	same(t, "ParameterStatus", AppendParameterStatus(nil, "a", "b"), &pgproto3.ParameterStatus{Name: "a", Value: "b"})
	same(t, "BackendKeyData", AppendBackendKey(nil, 7, []byte("0123456789")), &pgproto3.BackendKeyData{ProcessID: 7, SecretKey: []byte("0123456789")})
	same(t, "CancelRequest", AppendCancelRequest(nil, 7, []byte("0123456789")), &pgproto3.CancelRequest{ProcessID: 7, SecretKey: []byte("0123456789")})
	same(t, "SSLRequest", AppendSSLRequest(nil), &pgproto3.SSLRequest{})
	same(t, "StartupMessage", AppendStartup(nil, Version32, "user", "u"), &pgproto3.StartupMessage{ProtocolVersion: Version32, Parameters: map[string]string{"user": "u"}})
	same(t, "SASLInitialResponse", AppendSASLInitial(nil, "SCRAM-SHA-256", []byte("n,,")), &pgproto3.SASLInitialResponse{AuthMechanism: "SCRAM-SHA-256", Data: []byte("n,,")})
	same(t, "SASLResponse", AppendPassword(nil, []byte("c=")), &pgproto3.SASLResponse{Data: []byte("c=")})
	same(t, "AuthenticationOk", AppendAuthentication(nil, AuthOK, nil), &pgproto3.AuthenticationOk{})
	same(t, "AuthenticationMD5", AppendAuthentication(nil, AuthMD5, []byte("salt")), &pgproto3.AuthenticationMD5Password{Salt: [4]byte{'s', 'a', 'l', 't'}})
	same(t, "AuthenticationSASL", AppendAuthentication(nil, AuthSASL, []byte("A\x00B\x00\x00")), &pgproto3.AuthenticationSASL{AuthMechanisms: []string{"A", "B"}})
	same(t, "ErrorResponse", AppendError(nil, ErrorInfo{Severity: "ERROR", Code: "42501", Message: "no", Detail: "d", Hint: "h"}),
		&pgproto3.ErrorResponse{Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: "42501", Message: "no", Detail: "d", Hint: "h"})
	same(t, "DataRow", AppendRow(nil, [][]byte{nil, {}, []byte("x")}), &pgproto3.DataRow{Values: [][]byte{nil, {}, []byte("x")}})
	same(t, "RowDescription", AppendRowDescription(nil, []Field{{Name: []byte("id"), Table: 16384, Attribute: 1, Type: 23, Size: 4, Modifier: -1, Format: 1}}),
		&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{{Name: []byte("id"), TableOID: 16384, TableAttributeNumber: 1, DataTypeOID: 23, DataTypeSize: 4, TypeModifier: -1, Format: 1}}})
}

func TestDecodersAgreeWithPgproto3(t *testing.T) {
	from := seed.For(t)
	rng := rand.New(rand.NewPCG(from, 1))
	word := func() string { return string([]byte("abcdefghij")[:rng.IntN(10)]) }
	value := func() []byte {
		if rng.IntN(3) == 0 {
			return nil
		}
		b := make([]byte, rng.IntN(20))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	for range 500 {
		parse := pgproto3.Parse{Name: word(), Query: word()}
		for range rng.IntN(4) {
			parse.ParameterOIDs = append(parse.ParameterOIDs, rng.Uint32())
		}
		p, err := DecodeParse(body(t, TypeParse, encode(t, &parse)))
		if err != nil || string(p.Name) != parse.Name || string(p.Query) != parse.Query || p.Count != len(parse.ParameterOIDs) {
			t.Fatalf("seed %d: Parse %+v decodes to %+v, %v", from, parse, p, err)
		}
		for i, oid := range parse.ParameterOIDs {
			if p.Type(i) != oid {
				t.Fatalf("seed %d: type %d of %+v is %d", from, i, parse, p.Type(i))
			}
		}
		replaced := encode(t, &pgproto3.Parse{Name: parse.Name, Query: "other", ParameterOIDs: parse.ParameterOIDs})
		if got := AppendParseReplaced(nil, &p, []byte("other")); !bytes.Equal(got, replaced) {
			t.Fatalf("seed %d: AppendParseReplaced = %q, want %q", from, got, replaced)
		}
		checkBind(t, rng, word, value)
		row := pgproto3.DataRow{}
		for range rng.IntN(9) {
			row.Values = append(row.Values, value())
		}
		checkRow(t, rng, Row(body(t, TypeDataRow, encode(t, &row))), row.Values)
	}
}

func checkBind(t *testing.T, rng *rand.Rand, word func() string, value func() []byte) {
	t.Helper()
	m := pgproto3.Bind{DestinationPortal: word(), PreparedStatement: word()}
	for range rng.IntN(5) {
		m.Parameters = append(m.Parameters, value())
	}
	formats := []int{0, 1, len(m.Parameters)}[rng.IntN(3)]
	for range formats {
		m.ParameterFormatCodes = append(m.ParameterFormatCodes, int16(rng.IntN(2)))
	}
	for range rng.IntN(4) {
		m.ResultFormatCodes = append(m.ResultFormatCodes, int16(rng.IntN(2)))
	}
	b, err := DecodeBind(body(t, TypeBind, encode(t, &m)))
	if err != nil || string(b.Portal) != m.DestinationPortal || string(b.Statement) != m.PreparedStatement || b.Params != len(m.Parameters) || b.ResultFormats() != len(m.ResultFormatCodes) {
		t.Fatalf("Bind %+v decodes to %+v, %v", m, b, err)
	}
	for i, want := range m.Parameters {
		format := int16(0)
		switch len(m.ParameterFormatCodes) {
		case 0:
		case 1:
			format = m.ParameterFormatCodes[0]
		default:
			format = m.ParameterFormatCodes[i]
		}
		got, gotFormat, ok := b.Param(i)
		if !ok || gotFormat != format || !bytes.Equal(got, want) || (got == nil) != (want == nil) {
			t.Fatalf("parameter %d of %+v is %q %d %v", i, m, got, gotFormat, ok)
		}
	}
	if n := len(m.ResultFormatCodes); n > 1 {
		m.ResultFormatCodes = append(m.ResultFormatCodes, 1, 1)
	}
	if want, got := encode(t, &m), AppendBindExtended(nil, &b, 2, FormatBinary); !bytes.Equal(want, got) {
		t.Fatalf("AppendBindExtended = %q, want %q", got, want)
	}
}

func checkRow(t *testing.T, rng *rand.Rand, row Row, want [][]byte) {
	t.Helper()
	if !row.Check() || row.Columns() != len(want) {
		t.Fatalf("row %q: %v, %d columns, want %d", []byte(row), row.Check(), row.Columns(), len(want))
	}
	for k := -1; k <= len(want); k++ {
		got, ok := row.Column(k)
		if ok != (k >= 0 && k < len(want)) || ok && (!bytes.Equal(got, want[k]) || (got == nil) != (want[k] == nil)) {
			t.Fatalf("column %d of %q is %q %v", k, []byte(row), got, ok)
		}
	}
	drop := rng.IntN(len(want) + 1)
	edited, err := AppendRowEdited(nil, row, drop, func(k int, _ []byte) ([]byte, bool) { return []byte("***"), k%2 == 0 })
	kept := [][]byte{}
	for k, v := range want[:len(want)-drop] {
		if k%2 == 0 {
			v = []byte("***")
		}
		kept = append(kept, v)
	}
	if err != nil || !bytes.Equal(edited, encode(t, &pgproto3.DataRow{Values: kept})) {
		t.Fatalf("AppendRowEdited(%q, %d) = %q, %v", []byte(row), drop, edited, err)
	}
	// The same columns from a row in pieces.
	s := RowStream{Limit: 16}
	for k := range want {
		if rng.IntN(2) == 0 {
			s.Want = append(s.Want, k)
		}
	}
	s.Begin()
	for at := 0; at < len(row); {
		n := 1 + rng.IntN(len(row)-at)
		s.Feed(row[at : at+n])
		at += n
	}
	if !s.Done() {
		t.Fatalf("row %q in pieces is not done", []byte(row))
	}
	for i, k := range s.Want {
		got, ok := s.Value(i)
		if ok != (len(want[k]) <= 16) || ok && (!bytes.Equal(got, want[k]) || (got == nil) != (want[k] == nil)) {
			t.Fatalf("column %d of %q in pieces is %q %v", k, []byte(row), got, ok)
		}
	}
}

func TestTags(t *testing.T) {
	for _, tc := range []struct {
		tag, verb string
		rows      int64
	}{
		{"SELECT 5", "SELECT", 5}, {"INSERT 0 12", "INSERT", 12}, {"UPDATE 0", "UPDATE", 0}, {"CREATE TABLE", "CREATE TABLE", -1},
		{"COPY 1000000", "COPY", 1000000}, {"BEGIN", "BEGIN", -1}, {"FETCH 3", "FETCH", 3}, {"MERGE 2", "MERGE", 2}, {"", "", -1}, {"7", "7", -1},
		{"SELECT 99999999999999999999999", "SELECT 99999999999999999999999", -1},
	} {
		got, err := DecodeCommandComplete(append([]byte(tc.tag), 0))
		if err != nil || string(got.Verb) != tc.verb || got.Rows != tc.rows {
			t.Errorf("tag %q is %q %d %v, want %q %d", tc.tag, got.Verb, got.Rows, err, tc.verb, tc.rows)
		}
	}
}

func TestErrorEdited(t *testing.T) {
	msg := encode(t, &pgproto3.ErrorResponse{Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: "23502", Message: "null value", Detail: "Failing row contains (1, secret).", Position: 12})
	got, err := AppendErrorEdited(nil, TypeError, ErrorBody(body(t, TypeError, msg)), func(code byte, v []byte) ([]byte, bool) {
		switch code {
		case FieldDetail:
			return nil, false
		case FieldPosition:
			return ShiftPosition(v, -5), true
		}
		return v, true
	})
	want := encode(t, &pgproto3.ErrorResponse{Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: "23502", Message: "null value", Position: 7})
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("edited %q, %v; want %q", got, err, want)
	}
}

func TestStartup(t *testing.T) {
	full := AppendStartup(nil, Version32, "user", "u", "database", "d", "replication", "database", "_pq_.x", "1")
	for n := range len(full) {
		if _, ok, err := ParseStartup(full[:n]); ok || err != nil {
			t.Fatalf("%d of %d bytes: %v %v", n, len(full), ok, err)
		}
	}
	s, ok, err := ParseStartup(append(full, "next"...))
	if err != nil || !ok || s.Kind != StartupMessage || s.Version != Version32 || !s.Replication() || string(s.Option("_pq_.x")) != "1" || string(s.Option("user")) != "u" || len(s.Raw) != len(full) {
		t.Fatalf("startup %+v %v %v", s, ok, err)
	}
	c, ok, err := ParseStartup(AppendCancelRequest(nil, 77, bytes.Repeat([]byte{9}, 32)))
	if err != nil || !ok || c.Kind != StartupCancel || c.PID != 77 || len(c.Key) != 32 {
		t.Errorf("cancel %+v %v %v", c, ok, err)
	}
	if s, ok, err := ParseStartup(AppendSSLRequest(nil)); err != nil || !ok || s.Kind != StartupSSL {
		t.Errorf("SSLRequest %+v %v %v", s, ok, err)
	}
	if s, ok, err := ParseStartup([]byte{0x16}); err != nil || !ok || s.Kind != StartupTLS {
		t.Errorf("ClientHello %+v %v %v", s, ok, err)
	}
	for _, bad := range [][]byte{
		{0, 0, 0, 7, 0, 3, 0, 0}, {0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0}, []byte("GET / HTTP/1.1\r\n"), {0, 0, 0, 8, 0, 3, 0, 0}, {0, 0, 0, 8, 0, 2, 0, 0},
		{0, 0, 0, 10, 0, 3, 0, 0, 0, 0}, {0, 0, 0, 12, 4, 210, 22, 46, 0, 0, 0, 1},
	} {
		if s, ok, err := ParseStartup(bad); err == nil {
			t.Errorf("ParseStartup(%q) = %+v, %v, no error", bad, s, ok)
		}
	}
}

func TestHeaderLimits(t *testing.T) {
	for _, tc := range []struct {
		length uint32
		limit  int
		bad    bool
	}{{3, 0, true}, {4, 0, false}, {1<<30 - 1, 0, false}, {1 << 30, 0, true}, {0xffffffff, 0, true}, {1000, 999, true}, {999, 999, false}} {
		b := binary.BigEndian.AppendUint32([]byte{'Q'}, tc.length)
		_, ok, err := ParseHeader(b, tc.limit)
		if (err != nil) != tc.bad || ok == tc.bad {
			t.Errorf("length %d, limit %d: %v %v", tc.length, tc.limit, ok, err)
		}
	}
}

// TestScanner cuts a stream into chunks of all kinds and expects the same
// messages, and bounded memory.
func TestScanner(t *testing.T) {
	var stream []byte
	var want []string
	for i := range 60 {
		text := bytes.Repeat([]byte{'x'}, i*i%700)
		stream = AppendMessage(stream, "QDBP"[i%4], text)
		want = append(want, fmt.Sprintf("%c%d", "QDBP"[i%4], len(text)))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		s := Scanner{Hold: []int{0, 64, 1 << 20}[round%3]}
		var got []string
		var raw []byte
		size := 0
		for at := 0; at < len(stream); {
			n := min(len(stream)-at, 1+rng.IntN([]int{3, 40, 900}[rng.IntN(3)]))
			chunk := bytes.Clone(stream[at : at+n])
			at += n
			for {
				m, rest, ok, err := s.Next(chunk)
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break
				}
				chunk = rest
				raw = append(raw, m.Raw...)
				if m.First {
					size = 0
				}
				if size += len(m.Body); m.Last {
					got = append(got, fmt.Sprintf("%c%d", m.Type, size))
				}
				if !m.Whole() && m.Size <= s.Hold {
					t.Fatalf("a message of %d bytes is in pieces", m.Size)
				}
			}
			if s.Partial() > s.Hold+HeaderLen {
				t.Fatalf("%d bytes held", s.Partial())
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || !bytes.Equal(raw, stream) || !s.Idle() {
			t.Fatalf("hold %d: %s, raw equal %v, idle %v", s.Hold, diff, bytes.Equal(raw, stream), s.Idle())
		}
	}
}
