package pgwire

import (
	"bytes"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// decodeOurs runs our decoder of a message. It must not panic, and what it
// accepts pgproto3 must accept, so that nobody reads more into a message than
// a real implementation does.
func decodeOurs(frontend bool, typ byte, b []byte) (err error, known bool) {
	if frontend {
		switch typ {
		case TypeParse:
			var p Parse
			p, err = DecodeParse(b)
			p.Type(0)
			p.Type(p.Count)
		case TypeBind:
			var m Bind
			m, err = DecodeBind(b)
			m.Param(m.Params - 1)
			m.EachParam(func(int, []byte, int16) {})
			m.ResultFormat(m.ResultFormats())
			AppendBindExtended(nil, &m, 2, 1)
		case TypeDescribe, TypeClose:
			_, err = DecodeTarget(b)
		case TypeExecute:
			_, err = DecodeExecute(b)
		case TypeQuery:
			_, err = DecodeQuery(b)
		case TypeFunction:
			var f FunctionCall
			f, err = DecodeFunctionCall(b)
			f.Arg(f.Args - 1)
		case TypeCopyFail:
			_, err = DecodeCopyFail(b)
		case TypePassword:
			_, err = DecodeSASLInitial(b)
			return err, false
		default:
			return nil, false
		}
		return err, true
	}
	switch typ {
	case TypeAuthentication:
		var a Authentication
		a, err = DecodeAuthentication(b)
		a.EachMechanism(func([]byte) {})
		return err, false
	case TypeRowDescription:
		_, err = DecodeRowDescription(b, nil)
		_, trimErr := AppendRowDescriptionTrimmed(nil, b, 1)
		_ = trimErr
	case TypeDataRow:
		r := Row(b)
		if !r.Check() {
			err = ErrMalformed
		}
		for k := -1; k < 4; k++ {
			r.Column(k)
		}
		r.Values(nil)
		_, _ = AppendRowEdited(nil, r, 1, nil)
	case TypeCommandComplete:
		_, err = DecodeCommandComplete(b)
	case TypeError, TypeNotice:
		e := ErrorBody(b)
		e.Field(FieldDetail)
		e.Each(func(byte, []byte) {})
		if !e.Check() {
			err = ErrMalformed
		}
	case TypeParameterStatus:
		_, err = DecodeParameterStatus(b)
	case TypeBackendKeyData:
		_, err = DecodeBackendKey(b)
	case TypeNotification:
		_, err = DecodeNotification(b)
	case TypeReadyForQuery:
		_, err = DecodeReadyForQuery(b)
	case TypeCopyInResponse, TypeCopyOutResponse, TypeCopyBothResponse:
		_, err = DecodeCopyResponse(b)
	case TypeParameterDescription:
		_, err = DecodeParameterDescription(b, nil)
	case TypeFunctionResponse:
		_, err = DecodeFunctionResponse(b)
	case TypeNegotiateVersion:
		var v NegotiateVersion
		v, err = DecodeNegotiateVersion(b)
		if err == nil {
			v.EachOption(func([]byte) {})
		}
	default:
		return nil, false
	}
	return err, true
}

// decodeTheirs runs pgproto3's decoder.
func decodeTheirs(frontend bool, msg []byte) error {
	if frontend {
		_, err := pgproto3.NewBackend(bytes.NewReader(msg), nil).Receive()
		return err
	}
	_, err := pgproto3.NewFrontend(bytes.NewReader(msg), nil).Receive()
	return err
}

func FuzzDecode(f *testing.F) {
	for _, typ := range []byte("PBDCEQFfpRTSKNZGHWtVvAI") {
		f.Add(true, typ, []byte("a\x00b\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00"))
		f.Add(false, typ, []byte("\x00\x02\x00\x00\x00\x03abc\xff\xff\xff\xff"))
	}
	f.Add(true, byte('B'), []byte("\x00\x00\x00\x01\x00\x01\x00\x01\x00\x00\x00\x01x\x00\x00"))
	f.Add(false, byte('v'), []byte("\x00\x03\x00\x00\x7f\xff\xff\xff"))
	f.Add(false, byte('T'), []byte("\x00\x01id\x00\x00\x00\x00\x01\x00\x01\x00\x00\x00\x17\x00\x04\xff\xff\xff\xff\x00\x00"))
	f.Fuzz(func(t *testing.T, frontend bool, typ byte, b []byte) {
		before := bytes.Clone(b)
		err, known := decodeOurs(frontend, typ, b)
		if !bytes.Equal(before, b) {
			t.Fatal("the message was changed")
		}
		if err != nil || !known || len(b) > 1<<16 {
			return
		}
		if theirs := decodeTheirs(frontend, AppendMessage(nil, typ, b)); theirs != nil {
			t.Fatalf("type %q body %q: accepted by us, pgproto3 says %v", typ, b, theirs)
		}
	})
}

func FuzzStartup(f *testing.F) {
	f.Add(AppendStartup(nil, Version30, "user", "u"))
	f.Add(AppendCancelRequest(nil, 1, []byte("abcd")))
	f.Add(AppendSSLRequest(nil))
	f.Add([]byte{0x16, 3, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, ok, err := ParseStartup(b)
		if err != nil || !ok {
			return
		}
		if len(s.Raw) > MaxStartup || s.Kind == 0 {
			t.Fatalf("%+v", s)
		}
		s.EachOption(func(_, _ []byte) {})
		s.Replication()
	})
}

func FuzzScanner(f *testing.F) {
	f.Add(AppendSync(AppendQuery(nil, "select 1")), byte(3), uint16(16))
	f.Add([]byte("Q\x3f\xff\xff\xffabcdef"), byte(1), uint16(2))
	f.Add([]byte("Q\xff\xff\xff\xffabcdef"), byte(9), uint16(2))
	f.Fuzz(func(t *testing.T, stream []byte, step byte, hold uint16) {
		s := Scanner{Hold: int(hold), Limit: 1 << 20}
		var raw []byte
		for at := 0; at < len(stream); {
			n := min(len(stream)-at, int(step)+1)
			chunk := bytes.Clone(stream[at : at+n])
			at += n
			for {
				m, rest, ok, err := s.Next(chunk)
				if err != nil {
					return
				}
				if !ok {
					break
				}
				chunk, raw = rest, append(raw, m.Raw...)
			}
			if s.Partial() > int(hold)+HeaderLen || len(raw)+s.Partial() != at {
				t.Fatalf("%d bytes in, %d out, %d held", at, len(raw), s.Partial())
			}
		}
		if !bytes.HasPrefix(stream, raw) {
			t.Fatal("the stream was changed")
		}
	})
}

func FuzzKey(f *testing.F) {
	f.Add(uint32(OIDNumeric), int16(1), []byte("\x00\x01\x00\x00\x00\x00\x00\x00\x00\x07"))
	f.Add(uint32(OIDInt4), int16(0), []byte(" +7 "))
	f.Add(uint32(OIDUUID), int16(0), []byte("{A0EEBC99-9C0B4EF8-BB6D6BB9-BD380A11}"))
	f.Fuzz(func(t *testing.T, oid uint32, format int16, value []byte) {
		key, ok := AppendKey([]byte("k"), oid, format, value)
		if !bytes.HasPrefix(key, []byte("k")) || !ok && len(key) != 1 {
			t.Fatalf("%q %v", key, ok)
		}
		if n, isInt := IntKey(oid, format, value); isInt && !ok {
			t.Fatalf("IntKey says %d, AppendKey nothing", n)
		}
	})
}
