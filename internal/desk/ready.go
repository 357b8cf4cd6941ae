package desk

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/lang"
	"sekisho/internal/notify"
	"sekisho/internal/view/casefile"
	"sekisho/internal/view/casefile/roster"
)

// testEvery is how often every rank must have answered a test call (FP17: the
// contact sheet is tried twice a year).
const testEvery = 183 * 24 * time.Hour

// Outside is who is called outside the firm.
type Outside struct {
	Name  string `yaml:"name"`
	Phone string `yaml:"phone"`
	Until string `yaml:"until,omitempty"` // last day of the contract, 2006-01-02
}

// Lack is something that is not ready.
type Lack struct {
	Key  string
	Args []any
}

// Text says it.
func (l Lack) Text(in lang.Language) string {
	args := slices.Clone(l.Args)
	for i := 0; i+1 < len(args); i += 2 {
		switch v := args[i+1].(type) {
		case roster.Problem:
			args[i+1] = problem(v, in)
		case string:
			if args[i] == "rank" {
				args[i+1] = casefile.Word("rank", v, in)
			}
		}
	}
	return texts.In(in).Text("lack_"+l.Key, args...)
}

// Ready returns what is missing before anything happens: nobody who answered a
// test call for half a year, no investigator under contract, nobody to call at
// the card company. Nothing is missing when it is empty.
func (f *Firm) Ready(tests map[string]time.Time, now time.Time) []Lack {
	var out []Lack
	for _, rank := range roster.Ranks {
		tried := false
		for _, p := range f.People {
			at, ok := tests[p.ID]
			tried = tried || p.Rank == rank && ok && now.Sub(at) <= testEvery
		}
		if !tried {
			out = append(out, Lack{"test", []any{"rank", rank}})
		}
	}
	today := now.Format(time.DateOnly)
	switch r := f.Retainer; {
	case r == nil || r.Name == "" || r.Phone == "":
		out = append(out, Lack{Key: "retainer"})
	case r.Until != "" && r.Until < today:
		out = append(out, Lack{"retainer_over", []any{"name", r.Name, "until", r.Until}})
	}
	if f.Acquirer == nil || f.Acquirer.Phone == "" {
		out = append(out, Lack{Key: "acquirer"})
	}
	for _, w := range f.warnings {
		out = append(out, Lack{"roster", []any{"problem", w}})
	}
	return out
}

// TestCalling is what a test call is in its order (event.Act): recorded before the
// first person is called, and as done after the last.
const TestCalling = "test-call"

// TestOrder is a test call that was ordered: by whom, how they proved who they are,
// and whom it has told or not reached so far.
type TestOrder struct {
	By, Proved string
	At         time.Time
	Told       map[string]bool
}

// TestCall calls everybody on duty for a test and returns whom it reached.
// Every delivery is recorded.
func (d *Desk) TestCall(ctx context.Context, by string, caller roster.Caller) (reached, failed []string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	how, err := d.Firm.Roster.Prove(by, caller)
	if err != nil {
		return nil, nil, &casefile.Refusal{Key: "not_you", Args: []any{"by", by}}
	}
	if d.Firm.Roster.Level(by) < 0 {
		return nil, nil, &casefile.Refusal{Key: "rank", Args: []any{"by", by, "rank", roster.Ranks[0]}}
	}
	ctx = context.WithoutCancel(ctx) // what was begun is ended, whoever goes away
	if err := d.testStep(ctx, by, "ordered", how); err != nil {
		return nil, nil, err
	}
	return d.callAll(ctx, &TestOrder{By: by, Proved: how})
}

// FinishTestCall calls those whom a process that ended had not called yet; one whose
// message had left and was not recorded is called twice.
func (d *Desk) FinishTestCall(ctx context.Context, o *TestOrder) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, _, err := d.callAll(ctx, o)
	return err
}

// DropTestCall says of a test call that a process which ended had not finished that
// it was not.
func (d *Desk) DropTestCall(ctx context.Context, o *TestOrder) error {
	return d.testStep(ctx, o.By, "interrupted", "the process ended before everybody was called")
}

func (d *Desk) testStep(ctx context.Context, by, result, detail string) error {
	return d.Record(ctx, "case", &event.Act{By: by, Do: TestCalling, Target: "everybody", Result: result, Detail: detail})
}

func (d *Desk) callAll(ctx context.Context, o *TestOrder) (reached, failed []string, err error) {
	say := texts.In(d.Lang)
	m := notify.Message{Subject: say.Text("test_subject"), Text: say.Text("test_text")}
	for i := range d.Firm.Roster.People {
		p := &d.Firm.Roster.People[i]
		if o.Told[p.ID] {
			continue
		}
		n := event.CaseNotice{Acted: event.Acted{Proved: o.Proved}, Case: casefile.TestCase, Key: casefile.TestCase, Step: "sent", Rank: p.Rank, To: p.ID, Due: d.Now().UnixNano(), Reason: "by " + o.By}
		ways, err := d.Reach(ctx, p, m)
		if err != nil {
			d.Log.Warn("a person was not reached by the test call", "person", p.ID, "err", err)
			n.Step = "failed"
			failed = append(failed, p.ID)
		} else {
			n.Channel = strings.Join(ways, ",")
			reached = append(reached, p.ID)
		}
		if err := d.Record(ctx, "case", &n); err != nil {
			return reached, failed, err
		}
	}
	return reached, failed, errors.Join(d.testStep(ctx, o.By, "done", ""), d.Settle(ctx))
}

func (d *Desk) answerTest(ctx context.Context, n *event.CaseNotice) (string, error) {
	if d.Firm.Roster.Level(n.To) < 0 {
		return "", &casefile.Refusal{Key: "rank", Args: []any{"by", n.To, "rank", roster.Ranks[0]}}
	}
	if err := d.Record(ctx, event.Source("person/"+n.To), n); err != nil {
		return "", err
	}
	return n.Case, d.Settle(ctx)
}

// Boot records that a machine started; the view opens or raises a case for it.
// Whoever reports it needs a name and no rank.
func (d *Desk) Boot(ctx context.Context, b *event.HostBoot) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.Now()
	if b.Host == "" || b.BootID == "" || b.By == "" || b.At <= 0 || event.Time(b.At).After(now.Add(time.Minute)) {
		return &casefile.Refusal{Key: "boot"}
	}
	if err := d.Record(ctx, event.Source("host/"+b.By), b); err != nil {
		return err
	}
	return d.Settle(ctx)
}

// Plan records a restart before it happens; it takes somebody of rank csirt.
func (d *Desk) Plan(ctx context.Context, p *event.HostPlan, caller roster.Caller) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	how, err := d.Firm.Roster.Prove(p.By, caller)
	if err != nil {
		return &casefile.Refusal{Key: "not_you", Args: []any{"by", p.By}}
	}
	p.Proved = how
	if d.Firm.Roster.Level(p.By) < roster.Level("csirt") {
		return &casefile.Refusal{Key: "rank", Args: []any{"by", p.By, "rank", "csirt"}}
	}
	from, to := event.Time(p.From), event.Time(p.To)
	if p.Host == "" || p.Reason == "" || from.Before(d.Now().Add(-time.Minute)) || !to.After(from) || to.Sub(from) > 24*time.Hour {
		return &casefile.Refusal{Key: "plan"}
	}
	if err := d.Record(ctx, event.Source("person/"+p.By), p); err != nil {
		return err
	}
	return d.Settle(ctx)
}
