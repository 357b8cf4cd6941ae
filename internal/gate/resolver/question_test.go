package resolver

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"
)

func FuzzParseQuestion(f *testing.F) {
	m := new(dns.Msg).SetQuestion("WWW.Example.jp.", dns.TypeHTTPS)
	m.SetEdns0(4096, true)
	b, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\xc0\x0c\x00\x01\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var names [256]byte
		q, err := parseQuestion(b, &names)
		if err != nil || q.opcode != dns.OpcodeQuery {
			return
		}
		reply := q.reply(nil, b, dns.RcodeNameError)
		if q.edns {
			reply = appendOPT(reply, 15, "x")
		}
		var a dns.Msg
		if err := a.Unpack(reply); err != nil {
			t.Fatalf("our reply %x to %x: %v", reply, b, err)
		}
		// miekg/dns reads the same question, where it takes the message at all.
		var want dns.Msg
		if want.Unpack(b) != nil || len(want.Question) != 1 {
			return
		}
		if x := want.Question[0]; x.Qtype != q.kind || x.Qclass != q.class || a.Question[0].Name != x.Name {
			t.Fatalf("%x: %+v, miekg/dns reads %+v", b, q, x)
		}
	})
}

func BenchmarkQuick(b *testing.B) {
	w := newWorld(b)
	w.has("www.example.jp", "A", "300 IN A 199.5.26.7")
	w.ask(b, "udp", "www.example.jp", dns.TypeA)
	m := new(dns.Msg).SetQuestion("www.example.jp.", dns.TypeA)
	m.SetEdns0(1232, false)
	q, err := m.Pack()
	if err != nil {
		b.Fatal(err)
	}
	var names [256]byte
	reply := make([]byte, 0, 1500)
	client := netip.MustParseAddr("127.0.0.1")
	b.ReportAllocs()
	for b.Loop() {
		if r, done := w.resolver.quick(client, q, reply, &names); !done || len(r) < 40 {
			b.Fatal("not from memory")
		}
	}
}
