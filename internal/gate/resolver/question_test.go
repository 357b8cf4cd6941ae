package resolver

import (
	"net"
	"net/netip"
	"testing"
	"time"

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

// TestAmbiguousNames: a name that is another one as text is neither asked for nor
// answered from what is known of that other one; every byte but those is a name's.
func TestAmbiguousNames(t *testing.T) {
	w := newWorld(t)
	w.has("www.example.jp", "A", "300 IN A 199.5.26.7")
	w.ask(t, "udp", "www.example.jp", dns.TypeA)
	asked := w.asked.Load()
	conn, err := net.Dial("udp", w.udp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ask := func(labels ...string) int {
		t.Helper()
		b := []byte{0, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}
		for _, l := range labels {
			b = append(append(b, byte(len(l))), l...)
		}
		if _, err := conn.Write(append(b, 0, 0, byte(dns.TypeA), 0, dns.ClassINET)); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		in := make([]byte, 1500)
		n, err := conn.Read(in)
		if err != nil {
			t.Fatalf("%q: %v", labels, err)
		}
		var a dns.Msg
		if err := a.Unpack(in[:n]); err != nil {
			t.Fatalf("%q: %x: %v", labels, in[:n], err)
		}
		return a.Rcode
	}
	for _, labels := range [][]string{{"www.example", "jp"}, {"www", "example.jp"}, {"www\\", "example", "jp"}, {"www\\046example", "jp"}, {"w\x00w", "example", "jp"}, {"w w", "example", "jp"}, {"\xef\xbc\x8e", "example", "jp"}, {"a\"b", "example", "jp"}} {
		if rcode := ask(labels...); rcode != dns.RcodeFormatError {
			t.Errorf("%q: %s", labels, dns.RcodeToString[rcode])
		}
	}
	if now := w.asked.Load(); now != asked {
		t.Errorf("the upstream was asked %d times", now-asked)
	}
	for c := range 256 {
		name := string([]byte{'a', byte(c), 'b'})
		if ambiguous(byte(c)) {
			continue
		}
		b, err := dns.Fqdn(name), error(nil)
		packed := make([]byte, 16)
		if _, err = dns.PackDomainName(b, packed, 0, nil, false); err != nil || string(packed[:5]) != "\x03"+name+"\x00" {
			t.Errorf("%q: %x, %v", name, packed, err)
		}
		if back, _, err := dns.UnpackDomainName(packed, 0); err != nil || back != b {
			t.Errorf("%q comes back as %q, %v", b, back, err)
		}
	}
	if rcode := ask("wWw", "eXample", "jp"); rcode != dns.RcodeSuccess {
		t.Errorf("mixed case: %s", dns.RcodeToString[rcode])
	}
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
