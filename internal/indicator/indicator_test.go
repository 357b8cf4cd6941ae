package indicator

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	now   = time.Date(2026, 3, 19, 9, 0, 0, 0, time.UTC)
	until = now.Add(30 * 24 * time.Hour)
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text  string
		kind  Kind
		value string
	}{
		{"Evil.Example.", Name, "evil.example"},
		{"*.evil.example", Name, "evil.example"},
		{"evil[.]example", Name, "evil.example"},
		{"203.0.113.9", Address, "203.0.113.9/32"},
		{"::ffff:203.0.113.9", Address, "203.0.113.9/32"},
		{"203.0.113.9/24", Address, "203.0.113.0/24"},
		{"2001:db8::1", Address, "2001:db8::1/128"},
		{"hxxp://Evil[.]example/Gate.php?id=3#x", URL, "evil.example/Gate.php"},
		{"HXXPS://evil.example", URL, "evil.example/"},
		{"https://evil.example:8443/a", URL, "evil.example:8443/a"},
		{"example", "", ""},
		{"evil..example", "", ""},
		{"two words.example", "", ""},
		{"http://user@evil.example/", "", ""},
		{"http://", "", ""},
		{strings.Repeat("a", 64) + ".example", "", ""},
	} {
		kind, value, err := Parse(c.text)
		if kind != c.kind || value != c.value || (err != nil) != (c.kind == "") {
			t.Errorf("%q: %q %q, %v; want %q %q", c.text, kind, value, err, c.kind, c.value)
		}
	}
}

func TestRead(t *testing.T) {
	end := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name, text string
		want       []Indicator
		problems   []int
	}{
		{"plain", "\xef\xbb\xbf# list of the police\nevil.example # seen on 13 March\r\n\n203.0.113.0/24\nnonsense\n",
			[]Indicator{{Name, "evil.example", until, "seen on 13 March", "l"}, {Address, "203.0.113.0/24", until, "", "l"}}, []int{5}},
		{"csv", "type,value,valid_until,comment\ndomain,evil.example,2026-04-01,\"C2, first\"\nip,203.0.113.9,,\nip,203.0.113.9,soon,\n",
			[]Indicator{{Name, "evil.example", end, "C2, first", "l"}, {Address, "203.0.113.9/32", until, "", "l"}}, []int{4}},
		{"stix", `{"type":"bundle","objects":[
			{"type":"malware","name":"PlugX"},
			{"type":"indicator","name":"c2","pattern_type":"stix","pattern":"[domain-name:value = 'evil.example' OR ipv4-addr:value = '203.0.113.9']","valid_until":"2026-04-01T00:00:00Z"},
			{"type":"indicator","pattern":"[url:value = 'http://evil.example/it\\'s']"},
			{"type":"indicator","revoked":true,"pattern":"[domain-name:value = 'was.example']"},
			{"type":"indicator","pattern":"[file:hashes.MD5 = 'x']"},
			{"type":"indicator","pattern":"[domain-name:value = 'a.example'] FOLLOWEDBY [domain-name:value = 'b.example']"}]}`,
			[]Indicator{{Name, "evil.example", end, "c2", "l"}, {Address, "203.0.113.9/32", end, "c2", "l"}, {URL, "evil.example/it%27s", until, "", "l"}}, []int{5, 6}},
	} {
		got, problems, err := Read([]byte(c.text), Options{List: "l", Until: until})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.name == "stix" { // how an apostrophe is escaped is net/url's affair
			got[2].Value = strings.Replace(got[2].Value, "it's", "it%27s", 1)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		var lines []int
		for _, p := range problems {
			lines = append(lines, p.Line)
		}
		if diff := cmp.Diff(c.problems, lines); diff != "" {
			t.Errorf("%s: problems (-want +got):\n%s", c.name, diff)
		}
	}
	for _, bad := range []string{"nonsense\n", `{"type":"report"}`, `{"type":`, "value\n\"a\n"} {
		if got, _, err := Read([]byte(bad), Options{Until: until}); err == nil {
			t.Errorf("%q was read as %v", bad, got)
		}
	}
	if _, _, err := Read([]byte("evil.example"), Options{}); err == nil {
		t.Error("a list without an end was taken")
	}
}

func TestSet(t *testing.T) {
	list, _, err := Read([]byte("evil.example\n203.0.113.0/24\n198.51.100.7\n2001:db8::/32\nhttp://web.example/bad/\n"), Options{Until: until})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(append(list, Indicator{Kind: Name, Value: "old.example", Until: now}))
	if err != nil {
		t.Fatal(err)
	}
	name := func(v string) bool { _, ok := s.Name(v, now); return ok }
	address := func(v string) bool { _, ok := s.Address(netip.MustParseAddr(v), now); return ok }
	address4 := func(v string) bool { _, ok := s.URL(v, now); return ok }
	for _, c := range []struct {
		ask  func(string) bool
		text string
		want bool
	}{
		{name, "evil.example", true}, {name, "a.b.EVIL.example.", true}, {name, "notevil.example", false}, {name, "example", false},
		{name, "old.example", false}, {name, "203.0.113.77", true}, {name, "", false},
		{address, "203.0.113.1", true}, {address, "::ffff:203.0.113.1", true}, {address, "198.51.100.7", true}, {address, "198.51.100.8", false},
		{address, "2001:db8::5", true}, {address4, "https://web.example/bad/x?y=1", true}, {address4, "http://web.example/bad/", true},
		{address4, "http://web.example/badly", false}, {address4, "http://web.example/", false}, {address4, "http://c.evil.example/any", true},
		{address4, "http://203.0.113.4/", true}, {address4, "::", false},
	} {
		if got := c.ask(c.text); got != c.want {
			t.Errorf("%q listed: %t, want %t", c.text, got, c.want)
		}
	}
	if _, ok := (*Set)(nil).Name("evil.example", now); ok || (*Set)(nil).Len() != 0 {
		t.Error("no list lists something")
	}
	if _, err := New([]Indicator{{Kind: Name, Value: "evil.example"}}); err == nil {
		t.Error("an indicator without an end was taken")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("evil.example # x\n203.0.113.9/24"))
	f.Add([]byte("value,until\nhxxp://e.example/a,2026-01-01"))
	f.Add([]byte(`{"type":"bundle","objects":[{"type":"indicator","pattern":"[url:value = 'http://a.example']"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, _, err := Read(text, Options{Until: until})
		if err != nil {
			return
		}
		s, err := New(list)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range list {
			kind, again, err := Parse(map[bool]string{true: "http://" + i.Value, false: i.Value}[i.Kind == URL])
			if err != nil || kind != i.Kind || again != i.Value {
				t.Fatalf("%v is read again as %q %q, %v", i, kind, again, err)
			}
			if i.Kind == Name && i.Until.After(now) {
				if _, ok := s.Name("x."+i.Value, now); !ok {
					t.Fatalf("%q does not list what is below it", i.Value)
				}
			}
		}
	})
}

func BenchmarkName(b *testing.B) {
	var list []Indicator
	for i := range 100_000 {
		list = append(list, Indicator{Kind: Name, Value: fmt.Sprintf("host%d.example", i), Until: until})
	}
	s, err := New(list)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		s.Name("www.cdn.shop.example.jp", now)
	}
}
