package story

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sekisho/internal/lang"
)

// Page is what the shop serves at a path.
type Page struct{ Path, Type, Body string }

// Served is what came of a page on its way through the web gate, and what the
// ledger has of it.
type Served struct {
	Status  int
	Code    string // with which the gate stopped it, empty when it passed
	Body    string // that came
	Cut     bool   // the connection ended before the page did
	Decided []string
	Raised  []string // findings: code, and what is wrong
}

// Injected is what an attacker got through a web gate that only watched, and what
// is known of it.
type Injected struct {
	Seen                       int  // requests that the firewall knew as injections
	Received                   int  // persons whose data the attacker's process has
	Same                       bool // they are the confirmed ones, each of them and nobody else
	Confirmed, Reachable, Held uint64
	Database                   uint64 // persons whom the database's records alone leave reachable
}

// Shop plays the shop behind the web gate.
type Shop interface {
	// Serve has the shop serve a page, and asks for it through the web gate as a
	// customer does.
	Serve(ctx context.Context, p Page) (Served, error)
	// Authorise says that all parts belong there that the ledger knows of pages which
	// lead to payment, and returns how many there are.
	Authorise(ctx context.Context) (parts int, err error)
	// Injected sends so many injections one by one to a shop with so many invented
	// customers, of whom they ask for the first few, in a process of its own with the
	// clock of the day on which the story is told: a web gate that only watches, and a
	// database gate behind it. ErrNoDatabase: no PostgreSQL is installed.
	Injected(ctx context.Context, requests, held, asked int) (Injected, error)
}

// payPage is a page that sends to the payment provider.
const payPage = `<!doctype html><html><head><title>お支払い</title></head><body>
<script>go()</script><form action="https://pay.example.com/link" method="post"><input name="order"></form></body></html>`

// memory is a piece of a server's memory, with the record of a card in it. The flaw
// of 2017 gave such pieces out below HTTP, where a web gate reads nothing.
func memory() string {
	noise := strings.Repeat("\x00\x17\x03\x03session ticket\x7f", 1_000)
	return noise + "name=x&cardNumber=" + testCard + "&exp=1219&cvv=000" + noise
}

// checkout is the day on which the shop sells by link, its page authorised, and
// somebody changes it: each change is stopped and raised.
func (t *teller) checkout(ctx context.Context) error {
	page := func(body string) Page { return Page{"/checkout/", "text/html; charset=utf-8", body} }
	first, err := t.Serve(ctx, page(payPage))
	if err != nil {
		return err
	}
	parts, err := t.Authorise(ctx)
	if err != nil {
		return err
	}
	again, err := t.Serve(ctx, page(payPage))
	if err != nil {
		return err
	}
	t.say("knows", "hw_checkout", "parts", parts)
	t.assume()
	t.check("hw_checkout", "200 200 "+yes(true), fmt.Sprint(first.Status, " ", again.Status, " ", yes(again.Body == payPage && len(again.Raised) == 0)))
	for _, c := range []struct{ key, old, new, why string }{
		{"hw_form", "https://pay.example.com/link", "/checkout/card", "unauthorised"},
		{"hw_field", `<input name="order">`, `<input name="order"><input name="cardNumber">`, "unauthorised"},
		{"hw_script", "</body>", `<script src="https://cdn.example.net/s.js"></script></body>`, "host"},
		{"hw_provider", "pay.example.com", "pay.example.net", "host"},
	} {
		s, err := t.Serve(ctx, page(strings.Replace(payPage, c.old, c.new, 1)))
		if err != nil {
			return err
		}
		t.say("blocks", c.key, "code", s.Code)
		t.assume()
		t.check(c.key, "503 SK3417, "+c.why, stopped(&s))
	}
	s, err := t.Serve(ctx, Page{"/image.bin", "application/octet-stream", memory()})
	if err != nil {
		return err
	}
	t.say("blocks", "hw_memory")
	t.assume()
	t.check("hw_memory", "cut card / yes yes", fmt.Sprintf("%s / %s %s", strings.Join(s.Decided, ", "), yes(s.Cut), yes(!strings.Contains(s.Body, testCard[:13]))))
	return t.skimming(ctx)
}

// stopped says with what and why a page was stopped; all of it unless the answer, the
// decision and the one finding agree.
func stopped(s *Served) string {
	decided, raised := strings.Join(s.Decided, ", "), strings.Join(s.Raised, ", ")
	why := strings.TrimPrefix(decided, "cut page/")
	if s.Code != "" && strings.HasPrefix(raised, s.Code+" "+why+": ") && len(s.Raised) == 1 {
		return fmt.Sprintf("%d %s, %s", s.Status, s.Code, why)
	}
	return fmt.Sprintf("%d %q %q %q", s.Status, s.Code, decided, raised)
}

// skimming is the case that the changes open, which ends before the notice.
func (t *teller) skimming(ctx context.Context) error {
	lines, err := t.Open(ctx)
	if err != nil {
		return err
	}
	if len(lines) != 1 {
		t.check("hw_candidate", "web-injection", fmt.Sprint(len(lines)))
		return nil
	}
	t.say("raises", "hw_candidate")
	t.check("hw_candidate", "web-injection", lines[0].Class)
	if err := t.until(ctx, "2017-02-13 10:00"); err != nil {
		return err
	}
	return t.finish(ctx, lines[0].ID, "lb-1", "", "止めた変更だけで、番号は出ていない")
}

// watched is the attack of January once more, against a firewall that only watches:
// the source's 2,519 are all who paid by card, for nobody could say who was read.
func (t *teller) watched(ctx context.Context) error {
	requests, held, asked := t.told.figure(2900), t.told.figure(2519), t.told.figure(203)
	got, err := t.Injected(ctx, int(requests), int(held), int(asked))
	if errors.Is(err, ErrNoDatabase) {
		t.say("knows", "sp_watched_no_database")
		return nil
	}
	if err != nil {
		return err
	}
	received := lang.Count(uint64(got.Received))
	t.say("knows", "sp_watched", "n", lang.Count(uint64(got.Seen)), "received", received, "confirmed", lang.Count(got.Confirmed), "reachable", lang.Count(got.Reachable),
		"database", lang.Count(got.Database), "held", lang.Count(got.Held), "source", lang.Count(held))
	t.assume()
	t.number("sp_watched", requests, uint64(got.Seen))
	t.number("sp_received", asked, uint64(got.Received))
	t.check("sp_exact", received+" yes", lang.Count(got.Confirmed)+" "+yes(got.Same))
	t.number("sp_watched_held", held, got.Held)
	return nil
}
