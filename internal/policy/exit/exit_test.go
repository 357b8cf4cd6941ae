package exit

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/idna"

	"sekisho/internal/policy/cut"
)

func agency(t testing.TB) (*Policy, *Source) {
	t.Helper()
	text, err := os.ReadFile("testdata/agency.yaml")
	if err != nil {
		t.Fatal(err)
	}
	src, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(src) // runs the tests inside the file
	if err != nil {
		t.Fatal(err)
	}
	return p, src
}

func request(client, to string) *Request {
	t, err := ParseTarget(to, 443)
	if err != nil {
		panic(err)
	}
	return &Request{Client: netip.MustParseAddr(client), Target: t, Now: testTime}
}

func TestPolicyHoldsItsOwnTests(t *testing.T) {
	p, src := agency(t)
	if len(src.Tests) < 30 || len(p.Digest()) != 64 || p.Generation() != 3 {
		t.Fatalf("%d tests, digest %q", len(src.Tests), p.Digest())
	}
	for i := range src.Tests { // each test can fail
		turned := src.Tests[i]
		turned.Expect = map[string]string{"accept": "deny", "report": "accept", "deny": "accept"}[turned.Expect]
		if len(p.RunTests([]TestSource{turned})) != 1 {
			t.Errorf("%s holds whatever it expects", turned.Name)
		}
	}
}

func TestCutIsFirst(t *testing.T) {
	p, _ := agency(t)
	until := testTime.Add(time.Hour).UnixNano()
	for _, e := range []cut.Entry{
		{Kind: cut.Name, Target: "example.jp"}, {Kind: cut.Role, Target: "office"}, {Kind: cut.Host, Target: "10.1.2.3"}, {Kind: cut.All},
		{Kind: cut.Address, Target: "199.5.26.0/24"},
	} {
		e.ID, e.Until = "c7", until
		set, err := cut.New(1, []cut.Entry{e})
		if err != nil {
			t.Fatal(err)
		}
		r := request("10.1.2.3", "www.example.jp:443")
		r.Address = netip.MustParseAddr("199.5.26.9")
		if d := p.Decide(r, set); d.Step != StepCut || d.Rule != "c7" || !d.Refused() {
			t.Errorf("%s: %+v", e.Kind, d)
		}
		r = request("10.40.0.1", "www.example.jp:443") // an open role is cut as well
		r.Address = netip.MustParseAddr("199.5.26.9")
		if d := p.Decide(r, set); (d.Step == StepCut) != (e.Kind != cut.Role && e.Kind != cut.Host) {
			t.Errorf("%s in an open role: %+v", e.Kind, d)
		}
	}
}

// TestTargets: what programs read in different ways is no destination.
func TestTargets(t *testing.T) {
	for _, text := range []string{
		"2130706433:80", "017700000001:80", "0x7f000001:80", "0x7f.0.0.1:80", "0177.0.0.1:80", "127.1:80", "127.0.1:80", "1.2.3.4.5:80", "256.1.1.1:80",
		"user@www.example.jp:80", "user:pw@www.example.jp:80", "www.example.jp..:80", "..:80", ".:80", "a..b:80", ".a.b:80", "", ":80", "www.example.jp:0", "www.example.jp:65536",
		"www.example.jp:+80", "www.example.jp: 80", "www.example.jp:8o", "[::1%25eth0]:80", "[::1%eth0]:80", "[::1", "::1", "::1:443", "2606:4700::1111:443", "[127.0.0.1]:80", "[www.example.jp]:80",
		"www.exаmple.jp:80", "www。example。jp:80", "www.example.jp\x00.evil:80", "www.example.jp/x:80", "www.example.jp#:80", "www example:80", "a\\b:80", "[::ffff:1.2.3.4:80",
		"x.0x10:80", "example.123:80", strings.Repeat("a", 64) + ".example:80", strings.Repeat("a.", 127) + "example:80",
	} {
		if got, err := ParseTarget(text, 0); !errors.Is(err, ErrTarget) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"WWW.Example.JP.:443": "www.example.jp:443", "198.51.100.7:80": "198.51.100.7:80", "[2001:DB8::1]:80": "[2001:db8::1]:80",
		"_dmarc.example.jp:25": "_dmarc.example.jp:25", "xn--wgv71a119e.jp:443": "xn--wgv71a119e.jp:443", "1password.example:1": "1password.example:1", "a.1x:9": "a.1x:9",
	} {
		if got, err := ParseTarget(text, 0); err != nil || got.String() != want {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestClasses(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1": "loopback", "127.255.0.1": "loopback", "::1": "loopback", "169.254.169.254": "link-local", "fe80::1": "link-local", "fe80::1%eth0": "link-local",
		"fd00:ec2::254": "metadata", "fd20:ce::254": "metadata", "100.100.100.200": "metadata", "168.63.129.16": "metadata", "0.0.0.0": "unspecified", "::": "unspecified", "10.1.2.3": "private", "172.31.0.1": "private",
		"172.32.0.1": "public", "192.168.0.1": "private", "fd12::1": "private", "100.64.0.1": "shared", "100.128.0.1": "public", "255.255.255.255": "reserved",
		"224.0.0.1": "multicast", "ff02::1": "multicast", "::ffff:127.0.0.1": "mapped", "::ffff:8.8.8.8": "mapped", "::7f00:1": "mapped", "64:ff9b::7f00:1": "nat64",
		"64:ff9b::808:808": "nat64", "64:ff9b:1::1": "nat64", "2002:7f00:1::": "6to4", "2001:0:1::1": "reserved", "2001:db8::1": "documentation", "4000::1": "reserved",
		"8.8.8.8": "public", "2606:4700::1": "public", "2400:cb00::1": "public", "198.18.0.1": "benchmarking", "192.0.0.1": "reserved",
	} {
		if got := Class(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	if Public(netip.Addr{}) {
		t.Error("no address is public")
	}
}

// TestNobodyReachesInside: in no mode does a destination that is not public
// pass unless a segment means it.
func TestNobodyReachesInside(t *testing.T) {
	p, err := Compile(&Source{Generation: 1, Segments: []SegmentSource{{Name: "wide", Networks: []string{"100.0.0.0/8", "10.0.0.0/8"}}},
		Roles: []RoleSource{
			{Name: "o", Addresses: []string{"192.0.2.1"}, Mode: "open"}, {Name: "r", Addresses: []string{"192.0.2.2"}, Mode: "report"},
			{Name: "e", Addresses: []string{"192.0.2.3"}, Allow: []AllowSource{{Name: "all", Names: []string{"*"}, Networks: []string{"0.0.0.0/0", "::/0"}, Segments: []string{"wide"}, Ports: []string{"1-65535"}}}},
		}})
	if err != nil {
		t.Fatal(err)
	}
	for _, client := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"} {
		for _, a := range []string{"127.0.0.1", "::1", "169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "192.168.0.1", "0.0.0.0", "100.100.100.200", "fe80::1", "fd00::1", "255.255.255.255"} {
			r := request(client, "rebind.example:443")
			r.Address = netip.MustParseAddr(a)
			if d := p.Decide(r, nil); !d.Refused() || d.Step != StepAddress {
				t.Errorf("%s to a name at %s: %+v", client, a, d)
			}
			r = request(client, netip.AddrPortFrom(netip.MustParseAddr(a), 443).String())
			if d := p.Decide(r, nil); !d.Refused() || d.Step != StepAddress {
				t.Errorf("%s to %s: %+v", client, a, d)
			}
		}
	}
	if d := p.Decide(request("192.0.2.3", "10.9.9.9:443"), nil); d.Refused() {
		t.Errorf("a segment that is named: %+v", d)
	}
}

func TestLookAlikes(t *testing.T) {
	p, _ := agency(t)
	for shown, alike := range map[string]bool{
		"www.exаmple.jp":    true, // Cyrillic а
		"www.exámple.jp":    true,
		"www.ехаmple.jp":    true,
		"аirline.example":   true,
		"a.аirline.example": true,
		"日本語.jp":            false,
		"www.example.jp":    false,
		"bücher.example":    false,
	} {
		name, err := idna.Punycode.ToASCII(shown)
		if err != nil {
			t.Fatal(err)
		}
		d := p.Decide(request("10.40.0.1", name+":443"), nil)
		if got := d.Step == StepAddress; got != alike {
			s, _ := skeleton(name)
			t.Errorf("%s (%s): %+v, look-alike should be %t", name, s, d, alike)
		}
	}
}

func TestExplain(t *testing.T) {
	p, _ := agency(t)
	d, misses := p.Explain(request("10.1.2.3", "www.example.jp:8443"), nil)
	want := []Miss{{"office/business", "port"}, {"office/forms", "name"}, {"office/partner", "name"}}
	if !d.Refused() || d.Role != "office" || d.By != "address" || len(misses) != 3 || misses[0] != want[0] || misses[1] != want[1] || misses[2] != want[2] {
		t.Errorf("%+v, %+v", d, misses)
	}
	r := request("10.1.2.3", "forms.example.jp:443")
	if d := p.Decide(r, nil); d.SentPerHour != 1<<20 || d.AnyInner {
		t.Errorf("caps: %+v", d)
	} else if o := d.Over(); !o.Refused() || o.Rule != "office/forms" {
		t.Errorf("over: %+v", o)
	}
	if d := p.Decide(request("10.30.0.1", "x.example:443"), nil); true {
		if o := d.OtherName("x"); o.Action != Flag {
			t.Errorf("another name in report mode: %+v", o)
		}
	}
	lookup := request("10.1.2.3", "www.example.jp:53")
	lookup.Lookup, lookup.Now = true, testTime.Add(12*time.Hour)
	if d := p.Decide(lookup, nil); d.Refused() {
		t.Errorf("a look-up: %+v", d)
	}
}

func TestHours(t *testing.T) {
	at := func(text string) time.Time {
		v, err := time.Parse("Mon 15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		days := map[string]int{"Mon": 23, "Tue": 24, "Sat": 28, "Sun": 29}
		return time.Date(2026, 11, days[text[:3]], v.Hour(), v.Minute(), 0, 0, time.UTC)
	}
	for _, c := range []struct {
		span, at string
		want     bool
	}{
		{"mon-fri 08:00-20:00", "Mon 08:00", true}, {"mon-fri 08:00-20:00", "Mon 20:00", false}, {"mon-fri 08:00-20:00", "Sat 12:00", false},
		{"mon 22:00-06:00", "Mon 23:00", true}, {"mon 22:00-06:00", "Tue 05:59", true}, {"mon 22:00-06:00", "Tue 06:00", false}, {"mon 22:00-06:00", "Mon 05:00", false},
		{"sat,sun 00:00-24:00", "Sun 23:59", true}, {"fri-mon 09:00-10:00", "Sun 09:30", true}, {"00:00-24:00", "Tue 12:00", true},
	} {
		s, err := parseSpan(c.span)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.holds(at(c.at)); got != c.want {
			t.Errorf("%s at %s: %t", c.span, c.at, got)
		}
	}
}

// TestBadFiles: one file per rule; its first line has the expected text.
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatalf("bad files: %d, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		src, err := Parse(text)
		if err == nil {
			_, err = Compile(src)
		}
		if want := strings.TrimPrefix(first, "# "); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", file, err, want)
		}
	}
}

func TestSupersedes(t *testing.T) {
	p, src := agency(t)
	newer := *src
	newer.Generation = 4
	q, err := Compile(&newer)
	if err != nil {
		t.Fatal(err)
	}
	if q.Supersedes(p) != nil || p.Supersedes(p) != nil || p.Supersedes(nil) != nil || p.Supersedes(q) == nil {
		t.Error("which policy may follow which")
	}
	if d := Closed().Decide(request("10.1.2.3", "www.example.jp:443"), nil); !d.Refused() {
		t.Errorf("the closed policy: %+v", d)
	}
}

func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("testdata/agency.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		src, err := Parse(text)
		if err != nil {
			return
		}
		p, err := Compile(src)
		if e := (*Error)(nil); err != nil && (!errors.As(err, &e) || e.Path == "" || e.Try == "") {
			t.Fatalf("error without place or advice: %v", err)
		}
		if err != nil {
			return
		}
		r := request("10.1.2.3", "127.0.0.1:443")
		if a, b := p.Decide(r, nil), p.Decide(r, nil); a != b || a.Rule == "" || a.Action == 0 {
			t.Fatalf("%+v and %+v", a, b)
		}
	})
}

func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"www.example.jp:443", "[2001:db8::1]:80", "127.1:80", "a@b:1", "xn--a:1"} {
		f.Add(s)
	}
	p, _ := agency(f)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseTarget(text, 0)
		if err != nil {
			return
		}
		again, err := ParseTarget(got.String(), 0)
		if err != nil || again != got || (got.Name == "") == !got.Address.IsValid() {
			t.Fatalf("%q: %+v, again %+v, %v", text, got, again, err)
		}
		p.Decide(&Request{Client: netip.MustParseAddr("10.1.2.3"), Target: got, Now: testTime}, nil)
	})
}

func BenchmarkDecide(b *testing.B) {
	p, _ := agency(b)
	r := request("10.1.2.3", "book.airline.example:443")
	r.Address = netip.MustParseAddr("199.5.26.9")
	b.ReportAllocs()
	for b.Loop() {
		if d := p.Decide(r, nil); d.Refused() {
			b.Fatal(d)
		}
	}
}
