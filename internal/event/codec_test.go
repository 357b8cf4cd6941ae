package event

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/element"
)

var update = flag.Bool("update", false, "write new golden lines for kinds that have none")

// goldenBodies has one full body of each kind, in order of the kinds.
func goldenBodies() []Body {
	parts := []Part{
		{Table: "shop/public.customers", Source: "shop.customers", Elements: element.MaskOf(element.Name, element.Email),
			Class: Exact, Rows: 3, Subjects: Set{{1, 5}, {9, 9}, {12, math.MaxUint32}}, Unknown: 1},
		{Table: "shop/public.payments", Source: "shop.customers", Elements: element.MaskOf(element.CardPAN), Class: Bounded, Reason: "predicate"},
	}
	at := int64(1763773200123456789)
	return []Body{
		&SourceStart{Start: 3, Version: "1.0.0", Places: []Place{"shop"}, Mode: "enforce"},
		&SourceStop{Reason: "signal"},
		&Heartbeat{Places: []Place{"shop"}, Sessions: 21},
		&Gap{From: at, To: at + 5, Places: []Place{"shop"}, Reason: "power cut"},
		&SessionOpen{Session: 1<<32 | 7, Place: "shop", Database: "shop", User: "app", Address: "2001:db8::1", Port: 50412,
			Label: "予約 <web> & \"co\"\n", TLS: true, ServerPID: 4711},
		&SessionClose{Session: 1<<32 | 7, Reason: "terminate", Rows: 12, Bytes: 3456},
		&Statement{Statement: math.MaxUint64, Text: "SELECT name FROM customers WHERE id = $1"},
		&Intent{Session: 1<<32 | 7, Statement: math.MaxUint64, From: at, Parts: parts[1:]},
		&Crossing{Session: 1<<32 | 7, Statement: math.MaxUint64, Intent: 42, More: true, Outcome: OutcomeDone, From: at, To: at + 9, Count: 2, Parts: parts},
		&Decision{Session: 1<<32 | 7, Statement: 8, Action: "refuse", Rule: "bulk", Reason: "rows", Policy: "sha256:00", Code: "42501", ID: "E1"},
		&Exchange{ID: "E2", Place: "web/shop", Host: "shop.example.jp", Method: "POST", Route: "/orders/:x", Address: "192.0.2.7", TLS: true, Protocol: "HTTP/2.0", Trace: "4bf92f3577b34da6a3ce929d0e0e4736"},
		&ExchangeEnd{ID: "E2", Status: 200, Outcome: "done", Received: 12, Sent: 3456, Elements: element.MaskOf(element.Email, element.Phone), Nanos: 1500000,
			Counts: []ElementCount{{element.MaskOf(element.Email), 2}, {element.MaskOf(element.Phone), 1}}, Unread: "encoding"},
		&HoldingScan{Scan: 5, Part: 1, Parts: 2, Table: "shop/public.customers", Source: "shop.customers",
			Elements: element.MaskOf(element.Unclassified, element.Payment), From: at, To: at + 1, Rows: 100000, Unknown: 2, Subjects: Set{{0, 99999}}},
		&HoldingChange{Session: 1<<32 | 7, Table: "shop/public.customers", Source: "shop.customers", Op: "insert", Rows: 1, Unknown: 1, Subjects: Set{{7, 7}}},
		&Taint{Table: "shop/public.copy", From: []Place{"shop/public.customers"}, Source: "shop.customers",
			Elements: element.MaskOf(element.Phone), Reason: "insert select", Temporary: true},
		&Coverage{From: at, To: at + 1, Places: []Place{"shop"}, Reason: "bypass"},
		&Finding{Code: "SK3001", Title: "a session bypassed the gate", Place: "shop", Detail: "1 session"},
		&Subjects{Source: "shop.customers", Epoch: 1, Number: 10, Count: 2, KeyID: "k1", Sealed: []byte{1, 2, 3}},
		&KeyCreated{KeyID: "k1", Purpose: "dictionary"},
		&KeyDestroyed{KeyID: "k1", By: "ayame", Reason: "retention"},
		&PolicyLoaded{Generation: 2, Policy: "sha256:01", Mode: "enforce"},
		&PolicyRejected{Policy: "sha256:02", Reason: "unknown key"},
		&Bypass{Places: []Place{"shop"}, Open: true, By: "ayame", Reason: "outage"},
		&BreakGlass{Grant: "g1", Step: "approve", By: "ren", User: "dba", Elements: element.MaskOf(element.Name), Places: []Place{"shop"}, Until: at, Purpose: "repair"},
		&ScopeFrozen{By: "ayame", Query: `{"places":["shop"]}`, Confirmed: 1, Reachable: 2, EverHeld: 3, Digest: "sha256:03"},
		&Retention{Policy: "3y", First: 0, Last: 99, Reason: "age"},
		&Witness{Name: "w1", Size: 9, Head: "base64"},
		&Unknown{Of: 999, Raw: json.RawMessage(`{"new":[1,{"x":"y"}]}`)},
		&CaseSign{Case: "c1", Class: "outbound", Channel: "monitor", Title: "外部への不審な通信", Places: []Place{"shop"}, Hosts: []string{"web-1"}, KnownAt: at, KnownBy: "jss", Org: "JSS", By: "ayame", Facts: []string{"suspicion"}},
		&CaseFact{Case: "c1", Fact: "persons", KnownAt: at, KnownBy: "ren", Org: "x", Persons: 1001, By: "ayame", Text: "t", Withdrawn: true},
		&CaseMove{Case: "c1", To: "closed", Class: "outbound", By: "ayame", Second: "ren", Reason: "r"},
		&CaseTask{Case: "c1", Task: "t1", Step: "add", Title: "t", Owner: "ren", Due: at, Lesson: true, By: "ayame", Reason: "r"},
		&CaseEvidence{Case: "c1", Evidence: "e1", Step: "preserved", Host: "web-1", Form: "image", SHA256: "00", At: at, By: "ayame", To: "ren", Kept: "safe 2"},
		&CaseAction{Case: "c1", Action: "a1", Step: "receipt", Do: "cut", Target: "all", Override: true, By: "ayame", Second: "ren", Reason: "r", Result: "ok", Applied: 4, Failed: 1, Places: []Place{"shop"}},
		&CaseScope{Case: "c1", Version: 2, Stated: "s", Query: "{}", Position: 9, Digest: "d", Bundle: "b", Unit: "persons", Confirmed: 1, Reachable: 2, EverHeld: 3, Elements: []string{"name"}, Server: "AP-A", From: at, To: at + 1, By: "ayame"},
		&CaseMisuse{Case: "c1", Report: "m1", Items: []Misuse{{Token: "00", At: at, Uses: []Usage{{Place: "shop", At: at}}}}, By: "ayame"},
		&CaseReport{Case: "c1", Report: "f1", Step: "answer", SHA256: "00", Question: "flaw", Answer: "a", Evidence: "p. 3", By: "ayame", Second: "ren", Reason: "r"},
		&CaseDecision{Case: "c1", Subject: "publish", Choice: "wait", Reason: "r", ReviewAt: at, By: "ayame"},
		&CaseClock{Case: "c1", Rule: "jp.appi.prelim", Step: "receipt", Number: "7", SHA256: "00", At: at, Text: "t", Reason: "r", By: "ayame"},
		&CaseDraft{Case: "c1", Draft: "ppc-prelim", Step: "write", Slots: map[string]string{"cause": "c"}, SHA256: "00", Scope: 2, By: "ayame", Reason: "r"},
		&CaseNotice{Case: "c1", Key: "open", Step: "sent", Rank: "csirt", To: "ren", Channel: "mail", Reason: "r", Due: at},
		&Account{Step: "roles", Account: "ren", Roles: []string{"default/csirt"}, Name: "phone", Until: at, By: "ayame"},
		&Login{Step: "failed", Account: "ren", Method: "password", Address: "192.0.2.7", Reason: "code"},
		&Look{Session: 1<<32 | 8, By: "ayame", Purpose: "notice", Case: "c1", Source: "shop.customers", Subjects: Set{{1, 5}}},
		&Act{By: "ayame", Do: "verify", Target: "ledger", Result: "done", Detail: "d"},
		&Flow{ID: "E3", Place: "egress/out", Protocol: "connect", Client: "10.1.2.3", Role: "office", By: "address", User: "ayame", Host: "www.example.jp", Port: 443, Method: "GET",
			Address: "199.5.26.7", Action: "report", Step: "mode", Rule: "default", Reason: "no entry of the role allows it", Policy: "00", Cuts: 3},
		&FlowBytes{ID: "E3", Sent: 1, Received: 2, Nanos: 3},
		&FlowEnd{ID: "E3", Outcome: "cut", Detail: "c7", Name: "www.example.jp", ECH: true, Sent: 1, Received: 2, Nanos: 3},
		&Lookup{ID: "E4", Place: "resolver/dns", Client: "10.1.2.3", Role: "office", Name: ":x.evil.example", Base: "evil.example", Type: "TXT", Bytes: 120, Mark: "9f", Action: "refuse", Step: "deny", Rule: "default", Reason: "r", Policy: "00", Cuts: 3},
		&Lookups{Place: "resolver/dns", From: at, To: at + 1, Items: []LookupCount{{"10.1.2.3", "www.example.jp", 9}}},
		&ExitPolicy{Generation: 3, Policy: "00"},
		&CaseAgree{Acted: Acted{Proved: "key"}, Case: "c1", Act: "override:rebuild:web-1", By: "ren"},
		&CaseMove{Acted: Acted{Proved: "os-user"}, Case: "c1", To: "closed", Cause: "load", By: "ayame", Second: "ren", Reason: "r"},
		&CaseDraft{Acted: Acted{Proved: "key"}, Case: "c1", Draft: "web", Step: "release", SHA256: "00", Scope: 2, Lang: "ja", By: "ayame"},
		&HostBoot{Host: "AP-A", BootID: "b1", At: at, Reason: "panic", By: "agent"},
		&HostPlan{Acted: Acted{Proved: "key"}, Host: "AP-A", From: at, To: at + 1, Reason: "update", By: "ren"},
		&CutOrdered{Generation: 7, Digest: "00", At: at, Add: []CutEntry{{ID: "cut-7", Kind: "name", Target: "evil.example", Until: at, Case: "c1"}}, Remove: []string{"cut-3"}, By: "ayame", Reason: "r"},
		&CutReceipt{Gate: "osaka/out", Generation: 7, Digest: "00", Closed: 1000, At: at, Text: "t\n"},
		&GateEnrolled{Gate: "osaka", Step: "enrolled", Key: "osaka+00+x", Cert: "00", By: "ayame"},
		&GateLink{Gate: "osaka", Up: true, Generation: 7, Reason: "r"},
		&Detection{What: "beacon", Host: "10.0.0.5", Dest: "c2.example", From: at, At: at + 1, Score: .5, Learning: true, Further: true, Features: []DetectionFeature{{"interval_seconds", "60"}}},
		&DetectionException{ID: "x1", Step: "make", What: "beacon", Host: "10.0.0.0/24", Dest: "tool.example", Until: at, By: "ayame", Reason: "r"},
		&ExitSeen{Seen: "osaka", Step: "unknown", Way: "route", Interface: "wwan0", Next: "192.0.2.1", Address: "203.0.113.9", At: at},
		&Cleared{Places: []Place{"shop"}, By: "ayame", Reason: "read it"},
		&Taint{Table: "shop/public.audit", From: []Place{"shop/public.customers"}, Source: "shop.customers", Elements: element.MaskOf(element.Email), Reason: "code", Columns: []string{"a"}, Rows: true, Standing: true},
		&Relation{Database: "shop", System: "7/5", OID: 16390, Table: "shop/public.customers", File: 16390, Source: "shop.customers", Key: 1, From: []Place{"shop/public.old"},
			Columns: []RelationColumn{{Num: 1, Name: "id", Version: 730}, {Num: 2, Name: "mail", Version: 731, Elements: element.MaskOf(element.Email), Carried: element.MaskOf(element.Name), From: []Place{"shop/public.customers"}}},
			Rows:    element.MaskOf(element.Name), RowsFrom: []Place{"shop/public.customers"}},
		&SiteRules{Gate: "shop-web", Digest: "ab12", Exceptions: 2, Patches: 1, Parameters: 7, Refused: "patches[0].until"},
		&SiteStop{Host: "shop.example.jp", What: "payment", Stopped: true, By: "ayame", Reason: "a form was changed"},
		&Object{Place: "www/list.csv", From: at, To: at + 50e6, Created: true, Gone: true, Writes: 2, Size: 1234, Was: "www/list.tmp", Like: "office/list.csv", Content: "00ff", Unread: "gone before it was read"},
		&SiteGuard{Place: "web/shop-web/shop.example.jp", Host: "shop.example.jp", Firewall: "enforce", Cards: "enforce", Pages: "report", Payment: []string{"/checkout/"}, Lower: []string{"/admin/"}, Providers: []Provider{{Host: "pay.example.com", AOC: "2026-04", Expires: "2027-03-31"}}, Canary: 3600000000000},
		&PageItem{Place: "web/shop-web/shop.example.jp", Route: "/checkout/", Item: "0123456789abcdef", What: "form", Name: "https://pay.example.com/link", Hash: "sha256:00", Host: "pay.example.com", Problem: "unauthorised"},
		&Canary{Place: "web/shop-web/shop.example.jp", Reached: "pay.example.com", Refused: true, OK: true, Nanos: 1200000},
		&PersonDecision{A: "00ff", B: "01ff", KeyID: "k1", Same: true, Reason: "a letter", By: "ayame"},
		&PersonRun{Step: "add", Sources: []PersonSource{{"members", 10, 1}}, Records: 10, Persons: 8, Low: 7, Estimate: 8, High: 9, Review: 1, Decisions: 2, Precision: .999, Recall: .9, By: "ayame"},
		&PersonChange{Changes: []PersonMove{{"merge", 3, []uint32{7}, "decided"}}, By: "ayame"},
		&PersonNotices{Scope: "00", Class: "reachable", Rows: 5, Persons: 6, Channels: map[string]uint64{"email": 5}, Missing: 1, SHA256: "00", Encrypted: "age-x25519", To: []string{"age1x"}, Case: "c1", By: "ayame", Reason: "r"},
		&SiteLogin{Place: "web/shop-web/shop.example.jp", Exchange: "7QK3M2ZP4RTAB6XW", Account: "00ff", Source: "shop.customers", Subject: new(uint32), Address: "192.0.2.7", OK: true, Leaked: true},
		&CaseCommon{Acted: Acted{Proved: "key"}, Case: "c1", Source: "shop.customers", Query: "{}", Position: 9, Misused: 5, Known: 4, Members: 100, Paid: 3, Payers: 50, Untold: 2, Left: 1,
			Found: []CommonPlace{{How: "crossing", Place: "shop/notes", User: "app", Address: "192.0.2.9", From: at, To: at + 1, Hits: 4, Of: 4, Seen: 9, All: 100, OneIn: 3}}, By: "ayame"},
		&Drift{Database: "shop", At: at, Count: 2, Items: []DriftItem{{Table: "public.customers", Column: "memo", What: "new column"}, {Table: "public.old", What: "other element", Configured: "phone", Found: "card.pan"}}},
		&Copied{Place: "backup/shop.sql", At: at, Of: []Place{"shop/public.customers"}, How: "pg_dump", Subjects: 3},
		&CaseText{Acted: Acted{Proved: "key"}, Case: "c1", Name: "page of 14 June", Step: "load", SHA256: "00ff", Stated: Stated{Numbers: []string{"6,788,433"}, Items: []string{"氏名"}, Contacts: []string{"4"}}, By: "ayame", Reason: "r"},
		&Intent{Session: 1<<32 | 7, Statement: 8, From: at, Parts: parts[1:], Trace: "4bf92f3577b34da6a3ce929d0e0e4736"},
		&Crossing{Session: 1<<32 | 7, Statement: 8, Intent: 42, Outcome: OutcomeDone, From: at, To: at + 9, Count: 2, Parts: parts,
			Traces: []string{"4bf92f3577b34da6a3ce929d0e0e4736", "5bd66ef5095369c7b0d1f8f4bd33716a"}},
		&PlacesChanged{Begun: []Place{"web/shop-web/club.example.jp"}, Ended: []Place{"web/shop-web/old.example.jp"}},
		&RecordDue{Sites: []string{"nagoya", "osaka"}},
		&SiteStop{Host: "shop.example.jp", What: "site", Stopped: true, By: "ayame", Reason: "a form was changed", Also: []string{"club.example.jp"}},
		&CaseMisuse{Case: "c1", Report: "misuse", Items: []Misuse{{Token: "00ff", At: at}}, By: "ayame", List: "7QK3M2ZP4RTAB6XW", Of: 450},
	}
}

func goldenEvent(i int, body Body) *Event {
	return &Event{
		Tenant: "default", Source: "gate/shop-db", Worker: 1, Seq: Seq(i + 1), At: time.Unix(1763773200, int64(i)).UTC(),
		ClockErr: time.Millisecond, Prev: Digest{byte(i), 1, 2, 3}, Body: body,
	}
}

// TestGolden freezes the bytes: a line written by any version of this program
// is in the file and must decode to the same event for ever.
func TestGolden(t *testing.T) {
	const name = "testdata/golden.jsonl"
	var got []byte
	for i, body := range goldenBodies() {
		got = Append(got, goldenEvent(i, body))
	}
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("encoding changed (-frozen +now):\n%s", diff)
	}
	lines := bytes.SplitAfter(want, []byte{'\n'})
	for i, body := range goldenBodies() {
		e, err := Parse(lines[i])
		if err != nil {
			t.Errorf("line %d: %v", i+1, err)
			continue
		}
		if diff := cmp.Diff(goldenEvent(i, body), e); diff != "" {
			t.Errorf("line %d decodes differently (-want +got):\n%s", i+1, diff)
		}
	}
}

func TestEveryKindHasGoldenBytes(t *testing.T) {
	seen := make(map[Kind]bool)
	for _, body := range goldenBodies() {
		seen[body.Kind()] = true
	}
	for k := range Kind(1000) {
		if newBody(k) != nil && !seen[k] {
			t.Errorf("kind %d has no golden body", k)
		}
	}
}

// TestHotEqualsReflection compares the encoders by hand with encoding/json.
func TestHotEqualsReflection(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	hot := []func() Body{
		func() Body { return new(SessionOpen) }, func() Body { return new(Intent) },
		func() Body { return new(Crossing) }, func() Body { return new(HoldingScan) },
		func() Body { return new(Flow) }, func() Body { return new(FlowEnd) },
		func() Body { return new(Exchange) }, func() Body { return new(ExchangeEnd) },
	}
	for range 3000 {
		body := hot[rng.IntN(len(hot))]()
		fillValue(rng, reflect.ValueOf(body).Elem())
		got := body.appendJSON(nil)
		want := bytes.ReplaceAll(appendStruct(nil, body), []byte(`"parts":null`), []byte(`"parts":[]`))
		if !bytes.Equal(got, want) {
			t.Fatalf("%T\n got %s\nwant %s", body, got, want)
		}
		line := Append(nil, goldenEvent(0, body))
		h, err := ParseHeader(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		s := scanner{text: h.Body}
		scanned, ok := newBody(h.Kind).(scannedBody)
		if !ok {
			continue // encoded by hand, decoded by encoding/json
		}
		if scanned.scan(&s, new(Decoder)); s.bad || len(s.rest()) > 0 {
			t.Fatalf("%T: decoder by hand refused %s", body, h.Body)
		}
		if diff := cmp.Diff(body, scanned.(Body)); diff != "" {
			t.Fatalf("%s\n(-want +got):\n%s", h.Body, diff)
		}
	}
}

// fillValue fills v with random content; half of the fields stay zero.
func fillValue(rng *rand.Rand, v reflect.Value) {
	if set, ok := v.Addr().Interface().(*Set); ok {
		for n := uint32(0); rng.IntN(3) > 0; {
			r := Range{n + rng.Uint32N(9), 0}
			r.Last = r.First + rng.Uint32N(3)
			*set, n = append(*set, r), r.Last+2
		}
		return
	}
	if v.Kind() != reflect.Struct && rng.IntN(2) == 0 {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fillValue(rng, v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1+rng.IntN(3), 3))
		for i := range v.Len() {
			fillValue(rng, v.Index(i))
		}
	case reflect.String:
		v.SetString([]string{"shop", "a/b.c", "予約", `q"\`, "<&>\u2028", "\x01\t", " "}[rng.IntN(7)])
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64, reflect.Int:
		v.SetInt(int64(rng.Uint64()))
	default:
		v.SetUint(rng.Uint64() & (math.MaxUint64 >> (64 - v.Type().Bits())))
	}
}

// TestString compares with encoding/json: every byte at every place of texts
// of up to three words of eight bytes.
func TestString(t *testing.T) {
	for length := range 25 {
		text := bytes.Repeat([]byte{'a'}, length)
		for at := range length {
			for c := range 256 {
				text[at] = byte(c)
				want := appendStruct([]byte("x"), string(text))
				if got := appendString([]byte("x"), string(text)); string(got) != string(want) {
					t.Fatalf("%q: %s, want %s", text, got, want)
				}
				if simple := c >= ' ' && c < 0x7f && c != '"' && c != '\\'; plain(string(text)) != simple {
					t.Fatalf("%q: plain is %v", text, !simple)
				}
			}
			text[at] = 'a'
		}
	}
}

func TestParseRefuses(t *testing.T) {
	good := string(Append(nil, goldenEvent(0, &SourceStop{Reason: "x"})))
	if _, err := Parse([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, line := range map[string]string{
		"empty":            "",
		"not JSON":         "hello",
		"white space":      strings.Replace(good, `"w":`, `"w": `, 1),
		"other order":      strings.Replace(good, `{"t":"default","s":"gate/shop-db"`, `{"s":"gate/shop-db","t":"default"`, 1),
		"number zero":      strings.Replace(good, `"n":1,`, `"n":0,`, 1),
		"leading zero":     strings.Replace(good, `"n":1,`, `"n":01,`, 1),
		"worker too big":   strings.Replace(good, `"w":1,`, `"w":65536,`, 1),
		"negative zero":    strings.Replace(good, `"ce":1000000,`, `"ce":-0,`, 1),
		"number overflows": strings.Replace(good, `"n":1,`, `"n":18446744073709551616,`, 1),
		"short digest":     strings.Replace(good, `"p":"AAEC`, `"p":"EC`, 1),
		"digest with bits": strings.Replace(good, `AAAAAA","b"`, `AAAAAB","b"`, 1),
		"cut":              good[:len(good)-3],
		"body of another":  strings.Replace(good, `{"reason":"x"}`, `{"reason":7}`, 1),
		"body not object":  strings.Replace(good, `{"reason":"x"}`, `"x"`, 1),
		"two lines":        good + good,
	} {
		if e, err := Parse([]byte(line)); err == nil {
			t.Errorf("%s: %q was taken as %+v", name, line, e)
		}
	}
}

// TestNewerField: a known kind with a field of a newer program keeps what this
// program knows.
func TestNewerField(t *testing.T) {
	line := string(Append(nil, goldenEvent(0, &SessionOpen{Session: 7, User: "app"})))
	line = strings.Replace(line, `"user":"app"`, `"user":"app","from_the_future":{"a":1}`, 1)
	e, err := Parse([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Body(&SessionOpen{Session: 7, User: "app"}), e.Body); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzParse(f *testing.F) {
	for i, body := range goldenBodies() {
		f.Add(Append(nil, goldenEvent(i, body)))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := Parse(line)
		if err != nil {
			return
		}
		again := Append(nil, e)
		e2, err := Parse(again)
		if err != nil {
			t.Fatalf("%q\nwas decoded and encoded to\n%q\nwhich does not decode: %v", line, again, err)
		}
		if third := Append(nil, e2); !bytes.Equal(again, third) {
			t.Fatalf("two encodings:\n%q\n%q", again, third)
		}
	})
}

// Numbers and digests are read by hand; strconv and encoding/base64 say what
// they are.
func FuzzScanner(f *testing.F) {
	for _, text := range []string{
		"0", "7", "00", "01", "12345678", "123456789", "1234567x", "0000000012345678", "9999999999999999", "18446744073709551615",
		"18446744073709551616", "99999999999999999999", "1763773200123456789,", "12345678:2345678", "1234567/", "", "-1", "AAAAAAAAAAAAAAAAAAAAAA",
		"/+9zAZ09azAZ/+/+09azAQ", "AAAAAAAAAAAAAAAAAAAAAB", "AAAAAAAAAAAAAAAAAAAA\nA", "AAAAAAAAAAAAAAAAAAAA==", "AAAA-AAAAAAAAAAAAAAAAA",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		digits := 0
		for digits < len(text) && '0' <= text[digits] && text[digits] <= '9' {
			digits++
		}
		want, err := strconv.ParseUint(string(text[:digits]), 10, 64)
		ok := err == nil && (digits == 1 || text[0] != '0')
		s := scanner{text: text}
		if got := s.uint(math.MaxUint64); s.bad == ok || ok && (got != want || s.at != digits) {
			t.Errorf("uint of %q: got %d, bad %v, at %d; want %d, %v", text, got, s.bad, s.at, want, ok)
		}
		if len(text) != prevLen {
			return
		}
		var d Digest
		s = scanner{text: slices.Concat([]byte{'"'}, text, []byte{'"'})}
		s.prev(&d)
		raw, err := base64.RawStdEncoding.Strict().DecodeString(string(text))
		if ok := err == nil && len(raw) == len(d); s.bad == ok || ok && !bytes.Equal(raw, d[:]) {
			t.Errorf("digest of %q: got %x, bad %v; want %x, %v", text, d, s.bad, raw, err)
		}
	})
}

func FuzzSet(f *testing.F) {
	f.Add("1-5,9,12-40")
	f.Fuzz(func(t *testing.T, text string) {
		set, err := ParseSet([]byte(text))
		if err != nil {
			return
		}
		if got := string(set.Append(nil)); got != text {
			t.Fatalf("%q has another spelling: %q", text, got)
		}
	})
}

func benchCrossing() *Event {
	return goldenEvent(6, &Crossing{
		Session: 1<<32 | 7, Statement: math.MaxUint64, Intent: 42, Outcome: OutcomeDone,
		From: 1763773200123456789, To: 1763773200123456799, Count: 2,
		Parts: []Part{{Table: "shop/public.customers", Source: "shop.customers",
			Elements: element.MaskOf(element.Name, element.Email), Class: Exact, Rows: 1, Subjects: Set{{4711, 4711}}}},
	})
}

func BenchmarkAppend(b *testing.B) {
	e := benchCrossing()
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		buf = Append(buf[:0], e)
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkParse(b *testing.B) {
	line := Append(nil, benchCrossing())
	var d Decoder
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := d.Parse(line); err != nil {
			b.Fatal(err)
		}
	}
}
