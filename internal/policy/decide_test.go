package policy

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/element"
)

var update = flag.Bool("update", false, "rewrite golden files")

func shop(t *testing.T) *Policy {
	t.Helper()
	text, err := os.ReadFile("testdata/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	src, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(src)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func read(user, address string, table string, kinds ...element.Kind) Request {
	return Request{
		User: user, Address: netip.MustParseAddr(address), Database: "shop", Mode: Enforce,
		Statement: Select, Attributable: true, Now: time.Unix(1_800_000_000, 0).UTC(),
		Reads: []Read{{table, element.MaskOf(kinds...)}},
	}
}

func with(r Request, change func(*Request)) Request { change(&r); return r }

const customers = "public.customers"

var cases = []struct {
	name    string
	request Request
	refused bool
	rule    string
}{
	{"application reads names", read("shop_app", "10.0.0.5", customers, element.Name), false, "application"},
	{"by mapped IPv4 too", read("shop_app", "::ffff:10.0.0.5", customers, element.Name), false, "application"},
	{"and by IPv6", read("shop_app", "2001:db8::7", customers, element.Name), false, "application"},
	{"not from outside", read("shop_app", "10.0.1.5", customers, element.Name), true, "nobody-else"},
	{"not another table", read("shop_app", "10.0.0.5", "public.staff", element.Name), true, "nobody-else"},
	{"not another element", read("shop_app", "10.0.0.5", customers, element.Name, element.Passport), true, "nobody-else"},
	{"an earlier rule wins", read("backup", "10.0.9.9", customers, element.CardCVV), true, "no-cards"},
	{"another database", with(read("shop_app", "10.0.0.5", customers, element.Name), func(r *Request) { r.Database = "hr" }), true, "nobody-else"},
	{"no bulk for the application", with(read("shop_app", "10.0.0.5", customers, element.Name), func(r *Request) { r.Bulk = BulkCopy }), true, "application"},
	{"bulk for the backup", with(read("backup", "10.0.9.9", customers, element.Name, element.Passport), func(r *Request) { r.Bulk = BulkDump }), false, "backup"},
	{"analyst, attributable", read("analyst", "192.0.2.1", "public.payments", element.Payment), false, "analyst"},
	{"analyst, unattributable", with(read("analyst", "192.0.2.1", "public.payments", element.Payment), func(r *Request) { r.Attributable = false }), true, "analyst"},
	{"some unattributable rows are a cap", with(read("shop_app", "10.0.0.5", customers, element.Name), func(r *Request) { r.Attributable = false }), false, "application"},
	{"nothing protected", with(read("guest", "192.0.2.1", ""), func(r *Request) { r.Reads = nil }), false, "unprotected"},
	{"fast path", with(read("shop_app", "10.0.0.5", ""), func(r *Request) { r.Reads, r.Channel = nil, Fastpath }), true, "channel"},
	{"replication by the standby", with(read("replicator", "10.0.0.5", ""), func(r *Request) { r.Reads, r.Channel = nil, Replication }), false, "standby"},
	{"replication by another", with(read("shop_app", "10.0.0.5", ""), func(r *Request) { r.Reads, r.Channel = nil, Replication }), true, "channel"},
	{"invalid address matches no prefix", with(read("shop_app", "10.0.0.5", customers, element.Name), func(r *Request) { r.Address = netip.Addr{} }), true, "nobody-else"},
}

func TestDecide(t *testing.T) {
	p := shop(t)
	for _, tt := range cases {
		d := p.Decide(tt.request)
		if d.Refused() != tt.refused || d.Rule != tt.rule {
			t.Errorf("%s: refused %v by %q (%s), want refused %v by %q", tt.name, d.Refused(), d.Rule, d.Reason, tt.refused, tt.rule)
		}
		if d.Digest != p.Digest() || d.Refused() != (d.Code == "42501") {
			t.Errorf("%s: digest or code missing: %+v", tt.name, d)
		}
	}
}

// TestModes: a refusal is only a flag in report mode, and nothing in observe
// mode; masks belong to enforce mode alone.
func TestModes(t *testing.T) {
	p := shop(t)
	for _, tt := range cases {
		tt.request.Mode = Report
		if d := p.Decide(tt.request); (d.Action == Flag) != tt.refused || len(d.Masks) > 0 {
			t.Errorf("report, %s: %s with %d masks", tt.name, d.Action, len(d.Masks))
		}
		tt.request.Mode = Observe
		if d := p.Decide(tt.request); d.Action != Allow || len(d.Masks) > 0 || !d.Caps.None() {
			t.Errorf("observe, %s: %+v", tt.name, d)
		}
		tt.request.Mode = 0
		if d := p.Decide(tt.request); d.Refused() != tt.refused {
			t.Errorf("a forgotten mode must enforce, %s: %s", tt.name, d.Action)
		}
	}
}

// TestGolden freezes whole decisions and their explanations.
func TestGolden(t *testing.T) {
	p := shop(t)
	var got strings.Builder
	for _, tt := range cases {
		d, steps := p.Explain(tt.request)
		fmt.Fprintf(&got, "%s\n  %s by %s: %s; purpose %q, masks %v\n", tt.name, d.Action, d.Rule, d.Reason, d.Purpose, d.Masks)
		for _, s := range steps {
			fmt.Fprintf(&got, "    %s %s: %s allowed=%v passed %v\n", s.Table, s.Element, s.Rule, s.Allowed, s.Passed)
		}
	}
	path := filepath.Join("testdata", "decisions.golden")
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("decisions changed (-want +got):\n%s", diff)
	}
}

func TestCaps(t *testing.T) {
	p := shop(t)
	d := p.Decide(read("shop_app", "10.0.0.5", customers, element.Name))
	if c := d.Caps.StatementRows; c.Max != 200 || c.Rule != "application" || c.Exceeded(200) || !c.Exceeded(201) {
		t.Errorf("statement rows: %+v", c)
	}
	if c := d.Caps.SessionSubjects; c.Max != NoLimit || c.Exceeded(1<<62) {
		t.Errorf("session subjects: %+v", c)
	}
	over := d.Over(Enforce, d.Caps.HourSubjects, "subjects per hour")
	if !over.Refused() || over.Rule != "application" || over.Reason != "more than 5000 subjects per hour" || over.Digest != p.Digest() {
		t.Errorf("over: %+v", over)
	}
	if over := d.Over(Report, d.Caps.HourSubjects, "x"); over.Action != Flag {
		t.Errorf("over in report mode: %s", over.Action)
	}
}

func TestGrants(t *testing.T) {
	p := shop(t)
	r := read("analyst", "192.0.2.1", customers, element.Passport)
	g := Grant{
		ID: "bg-1", User: "analyst", Database: "shop", Elements: element.MaskOf(element.Passport), Requester: "ayame",
		Approver: "botan", From: r.Now.Add(-time.Minute), Until: r.Now.Add(time.Hour), Purpose: "lost passport at the airport",
	}
	if err := p.CheckGrant(g); err != nil {
		t.Fatal(err)
	}
	r.Grants = []Grant{g}
	if d := p.Decide(r); d.Refused() || d.Grant != "bg-1" || d.Rule != "break-glass" || !d.Until.Equal(g.Until) {
		t.Errorf("with grant: %+v", d)
	}
	for name, change := range map[string]func(*Request){
		"expired":         func(r *Request) { r.Now = g.Until },
		"not yet":         func(r *Request) { r.Now = g.From.Add(-1) },
		"another user":    func(r *Request) { r.User = "guest" },
		"another element": func(r *Request) { r.Reads = []Read{{customers, element.MaskOf(element.MyNumber)}} },
		"bulk":            func(r *Request) { r.Bulk = BulkTable },
	} {
		if d := p.Decide(with(r, change)); !d.Refused() {
			t.Errorf("grant opened %s: %+v", name, d)
		}
	}
	for name, change := range map[string]func(*Grant){
		"own request":        func(g *Grant) { g.Requester = "botan" },
		"stranger asks":      func(g *Grant) { g.Requester = "x" },
		"stranger approves":  func(g *Grant) { g.Approver = "ayame"; g.Requester = "botan" },
		"too long":           func(g *Grant) { g.Until = g.From.Add(3 * time.Hour) },
		"ends before begins": func(g *Grant) { g.Until = g.From },
		"no purpose":         func(g *Grant) { g.Purpose = "" },
	} {
		bad := g
		change(&bad)
		if p.CheckGrant(bad) == nil {
			t.Errorf("%s: grant accepted", name)
		}
	}
}

func TestMask(t *testing.T) {
	for _, tt := range []struct {
		method Method
		value  string
		text   bool
		want   string
		null   bool
	}{
		{Plain, "090-1234-5678", true, "090-1234-5678", false},
		{Last4, "090-1234-5678", true, "****5678", false},
		{Last4, "札幌市中央区", true, "****市中央区", false},
		{Last4, "1234", true, "****", false},
		{Last4, "\xff\xfe", true, "****", false},
		{Stars, "a", true, "****", false},
		{Stars, "a", false, "", true},
		{Null, "a", true, "", true},
	} {
		got, null := tt.method.Apply(nil, []byte(tt.value), tt.text)
		if string(got) != tt.want || null != tt.null {
			t.Errorf("%s(%q): %q, %v", tt.method, tt.value, got, null)
		}
	}
	d := Decision{Masks: []Mask{{customers, element.Phone, Last4}, {customers, element.Email, Null}}}
	if got := d.Mask(customers, element.MaskOf(element.Phone, element.Email)); got != Null {
		t.Errorf("strictest: %s", got)
	}
	if got := d.Mask("public.other", element.MaskOf(element.Phone)); got != Plain {
		t.Errorf("another table: %s", got)
	}
}
