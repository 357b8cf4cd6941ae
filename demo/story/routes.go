package story

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"sekisho/internal/lang"
)

// Routes is what was seen of JTB's ways out in a network of namespaces: an
// office PC, a web server and a results server behind four exits with a gate
// each, a hub, and the attacker's server beyond them.
type Routes struct {
	Exits    int `json:"exits"`
	Before   int `json:"before"`   // sessions with the attacker when the alarm comes
	Receipts int `json:"receipts"` // exits that answered the one command
	Ended    int `json:"ended"`    // sessions that they closed
	After    int `json:"after"`    // sessions that live after the receipts
	Ways     int `json:"ways"`     // over which the file leaves then
	Received int `json:"received"` // how often the attacker has it, by his own count
	// Raised is how many of the four signs of an exit that nobody listed, and of
	// who goes around a gate, were raised, and how long after it was opened.
	Raised      int           `json:"raised"`
	RaisedAfter time.Duration `json:"raised_after_ns"`
	Wrong       int           `json:"wrong"` // findings about exits that are listed
	// With one route closed, as in the source.
	OneBefore   int `json:"one_before"`   // sessions that stand
	OneWays     int `json:"one_ways"`     // over which the file leaves
	OneReceived int `json:"one_received"` // how often the attacker has it
	// Under a policy of the hub that allows nothing.
	Asked    int `json:"asked"`  // new sessions
	Denied   int `json:"denied"` // of them
	Ledgers  int `json:"ledgers"`
	Verified int `json:"verified"` // ledgers that verify at the end
}

// RaisedWithin is how soon an exit that nobody listed must be raised.
const RaisedWithin = time.Minute

// signs of an exit that nobody listed: a route, connections that pass by the
// gate, a counter of packets, and the address that the internet sees.
const signs = 4

// NoNetwork is an error: this machine gives us no network of namespaces.
type NoNetwork struct {
	// Why is system (What: its name), program (What: which is missing), refused
	// (What: the machine's words) or unasked.
	Why  string `json:"why"`
	What string `json:"what,omitempty"`
}

func (e *NoNetwork) Error() string { return "no network namespaces: " + e.Why + " " + e.What }

// inNetwork is 19 to 21 March once more, where the machine lets us: whole
// machines in place of gates on loopback, with the clock of this day. What cannot
// be played is said and not counted.
func (t *teller) inNetwork(ctx context.Context) error {
	alarm, made := day("2016-03-19 10:20"), day("2016-03-21 01:32")
	r, err := t.Routes(ctx)
	if no := (*NoNetwork)(nil); errors.As(err, &no) {
		text := Text{no.in(lang.Japanese), no.in(lang.English)}
		t.told.Entries = append(t.told.Entries, Entry{At: alarm, Sort: "knows", Text: text})
		t.told.Skipped = append(t.told.Skipped, text)
		return nil
	}
	if err != nil {
		return err
	}
	t.told.Routes = r
	seconds := int(math.Ceil(r.RaisedAfter.Seconds()))
	t.sayAt(alarm, "blocks", "jtb_net_cut", "exits", r.Exits, "before", r.Before, "receipts", r.Receipts, "ended", r.Ended, "after", r.After)
	t.assume()
	t.sayAt(alarm, "raises", "jtb_net_fifth", "raised", r.Raised, "signs", signs, "seconds", seconds)
	t.assume()
	t.sayAt(made, "blocks", "jtb_net_csv", "ways", r.Ways, "received", r.Received)
	t.sayAt(made, "knows", "jtb_net_one", "before", r.OneBefore, "ways", r.OneWays, "received", r.OneReceived)
	t.assume()
	fifth := fmt.Sprintf("%d/%d %d", r.Raised, signs, r.Wrong)
	if r.RaisedAfter > RaisedWithin {
		fifth += fmt.Sprintf(" (%d s)", seconds)
	}
	t.check("jtb_net_before", fmt.Sprint(routes), fmt.Sprint(r.Before))
	t.check("jtb_net_cut", fmt.Sprintf("%d/%d %d", routes, routes, routes), fmt.Sprintf("%d/%d %d", r.Receipts, r.Exits, r.Ended))
	t.check("jtb_net_csv", "0 0 0", fmt.Sprint(r.After, r.Ways, r.Received))
	t.check("jtb_net_fifth", fmt.Sprintf("%d/%d 0", signs, signs), fifth)
	t.check("jtb_net_one", fmt.Sprint(routes-1, routes-1, routes-1), fmt.Sprint(r.OneBefore, r.OneWays, r.OneReceived))
	t.check("jtb_net_policy", "2/2", fmt.Sprintf("%d/%d", r.Denied, r.Asked))
	t.check("jtb_net_ledgers", fmt.Sprintf("%d/%d", routes+1, routes+1), fmt.Sprintf("%d/%d", r.Verified, r.Ledgers))
	return nil
}

// in says it in words.
func (e *NoNetwork) in(l lang.Language) string {
	say := texts.In(l)
	return say.Text("jtb_net_skipped", "why", say.Text("skip_"+e.Why, "what", e.What))
}
