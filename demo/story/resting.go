package story

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sekisho/internal/lang"
)

// CardFile is a file of made-up cards, a row each. Its path is below a folder that
// is a place; To is where it is moved, empty when it is deleted.
type CardFile struct {
	Path, To string
	Cards    int
}

// Moved is what is known after files were moved and deleted.
type Moved struct {
	Held       map[string]uint64 // card numbers ever held, by folder
	All        uint64            // at all of them, each counted once
	Recognised int               // files that were known again where they went
}

// List is what is known of a list that was made and deleted.
type List struct {
	Held uint64 // persons in it
	Gone bool
}

// Core is what an intruder received of a core database, and what is known of it.
type Core struct {
	Received                   int
	Confirmed, Reachable, Held uint64
	Others                     uint64 // whom another user can have read
}

// Notes is where card numbers among operators' notes were found: in a database
// and in a dump, a workbook and a log that copy it.
type Notes struct {
	Reported []int    // rows with a card number, by place
	Wrong    []string // places whose rows are not those that were planted
	Held     []uint64 // card numbers ever held, by place
	Kept     int      // planted numbers in what Sekisho keeps
}

// Resting plays what rests in files and databases, in processes of their own
// beside the office with the clock of the day on which the story is told.
type Resting interface {
	Moves(ctx context.Context, files []CardFile) (Moved, error)
	List(ctx context.Context, rows int) (List, error)
	// Core and Notes return ErrNoDatabase where no PostgreSQL is installed.
	Core(ctx context.Context, orders, read int) (Core, error)
	Notes(ctx context.Context, rows, cards int) (Notes, error)
}

// moved is 1 May 2013: AP-A's data moves to another server, the logs of the web
// servers are gone, and then somebody asks. How many cards were in which file is
// not in the sources, nor how long Web-A held its own.
func (t *teller) moved(ctx context.Context, all, onA uint64) error {
	if err := t.until(ctx, "2013-05-01 18:00"); err != nil {
		return err
	}
	onWeb := int(all - onA)
	files := []CardFile{
		{"ap-a/2008/orders.csv", "ap-c/2008/orders.csv", int(onA) / 2}, {"ap-a/2012/orders.csv", "ap-c/2012/orders.csv", int(onA) - int(onA)/2},
		{"web-a/access.csv", "", onWeb / 2}, {"web-b/access.csv", "", onWeb - onWeb/2},
	}
	m, err := t.Moves(ctx, files)
	if err != nil {
		return err
	}
	web := m.Held["web-a"] + m.Held["web-b"]
	t.say("knows", "ts_moved", "all", lang.Count(m.All), "a", lang.Count(m.Held["ap-a"]), "web", lang.Count(web), "n", m.Recognised)
	t.assume()
	t.number("ts_moved_all", all, m.All)
	t.number("ts_moved_a", onA, m.Held["ap-a"])
	t.number("ts_moved_web", all-onA, web)
	t.check("ts_moved_known", fmt.Sprint("2, ", lang.Count(onA)), fmt.Sprint(m.Recognised, ", ", lang.Count(m.Held["ap-c"])))
	return t.core(ctx)
}

// core is the core database beside them: the source says that nothing can have
// left it (流出の可能性なし), on the strength of logs; here the gate's records say
// who was read, and that the gate saw everything.
func (t *teller) core(ctx context.Context) error {
	orders, read := t.told.figure(1000000), t.told.figure(2773)
	c, err := t.Core(ctx, int(orders), int(read))
	if errors.Is(err, ErrNoDatabase) {
		t.say("knows", "ts_no_database")
		return nil
	}
	if err != nil {
		return err
	}
	t.say("knows", "ts_core", "held", lang.Count(c.Held), "received", lang.Count(uint64(c.Received)), "confirmed", lang.Count(c.Confirmed), "reachable", lang.Count(c.Reachable), "others", c.Others)
	t.assume()
	n := lang.Count(read)
	t.check("ts_core", fmt.Sprintf("%s / %s / %s", n, n, n), fmt.Sprintf("%s / %s / %s", lang.Count(uint64(c.Received)), lang.Count(c.Confirmed), lang.Count(c.Reachable)))
	t.check("ts_core_others", "0 / "+lang.Count(orders), fmt.Sprint(c.Others, " / ", lang.Count(c.Held)))
	return nil
}

// noteRows is how many notes the 203 are among: the sources do not say.
const noteRows = 100_000

// noted is a scan of the operators' notes before the attack: what stands in them,
// and in the copies that somebody made.
func (t *teller) noted(ctx context.Context) error {
	if err := t.until(ctx, "2015-12-01 10:00"); err != nil {
		return err
	}
	cards := t.told.figure(203)
	n, err := t.Notes(ctx, noteRows, int(cards))
	if errors.Is(err, ErrNoDatabase) {
		t.say("knows", "sp_no_database")
		return nil
	}
	if err != nil {
		return err
	}
	t.say("knows", "sp_notes", "rows", lang.Count(noteRows), "reported", listed(n.Reported))
	t.assume()
	want := listed([]int{int(cards), int(cards), int(cards), int(cards)})
	t.check("sp_notes", want, listed(n.Reported))
	t.check("sp_notes_rows", "yes", yes(len(n.Wrong) == 0))
	t.check("sp_notes_held", want, listed(n.Held))
	t.check("sp_notes_kept", "0", fmt.Sprint(n.Kept))
	return nil
}

func listed[N any](all []N) string {
	var out []string
	for _, n := range all {
		out = append(out, fmt.Sprint(n))
	}
	return strings.Join(out, " / ")
}

// listRows is how many invented persons are in the list.
const listRows = 1_000

// listMade is 21 March 2016: a list is made on the server, and deleted.
func (t *teller) listMade(ctx context.Context) error {
	l, err := t.List(ctx, listRows)
	if err != nil {
		return err
	}
	t.say("knows", "jtb_list", "n", lang.Count(l.Held))
	t.assume()
	t.check("jtb_list", lang.Count(listRows)+" yes", lang.Count(l.Held)+" "+yes(l.Gone))
	return nil
}
