package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/fault"
)

// TestFieldReview: a field that a gate learned is refused, forgotten, accepted,
// and taken out again, by the console; what is accepted stops what does not fit,
// and what people wrote in the file stays as it is.
func TestFieldReview(t *testing.T) {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "shop") }))
	t.Cleanup(shop.Close)
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	const mine = "# what we know of the shop\nparameters:\n  - {path: /plans, name: page, type: integer, max: 8} # pages\n" +
		"  - {template: /plans, method: POST, name: page, type: word} # of forms\n"
	if err := os.WriteFile(rules, []byte(mine), 0o600); err != nil {
		t.Fatal(err)
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	p := bareProcess(t, fmt.Sprintf(`web:
  - name: shop-web
    listen: 127.0.0.1:%s
    rules: %s
    learn: true
    sites: [{hosts: [shop.example.jp], upstream: '%s', firewall: enforce, cards: enforce}]
`, port, rules, shop.URL))
	c := &console{process: p}
	ctx, parts := t.Context(), newStage(context.WithoutCancel(t.Context()))
	parts.failed = make(chan error, 1)
	t.Cleanup(func() {
		if err := parts.stop(); err != nil {
			t.Error(err)
		}
	})
	for _, start := range []func(context.Context, *stage) error{p.startCuts, p.startWeb} {
		if err := start(ctx, parts); err != nil {
			t.Fatal(err)
		}
	}
	visit := func(path string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(ctx, "GET", "http://127.0.0.1:"+port+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "shop.example.jp"
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	state := func() string {
		t.Helper()
		f, err := c.Fields(ctx)
		if err != nil || !f.Learns {
			t.Fatalf("%+v, %v", f, err)
		}
		var out []string
		for _, x := range f.List {
			out = append(out, fmt.Sprintf("%s %s %s %s %d", x.Path, x.Name, x.State, x.Type, x.Times))
		}
		return strings.Join(out, "; ")
	}
	review := func(do, path, name string) error {
		r := consoleoffice.FieldReview{Do: do, Gate: "shop-web", Host: "shop.example.jp", Path: path, Name: name, Type: "integer", Max: 8, Reason: "looked through", By: "kaede"}
		f, err := c.Fields(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range f.List {
			if x.Host == r.Host && x.Path == path && x.Name == name {
				r.Rule = x.Rule
			}
		}
		return c.ReviewField(ctx, r)
	}
	for _, path := range []string{"/search?no=12&words=sea", "/orders/17?no=3"} {
		if code := visit(path); code != http.StatusOK {
			t.Fatalf("%s: %d", path, code)
		}
	}
	const learned = "/orders/:x no learned integer 1; /search no learned integer 1; /search words learned word 1; "
	const said = "/plans page forced integer 0; /plans page forced word 0; "
	if got := state(); got != strings.TrimSuffix(learned+said, "; ") {
		t.Fatalf("learned: %s", got)
	}
	for _, bad := range []struct{ do, path, name string }{{"accept", "/orders/:x", "no"}, {"accept", "/search", "nothing"}, {"guess", "/search", "no"}, {"forget", "/search", "nothing"}} {
		if err := review(bad.do, bad.path, bad.name); fault.Faults(err)[0].Code != fault.ConsoleForm {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if acts := actsIn(t, p); len(acts) != 0 {
		t.Errorf("recorded of what was refused: %q", acts)
	}
	for _, step := range []struct{ do, path, name, want string }{
		{"refuse", "/search", "words", "/orders/:x no learned integer 1; /search no learned integer 1; " + said + "/search words refused  1"},
		{"forget", "/orders/:x", "no", "/search no learned integer 1; " + said + "/search words refused  1"},
		{"accept", "/search", "no", said + "/search no forced integer 1; /search words refused  1"},
	} {
		if err := review(step.do, step.path, step.name); err != nil {
			t.Fatalf("%+v: %v", step, err)
		}
		if got := state(); got != step.want {
			t.Errorf("after %s of %s: %s", step.do, step.name, got)
		}
	}
	for path, want := range map[string]int{"/search?no=12": http.StatusOK, "/search?no=twelve": http.StatusForbidden, "/searching?no=twelve": http.StatusOK} {
		if code := visit(path); code != want {
			t.Errorf("%s: %d", path, code)
		}
	}
	if err := review("accept", "/search", "no"); err == nil {
		t.Error("accepted twice")
	}
	for _, name := range []string{"no", "words"} {
		if err := review("forget", "/search", name); err != nil {
			t.Fatal(err)
		}
	}
	if code := visit("/search?no=twelve"); code != http.StatusOK {
		t.Errorf("a type that was taken out: %d", code)
	}
	text, err := os.ReadFile(rules)
	if err != nil || !strings.HasPrefix(string(text), mine) {
		t.Errorf("the file of rules: %v\n%s", err, text)
	}
	if acts := actsIn(t, p); len(acts) != 5 || !strings.Contains(strings.Join(acts, "\n"), "accept-field") {
		t.Errorf("%q", acts)
	}

	// A name that a client made of somebody's data is not written down.
	if code := visit("/search?hanako%40mail.example.jp=1&no=7"); code != http.StatusOK {
		t.Fatal(code)
	}
	if err := review("refuse", "/search", "hanako@mail.example.jp"); err != nil {
		t.Fatal(err)
	}
	if acts := strings.Join(actsIn(t, p), "\n"); strings.Contains(acts, "hanako") || !strings.Contains(acts, "refuse-field") {
		t.Error(acts)
	}

	// Of two lines about one field the one goes that was shown, and what was learned
	// of it on any site of the gate is learned anew.
	if code := visit("/plans?page=12"); code != http.StatusOK {
		t.Fatal(code)
	}
	f, err := c.Fields(ctx)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(f.List, func(x consoleoffice.Field) bool { return x.Path == "/plans" && x.Method == "POST" })
	if at < 0 {
		t.Fatalf("%+v", f.List)
	}
	x := f.List[at]
	r := consoleoffice.FieldReview{Do: "forget", Gate: x.Gate, Host: x.Host, Path: x.Path, Name: x.Name, Rule: "another", Reason: "looked through", By: "kaede"}
	if err := c.ReviewField(ctx, r); fault.Faults(err)[0].Code != fault.ConsoleForm {
		t.Errorf("a line that is not there: %v", err)
	}
	r.Rule = x.Rule
	if err := c.ReviewField(ctx, r); err != nil {
		t.Fatal(err)
	}
	if got := state(); !strings.Contains(got, "/plans page forced integer 0") || strings.Contains(got, "/plans page forced word") {
		t.Errorf("after the line of forms went: %s", got)
	}
}

// TestWithoutItem: an item goes with its lines and no others, or not at all.
func TestWithoutItem(t *testing.T) {
	for _, tt := range []struct{ text, list, want string }{
		{"parameters:\n  - {name: a, type: word}\n  - name: b\n    type: word\n\n# more\nrefused: []\n", "parameters", "parameters:\n  - name: b\n    type: word\n\n# more\nrefused: []\n"},
		{"parameters:\n  - name: b\n    type: word\n\n# more\nexceptions: []\n", "parameters", "parameters:\n\n# more\nexceptions: []\n"},
		{"refused:\n- {name: a, reason: r, by: b}\n- {name: c, reason: r, by: b}\n", "refused", "refused:\n- {name: c, reason: r, by: b}\n"},
		{"parameters: [{name: a, type: word}]\n", "parameters", ""},
		{"parameters:\n  -\n    name: a\n    type: word\n", "parameters", "parameters:\n"},
	} {
		got, err := withoutItem(tt.text, tt.list, 0)
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%q:\n%q, %v", tt.text, got, err)
		}
	}
}

// TestPaymentEvidence: what the console hands out is what `sekisho card verify`
// accepts, and that somebody took it is recorded.
func TestPaymentEvidence(t *testing.T) {
	p := bareProcess(t, "web:\n  - name: shop-web\n    listen: 127.0.0.1:1\n    sites: [{hosts: [shop.example.jp], upstream: 'http://127.0.0.1:1', cards: enforce}]\n")
	c := &console{process: p}
	e, err := c.PaymentEvidence(t.Context(), consoleoffice.EvidenceRequest{By: "ayame", Lang: "en"})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string][]byte{evidenceJSON: e.JSON, evidencePDF: e.PDF, evidenceNote: e.Note} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a := &app{ctx: t.Context(), say: texts.In("en"), lang: "en", env: environment{stdout: io.Discard, stderr: io.Discard}}
	if err := (cardVerifyCmd{Dir: dir, Key: e.Key}).Run(a); err != nil {
		t.Error(err)
	}
	if acts := actsIn(t, p); len(acts) != 1 || !strings.Contains(acts[0], "card-evidence") {
		t.Errorf("%q", acts)
	}
	if paid, err := c.Payment(t.Context()); err != nil || paid.Key != e.Key {
		t.Errorf("%+v, %v", paid, err)
	}
}
