package desk

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/lang"
	"sekisho/internal/notify"
	"sekisho/internal/view"
	"sekisho/internal/view/casefile"
	"sekisho/internal/view/casefile/draft"
	"sekisho/internal/view/casefile/roster"
	"sekisho/internal/view/viewtest"
)

// office is a desk over a ledger in memory, with a clock.
type office struct {
	*Desk
	ledger viewtest.Ledger
	follow *view.Follower
	now    time.Time
	sent   []string // "rank person key"
	down   map[string]bool
	seq    event.Seq
	files  map[string][]byte
}

// growing lets the follower read what was added later.
type growing struct{ o *office }

func (g growing) Scan(ctx context.Context, from event.Index, fn func(event.Index, []byte) error) error {
	return g.o.ledger.Scan(ctx, from, fn)
}

func (g growing) Wait(ctx context.Context, next event.Index) (event.Index, error) {
	return g.o.ledger.Wait(ctx, next)
}

func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{now: time.Date(2016, 3, 19, 1, 0, 0, 0, time.UTC), down: map[string]bool{}, files: map[string][]byte{}}
	v, err := casefile.Open(t.Context(), casefile.Config{Path: filepath.Join(t.TempDir(), "c.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	if o.follow, err = view.Follow(t.Context(), "casefile", growing{o}, v); err != nil {
		t.Fatal(err)
	}
	people := &roster.Roster{}
	for i, rank := range roster.Ranks {
		people.People = append(people.People, roster.Person{ID: fmt.Sprintf("p%d", i), Rank: rank, Reach: []string{"x"}, Deputy: "d"})
	}
	people.People = append(people.People, roster.Person{ID: "d", Rank: "csirt", Reach: []string{"x"}})
	o.Desk = New(Config{View: v, Firm: &casefile.Firm{Roster: people}, Settle: o.follow.CatchUp, Now: func() time.Time { return o.now },
		Log: slog.New(slog.DiscardHandler), Lang: lang.Japanese,
		Record: func(_ context.Context, by event.Source, bodies ...event.Body) error {
			for _, b := range bodies {
				o.seq++
				o.ledger.Add(by, o.seq, o.now.UnixNano(), 0, b)
			}
			return nil
		},
		Company: draft.Company{Name: "見本旅行"},
		Keep:    func(name string, text []byte) error { o.files[name] = text; return nil },
		Kept:    func(name string) ([]byte, error) { return o.files[name], nil },
		Reach: func(_ context.Context, p *roster.Person, m notify.Message) ([]string, error) {
			if o.down[p.ID] || m.Subject == "" || strings.Contains(m.Text, "!") || strings.Contains(m.Text, "{") {
				return nil, errors.New("bounced")
			}
			o.sent = append(o.sent, p.Rank+" "+p.ID)
			return []string{"mail"}, nil
		}})
	return o
}

func (o *office) sign(t testing.TB, title string) string {
	t.Helper()
	id, err := o.Propose(t.Context(), &event.CaseSign{Class: "unknown", Channel: "button", Title: title, KnownAt: o.now.UnixNano(), KnownBy: "x", By: "x"}, roster.Caller{})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (o *office) tick(t testing.TB) time.Time {
	t.Helper()
	next, err := o.Tick(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// TestFP08_DraftAtTheClock: the preliminary report is in the case when its
// clock has begun, with what nobody knows marked; a person takes it, and only
// then another releases it.
func TestFP08_DraftAtTheClock(t *testing.T) {
	o := newOffice(t)
	o.now = time.Date(2026, 11, 20, 1, 0, 0, 0, time.UTC)
	key := func(name string) roster.Caller { return roster.Caller{Key: name} }
	for i := range o.Firm.Roster.People {
		p := &o.Firm.Roster.People[i]
		p.KeySHA256 = roster.KeySum("k" + p.ID)
	}
	id, err := o.Propose(t.Context(), &event.CaseSign{Class: "card-misuse", Channel: "psp", Title: "知らせ", KnownAt: o.now.UnixNano(), KnownBy: "psp", By: "p0"}, key("kp0"))
	if err != nil {
		t.Fatal(err)
	}
	o.tick(t)
	o.tick(t)
	c, err := o.View.Case(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	d := c.Drafts["ppc-prelim"]
	if d == nil || d.Writer != casefile.Machine || d.At != o.now.UnixNano() {
		t.Fatalf("the preliminary report when the clock begins: %+v", d)
	}
	written := 0
	for _, e := range c.Log {
		if e.What == "draft" && e.Args[0] == "ppc-prelim" {
			written++
		}
	}
	if written != 1 {
		t.Errorf("written %d times", written)
	}
	doc, err := o.Draft(t.Context(), id, "ppc-prelim", nil, lang.Japanese)
	if err != nil || !strings.Contains(doc.Text(id), "未把握") {
		t.Fatalf("what nobody knows is not marked: %v", err)
	}
	release := &event.CaseDraft{Case: id, Draft: "ppc-prelim", Step: "release", SHA256: doc.SHA256, By: "p1"}
	var no *casefile.Refusal
	if _, err := o.Propose(t.Context(), release, key("kp1")); !errors.As(err, &no) || no.Key != "draft_machine" {
		t.Errorf("one person alone releases what the process wrote: %v", err)
	}
	if _, err := o.Propose(t.Context(), &event.CaseDraft{Case: id, Draft: "ppc-prelim", Step: "write", Lang: "ja", By: "p0"}, key("kp0")); err != nil {
		t.Fatal(err)
	}
	if doc, err = o.Draft(t.Context(), id, "ppc-prelim", nil, lang.Japanese); err != nil {
		t.Fatal(err)
	}
	release.SHA256 = doc.SHA256
	if _, err := o.Propose(t.Context(), release, key("kp1")); err != nil {
		t.Errorf("taken by one, released by another: %v", err)
	}
}

// TestFP08_TimersCallWithoutAButton: nobody presses anything; every call and
// every silence is an event; a second look, a restart and a rebuild call nobody.
func TestFP08_TimersCallWithoutAButton(t *testing.T) {
	o := newOffice(t)
	o.sign(t, "変な画面が出る")
	next := o.tick(t)
	if !slices.Equal(o.sent, []string{"duty p0", "duty p0"}) { // open, and for his knowledge
		t.Fatalf("at once: %v", o.sent)
	}
	if next.Sub(o.now) != time.Hour {
		t.Errorf("the next call is in %s, want one hour", next.Sub(o.now))
	}
	o.sent = nil
	for range 5 {
		o.now = o.now.Add(time.Hour)
		o.tick(t)
		o.tick(t)
	}
	if want := []string{"csirt p1", "duty p0", "ciso p2"}; !slices.Equal(o.sent, want) {
		t.Errorf("in five hours: %v, want %v", o.sent, want)
	}
	c, err := o.View.Case(t.Context(), "c1")
	if err != nil {
		t.Fatal(err)
	}
	silent := 0
	for _, n := range c.Notices {
		if n.Step == "silent" {
			silent++
		}
	}
	if silent != 3 { // of the ladder two, and who was told for his knowledge
		t.Errorf("%d silences are in the ledger, want 3: %+v", silent, c.Notices)
	}
	o.sent = nil
	fresh, err := casefile.Open(t.Context(), casefile.Config{Path: filepath.Join(t.TempDir(), "again.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	if err := view.Check(t.Context(), "casefile", growing{o}, o.View, fresh); err != nil {
		t.Error(err)
	}
	if len(o.sent) != 0 {
		t.Errorf("a rebuild called %v", o.sent)
	}
}

// TestBounces: whoever cannot be reached is recorded; deputies and then the
// next rank are called at once; when nobody is left it is red, and nothing is
// lost.
func TestBounces(t *testing.T) {
	o := newOffice(t)
	o.down["p0"] = true
	o.sign(t, "t")
	o.tick(t)
	if !slices.Contains(o.sent, "csirt d") {
		t.Errorf("the deputy was not called: %v", o.sent)
	}
	all := newOffice(t)
	for _, p := range all.Firm.Roster.People {
		all.down[p.ID] = true
	}
	id := all.sign(t, "t")
	all.tick(t)
	c, err := all.View.Case(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	red := strings.Join(c.Red(all.View.Books(), all.Firm, all.now), "\n")
	for _, want := range []string{"failed open:0 duty p0", "nobody open:0 duty", "nobody open:0 csirt", "nobody open:0 ciso", "nobody open:0 officer"} {
		if !strings.Contains(red, want) {
			t.Errorf("%q is not red:\n%s", want, red)
		}
	}
	if len(all.sent) != 0 {
		t.Errorf("reached %v", all.sent)
	}
	if next := all.tick(t); next.Sub(all.now) != time.Hour {
		t.Errorf("with nobody reached the next time is %s", next)
	}
	all.down = map[string]bool{} // the mail server is back
	all.now = all.now.Add(59 * time.Minute)
	if all.tick(t); len(all.sent) != 0 {
		t.Errorf("called again too soon: %v", all.sent)
	}
	all.now = all.now.Add(time.Minute)
	all.tick(t)
	if want := []string{"duty p0", "duty p0", "csirt p1"}; !slices.Equal(all.sent, want) { // open, for his knowledge
		t.Errorf("an hour later: %v, want %v", all.sent, want)
	}
	all.sent = nil
	if all.tick(t); len(all.sent) != 0 {
		t.Errorf("twice: %v", all.sent)
	}
	all.now = all.now.Add(23 * time.Hour) // and silence climbs to the end
	all.tick(t)
	for _, want := range []string{"ciso p2", "officer p3"} {
		if !slices.Contains(all.sent, want) {
			t.Errorf("a day later: %v, want %s", all.sent, want)
		}
	}
}

// TestNoPersonalData: the ledger is for ever.
func TestNoPersonalData(t *testing.T) {
	o := newOffice(t)
	for _, title := range []string{"カード 4111 1111 1111 1111 の件", "taro@example.co.jp から連絡"} {
		_, err := o.Propose(t.Context(), &event.CaseSign{Class: "unknown", Channel: "button", Title: title, KnownAt: o.now.UnixNano(), KnownBy: "x", By: "x"}, roster.Caller{})
		var no *casefile.Refusal
		if !errors.As(err, &no) || no.Key != "personal" {
			t.Errorf("%q was recorded: %v", title, err)
		}
	}
	if len(o.ledger) != 0 {
		t.Errorf("%d events", len(o.ledger))
	}
	for range 200 { // times and hashes are no card numbers
		o.now = o.now.Add(1234567 * time.Microsecond)
		o.sign(t, "ok")
	}
}

type plainHash struct{}

func (plainHash) Sum(fields ...[]byte) (out [32]byte) {
	h := sha256.New()
	for _, f := range fields {
		h.Write(f)
	}
	h.Sum(out[:0])
	return out
}

func TestToken(t *testing.T) {
	a, b := Token(plainHash{}, "4111-1111 11111111"), Token(plainHash{}, "4111111111111111")
	if a != b || len(a) != 32 || strings.Contains(a, "4111") || a == Token(plainHash{}, "4111111111111112") {
		t.Errorf("%s %s", a, b)
	}
}

func TestLoadFirm(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	put("hook", "http://127.0.0.1:1/x\n", 0o600)
	good := "company: {name: 見本旅行, facts: [travel]}\npeople:\n  - {id: a, name: A, rank: duty, reach: [slack, 'mailto:a@example.jp']}\nchannels:\n  - {name: slack, kind: slack, url_file: hook}\n"
	f, err := LoadFirm(put("good.yaml", good, 0o644))
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(f.Warnings(lang.English), "\n"); !strings.Contains(text, `no way "mailto:a@example.jp"`) || !strings.Contains(text, `there on holidays: officer`) {
		t.Errorf("warnings: %s", text)
	}
	japanese := strings.Join(f.Warnings(lang.Japanese), "\n")
	if n := len(f.Warnings(lang.Japanese)); n != 4 || !strings.Contains(japanese, "「mailto:a@example.jp」がありません") || !strings.Contains(japanese, "休日に連絡できる 役員 の人がいません") || strings.Contains(japanese, "!") {
		t.Errorf("%d warnings: %s", n, japanese)
	}
	if _, err := f.Reach(t.Context(), &f.People[0], notify.Message{Subject: "s", Text: "t"}); err == nil {
		t.Error("a port that nobody listens on was reached")
	}
	timed, err := LoadFirm(put("timed.yaml", strings.Replace(good, "facts: [travel]", "founded: '1989-04-01'", 1)+"climb: {csirt: 10m, officer: 12h}\n", 0o644))
	if err != nil {
		t.Fatal(err)
	}
	if v := timed.View(); v.Climb != (casefile.Climb{CSIRT: 10 * time.Minute, Officer: 12 * time.Hour}) || !v.Founded.Equal(time.Date(1989, 3, 31, 15, 0, 0, 0, time.UTC)) {
		t.Errorf("climbs %+v, founded %s", v.Climb, v.Founded)
	}
	for name, text := range map[string]string{
		"a day that is none":              strings.Replace(good, "facts: [travel]", "founded: '1989-04-31'", 1),
		"silence longer than the default": good + "climb: {csirt: 61m}\n",
		"an officer before the CISO":      good + "climb: {ciso: 2h, officer: 1h}\n",
		"no time at all":                  good + "climb: {csirt: -1m}\n",
	} {
		if _, err := LoadFirm(put("bad.yaml", text, 0o644)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	put("hook", "http://127.0.0.1:1/x\n", 0o644)
	if err := os.Chmod(filepath.Join(dir, "hook"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"open secret": good, "unknown key": "compny: {}\n", "bad kind": strings.Replace(good, "kind: slack", "kind: pigeon", 1)} {
		if _, err := LoadFirm(put("bad.yaml", text, 0o644)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// TestTenBounce: ten people of one rank, nobody reachable: each delivery is
// written down, the next rank is called at once, and a second look repeats
// nothing.
func TestTenBounce(t *testing.T) {
	o := newOffice(t)
	o.Firm.Roster.People[0].Deputy = ""
	for i := range 9 {
		id := fmt.Sprintf("n%d", i)
		o.Firm.Roster.People = append(o.Firm.Roster.People, roster.Person{ID: id, Rank: "duty", Reach: []string{"x"}})
		o.down[id] = true
	}
	o.down["p0"] = true
	id := o.sign(t, "t")
	o.tick(t)
	c, err := o.View.Case(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	failed := map[string]bool{}
	for _, n := range c.Notices {
		if n.Key == "open:0" && n.Step == "failed" {
			failed[n.To] = true
		}
	}
	if len(failed) != 10 {
		t.Errorf("%d of ten bounces are in the ledger", len(failed))
	}
	if !slices.Contains(o.sent, "csirt p1") {
		t.Errorf("the next rank was not called at once: %v", o.sent)
	}
	if red := strings.Join(c.Red(o.View.Books(), o.Firm, o.now), "\n"); !strings.Contains(red, "nobody open:0 duty") {
		t.Errorf("it is not red: %s", red)
	}
	before := len(o.ledger)
	o.tick(t)
	if len(o.ledger) != before {
		t.Errorf("a second look wrote %d events", len(o.ledger)-before)
	}
}

// TestClosedDecisionsCall: a closed case with a decision to wait still calls,
// and one without does not.
func TestClosedDecisionsCall(t *testing.T) {
	o := newOffice(t)
	known(o)
	for _, decided := range []bool{false, true} {
		id := o.sign(t, "t")
		o.tick(t)
		steps := []event.Cased{&event.CaseTask{Case: id, Task: "look", Step: "done", By: "p0"}}
		if decided {
			steps = append(steps, &event.CaseDecision{Case: id, Subject: "publish", Choice: "not-yet", Reason: "r", ReviewAt: o.now.Add(72 * time.Hour).UnixNano(), By: "p2"})
		}
		steps = append(steps, &event.CaseAgree{Case: id, Act: casefile.ActClose, By: "p2"}, &event.CaseMove{Case: id, To: casefile.Closed, Reason: "r", By: "p1", Second: "p2"})
		for _, b := range steps {
			caller := map[string]roster.Caller{"p0": key("k0"), "p1": key("k1"), "p2": account("acct2")}[who(b)]
			if _, err := o.Propose(t.Context(), b, caller); err != nil {
				t.Fatal(err)
			}
		}
		if waiting, err := o.View.Waiting(t.Context()); err != nil || len(waiting) == 1 != decided {
			t.Errorf("decided %v: waiting %v (%v)", decided, waiting, err)
		}
	}
	o.sent = nil
	o.now = o.now.Add(72 * time.Hour)
	o.tick(t)
	if want := []string{"csirt p1"}; !slices.Equal(o.sent, want) {
		t.Errorf("at the review %v, want %v", o.sent, want)
	}
}
