package story

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"sekisho/internal/desk"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lang"
	"sekisho/internal/rule"
	"sekisho/internal/view/casefile"
	"sekisho/proof/scope"
)

//go:embed texts.yaml
var textFile []byte

var texts = lang.MustLoad(textFile)

// The people of every office in the stories, by rank. mio stands in for ren,
// who does not work on holidays.
const (
	duty    = "sora"
	csirt   = "ren"
	deputy  = "mio"
	ciso    = "aoi"
	officer = "rin"
)

// officeSource is where the customers of every office are numbered.
const officeSource = event.SubjectSource("office")

// teller writes Sekisho's column.
type teller struct {
	Office
	told *Told
	scan uint64
}

// say adds a line of what Sekisho does now.
func (t *teller) say(sort, key string, args ...any) { t.sayAt(t.Now(), sort, key, args...) }

func (t *teller) sayAt(at time.Time, sort, key string, args ...any) {
	t.told.Entries = append(t.told.Entries, Entry{At: at, Sort: sort, Text: words(key, args...)})
}

// assume marks the last line as resting on something that is not in the sources.
func (t *teller) assume() { t.told.Entries[len(t.told.Entries)-1].Assumed = true }

func words(key string, args ...any) Text {
	return Text{texts.In(lang.Japanese).Text(key, args...), texts.In(lang.English).Text(key, args...)}
}

func (t *teller) check(key, want, got string) {
	t.told.Checks = append(t.told.Checks, Check{words("check_" + key), want, got, want == got})
}

func (t *teller) number(key string, want, got uint64) {
	t.check(key, lang.Count(want), lang.Count(got))
}

// until moves the clock to a time in Japan.
func (t *teller) until(ctx context.Context, text string) error { return t.Until(ctx, day(text)) }

// do records bodies that must be allowed.
func (t *teller) do(ctx context.Context, bodies ...event.Cased) error {
	for _, b := range bodies {
		if _, err := t.Do(ctx, b); err != nil {
			return fmt.Errorf("%T: %w", b, err)
		}
	}
	return nil
}

// refused records a body that must be refused and returns why.
func (t *teller) refused(ctx context.Context, body event.Cased) (*casefile.Refusal, error) {
	_, err := t.Do(ctx, body)
	var no *casefile.Refusal
	if errors.As(err, &no) {
		return no, nil
	}
	if err == nil {
		return &casefile.Refusal{Key: "allowed"}, nil
	}
	return nil, err
}

// holds records what a scan read at a place: subjects first to last.
func (t *teller) holds(ctx context.Context, place event.Place, first, last uint32, elements ...element.Kind) error {
	t.scan++
	at := t.Now().UnixNano()
	return t.Observe(ctx, "scan/office", &event.HoldingScan{Scan: t.scan, Part: 1, Parts: 1, Table: place, Source: officeSource, From: at, To: at,
		Elements: element.MaskOf(elements...), Rows: uint64(last-first) + 1, Subjects: event.Set{{First: first, Last: last}}})
}

// measure freezes a version of the figures and returns it.
func (t *teller) measure(ctx context.Context, id string, q scope.Query, server string, elements ...string) (*casefile.Scope, error) {
	text, err := q.MarshalJSON()
	if err != nil {
		return nil, err
	}
	if err := t.do(ctx, &event.CaseScope{Case: id, Query: string(text), Elements: elements, Server: server, By: duty}); err != nil {
		return nil, err
	}
	a, err := t.Case(ctx, id)
	if err != nil {
		return nil, err
	}
	return a.Case.Figures(), nil
}

// concentrated asks what the misused cards of a case have in common by the
// office's own records, and returns the first place.
func (t *teller) concentrated(ctx context.Context, id string) (*event.CommonPlace, error) {
	if err := t.do(ctx, &event.CaseCommon{Case: id, Source: officeSource, Query: "{}", By: duty}); err != nil {
		return nil, err
	}
	a, err := t.Case(ctx, id)
	if err != nil {
		return nil, err
	}
	if a.Case.Common == nil || len(a.Case.Common.Found) == 0 {
		return nil, errors.New("the misused cards have no place in common")
	}
	return &a.Case.Common.Found[0], nil
}

// clock returns a duty of a case.
func (t *teller) clock(ctx context.Context, id, ruleID string) (*desk.Clock, error) {
	a, err := t.Case(ctx, id)
	if err != nil {
		return nil, err
	}
	for i := range a.Clocks {
		if a.Clocks[i].Rule == ruleID {
			return &a.Clocks[i], nil
		}
	}
	return nil, fmt.Errorf("no clock %s runs in case %s", ruleID, id)
}

// filled says that a document is in the case though nobody asked for it, and
// checks that it is the process that wrote it, now.
func (t *teller) filled(ctx context.Context, id, kind, say string) error {
	a, err := t.Case(ctx, id)
	if err != nil {
		return err
	}
	got := "-"
	if d := a.Case.Drafts[kind]; d != nil {
		got = d.Writer + " " + stamp(event.Time(d.At))
	}
	t.say("drafts", say)
	t.check(say, casefile.Machine+" "+stamp(t.Now()), got)
	return nil
}

// called returns the first call to a rank for a timer, at or after a time.
func (t *teller) called(rank, key string, from time.Time) (Called, bool) {
	i := slices.IndexFunc(t.Calls(), func(c Called) bool {
		return c.Rank == rank && !c.At.Before(from) && strings.Contains(c.Text, key)
	})
	if i < 0 {
		return Called{}, false
	}
	return t.Calls()[i], true
}

// saysCalled adds a line for the first call to a rank for a timer since a time,
// and checks the minute.
func (t *teller) saysCalled(check, say, rank, key string, from time.Time, want string) {
	c, ok := t.called(rank, key, from)
	got := "-"
	if ok {
		got = stamp(c.At)
		t.sayAt(c.At, "calls", say, "person", c.To)
	}
	t.check(check, want, got)
}

func stamp(t time.Time) string { return t.In(rule.Tokyo).Format("2006-01-02 15:04") }

// days between two dates.
func days(from, to string) int {
	a, _ := time.Parse(time.DateOnly, from)
	b, _ := time.Parse(time.DateOnly, to)
	return int(b.Sub(a).Hours() / 24)
}

var books = sync.OnceValue(casefile.DefaultBooks)

// sayMissing adds a line with what a refusal misses, in words.
func (t *teller) sayMissing(key, class string, no *casefile.Refusal, args ...any) {
	in := func(l lang.Language) string {
		var list []string
		for _, m := range no.Missing {
			list = append(list, books().NameOf(m, class, l))
		}
		return texts.In(l).Text(key, append(args, "missing", strings.Join(list, " / "))...)
	}
	t.told.Entries = append(t.told.Entries, Entry{At: t.Now(), Sort: "refuses", Text: Text{in(lang.Japanese), in(lang.English)}})
}

// unknownFields counts what a document says nobody knows yet.
func unknownFields(d *desk.Document) (n int) {
	for _, p := range d.Parts {
		for _, r := range p.Rows {
			if r.Unknown {
				n++
			}
		}
	}
	return n
}

// finish does what closing a case needs and closes it with a second person.
func (t *teller) finish(ctx context.Context, id, host, cause, reason string) error {
	at := t.Now().UnixNano()
	for _, form := range []string{"log-export", "image"} {
		if err := t.do(ctx, &event.CaseEvidence{Case: id, Evidence: id + "-" + form, Step: "preserved", Form: form, Host: host, SHA256: sum64, At: at, To: duty, Kept: "金庫2", By: duty}); err != nil {
			return err
		}
	}
	a, err := t.Case(ctx, id)
	if err != nil {
		return err
	}
	for _, k := range a.Case.Tasks {
		if k.State == "open" {
			if err := t.do(ctx, &event.CaseTask{Case: id, Task: k.ID, Step: "done", By: duty}); err != nil {
				return err
			}
		}
	}
	for _, k := range a.Clocks {
		if k.Ended == "" {
			if err := t.do(ctx, &event.CaseClock{Case: id, Rule: k.Rule, Step: "receipt", Number: "1", SHA256: sum64, At: at, By: duty}); err != nil {
				return err
			}
		}
	}
	return t.do(ctx, &event.CaseAgree{Case: id, Act: casefile.ActClose, By: ciso},
		&event.CaseMove{Case: id, To: casefile.Closed, Cause: cause, Reason: reason, By: csirt, Second: ciso})
}

// release has a document written by one person and released by another, and
// returns what went out.
func (t *teller) release(ctx context.Context, id, kind string, slots map[string]string) (*desk.Document, error) {
	if err := t.do(ctx, &event.CaseDraft{Case: id, Draft: kind, Step: "write", Slots: slots, Lang: "ja", By: duty}); err != nil {
		return nil, err
	}
	d, err := t.Draft(ctx, id, kind)
	if err != nil {
		return nil, err
	}
	return d, t.do(ctx, &event.CaseDraft{Case: id, Draft: kind, Step: "release", SHA256: d.SHA256, By: deputy})
}
