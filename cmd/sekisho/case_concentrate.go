package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"time"

	"sekisho/internal/concentration"
	"sekisho/internal/control"
	"sekisho/internal/desk"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/keyring"
	"sekisho/internal/rule"
	"sekisho/internal/subject"
	"sekisho/internal/view/disclosure"
	"sekisho/proof/scope"
)

type caseConcentrateCmd struct {
	Case     string   `arg:"" help:"help_case_id"`
	Source   string   `help:"help_case_common_source"`
	Payments string   `placeholder:"FILE" help:"help_case_common_payments"`
	From     string   `help:"help_from"`
	To       string   `help:"help_to"`
	Place    []string `help:"help_scope_place"`
	By       string   `help:"help_by"`
}

// Run asks the process what the misused cards or accounts of the case have in
// common by our own crossings, holdings and payments.
func (c caseConcentrateCmd) Run(a *app) error {
	r := control.ConcentrateRequest{Case: c.Case, Source: event.SubjectSource(c.Source), By: a.person(c.By), Lang: string(a.lang)}
	var err error
	if r.Query, err = (scopeCmd{From: c.From, To: c.To, Place: c.Place}).query(time.Now()); err != nil {
		return err
	}
	if c.Payments != "" {
		in, done, err := a.listFile(c.Payments)
		if err != nil {
			return err
		}
		defer done()
		if r.Payments, err = readPayments(in); err != nil {
			return fault.New(fault.ConfigUnreadable, "what", c.Payments).Because(err)
		}
	}
	if r.Key, err = a.key(); err != nil {
		return err
	}
	op, done, err := a.caseDesk()
	if err != nil {
		return err
	}
	defer done()
	if _, err := op.Concentrate(a.ctx, r); err != nil {
		return err
	}
	text, err := op.Case(a.ctx, control.CaseQuery{ID: c.Case})
	if err != nil {
		return err
	}
	var answer desk.Answer
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	return a.out(answer.Case.Common, func() { a.showCommon(&answer.Case.Common.CaseCommon, maxFound) })
}

// listFile opens a list that comes from a file or, as "-", from standard input.
func (a *app) listFile(name string) (io.Reader, func(), error) {
	if name == "-" {
		return a.env.stdin, func() {}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, fault.New(fault.ConfigUnreadable, "what", name).Because(err)
	}
	return f, func() { f.Close() }, nil
}

// readPayments reads lines of number, day, place and, when known, account. Its
// errors name the line and nothing of what it holds.
func readPayments(r io.Reader) ([]control.Paid, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = -1
	var out []control.Paid
	for line := 1; ; line++ {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		var day time.Time
		if err == nil && len(row) > 2 {
			day, err = time.ParseInLocation(time.DateOnly, row[1], rule.Tokyo)
		}
		if err != nil || len(row) < 3 || len(row) > 4 || row[0] == "" || row[2] == "" {
			return nil, fmt.Errorf("line %d is not: number of the card,YYYY-MM-DD of the payment,place and, if known, the account", line)
		}
		if len(out) == control.MaxPayments {
			return nil, fmt.Errorf("more than %d payments: give the months before the misuse only", control.MaxPayments)
		}
		p := control.Paid{Number: row[0], At: day.UnixNano(), Place: event.Place(row[2])}
		if len(row) == 4 {
			p.Account = row[3]
		}
		out = append(out, p)
	}
}

// showCommon writes what was found, at most so many places.
func (a *app) showCommon(b *event.CaseCommon, most int) {
	a.print("common_head", "misused", countOf(b.Misused), "position", countOf(b.Position))
	if b.Members > 0 {
		a.print("common_source", "source", b.Source, "known", countOf(b.Known), "members", countOf(b.Members))
	}
	if b.Payers > 0 {
		a.print("common_payers", "paid", countOf(b.Paid), "payers", countOf(b.Payers))
	}
	if len(b.Found) == 0 {
		a.print("common_nothing")
	}
	for i := range b.Found[:min(most, len(b.Found))] {
		a.showPlace(i+1, &b.Found[i])
	}
	if b.Untold > 0 {
		a.print("common_untold", "n", countOf(b.Untold))
	}
	if b.Left > 0 {
		a.print("common_left", "n", countOf(b.Left))
	}
}

// showPlace writes one place, its window and how much better than chance it is.
func (a *app) showPlace(rank int, f *event.CommonPlace) {
	place := string(f.Place)
	if f.User != "" || f.Address != "" {
		place += " " + f.User + "@" + f.Address
	}
	window := a.say.Text("common_ever")
	if f.To != 0 {
		window = inJapan(event.Time(f.From)) + " – " + inJapan(event.Time(f.To))
	}
	chance := a.say.Text("common_by_chance")
	if f.OneIn > 0 {
		chance = a.say.Text("common_one_in", "n", f.OneIn)
	}
	a.print("common_line", "rank", rank, "how", a.say.Text("common_"+f.How), "place", place, "hits", countOf(f.Hits), "of", countOf(f.Of),
		"seen", countOf(f.Seen), "all", countOf(f.All), "times", fmt.Sprintf("%.1f", f.Times()), "chance", chance, "window", window)
}

// Concentrate implements control.Operator.
func (p *process) Concentrate(ctx context.Context, r control.ConcentrateRequest) (control.CaseReceipt, error) {
	query, err := json.Marshal(r.Query)
	if err != nil {
		return control.CaseReceipt{}, err
	}
	b := &event.CaseCommon{Case: r.Case, Source: r.Source, Query: string(query), By: r.By}
	caller := callerOf(ctx, r.Key)
	out := control.CaseReceipt{Case: r.Case}
	if err = p.cases.desk.Known(b.By, caller); err == nil {
		err = p.compare(ctx, b, r.Payments)
	}
	if err == nil {
		out.Case, err = p.cases.desk.Propose(ctx, b, caller)
	}
	return out, refusedIn(err, r.Lang)
}

// maxFound bounds the places of an answer.
const maxFound = 10

// comparison is one search for what misused members have in common.
type comparison struct {
	*process
	b      *event.CaseCommon
	q      scope.Query
	hasher desk.Hasher
	// misused is when each card or account of the case was misused first, and
	// what payments say of whose it is, by token.
	misused map[string]int64
	found   []concentration.Found
}

// compare measures what the misused cards or accounts of the case have in
// common, and writes everything but case and author of b.
func (p *process) compare(ctx context.Context, b *event.CaseCommon, paid []control.Paid) error {
	c := comparison{process: p, b: b, misused: map[string]int64{}}
	if err := json.Unmarshal([]byte(b.Query), &c.q); err != nil {
		return fault.New(fault.ScopeQuery, "problem", err, "hint", "see `sekisho scope --help`")
	}
	if err := p.settled(ctx); err != nil {
		return err
	}
	*b = event.CaseCommon{Case: b.Case, Source: b.Source, Query: b.Query, By: b.By, Position: uint64(p.ledger.Head())}
	file, err := p.cases.view.Case(ctx, b.Case)
	if err != nil {
		return nil // it is refused where it is proposed
	}
	for _, m := range file.Misuse {
		c.misuse(m.Token, m.At)
	}
	b.Misused = uint64(len(c.misused))
	key, err := p.ring.Current(event.Tenant(p.cfg.Tenant), keyring.Identifier)
	if err != nil {
		return keysFault(p.cfg.Keys, p.file, err)
	}
	c.hasher = key.Hasher()
	c.payments(paid)
	if err := c.subjects(ctx); err != nil {
		return err
	}
	slices.SortStableFunc(c.found, func(x, y concentration.Found) int { return cmp.Compare(x.Chance, y.Chance) })
	for _, f := range c.found[:min(maxFound, len(c.found))] {
		b.Found = append(b.Found, event.CommonPlace{How: f.How, Place: event.Place(f.Place), User: f.User, Address: f.Address, From: f.From, To: f.To,
			Hits: f.Hits, Of: f.Of, Seen: f.Seen, All: f.All, OneIn: uint64(math.Floor(-f.Chance))})
	}
	return nil
}

// settled returns when both views hold everything that is in the ledger.
func (p *process) settled(ctx context.Context) error {
	if !p.cases.live {
		if err := p.view.follower.CatchUp(ctx); err != nil {
			return fault.New(fault.ViewOpen, "file", p.view.file).Because(err)
		}
	} else if err := p.view.await(ctx, p.ledger.Head()); err != nil {
		return p.viewFault(p.view.file, err)
	}
	return p.cases.desk.Settle(ctx)
}

// misuse notes the first misuse of a token.
func (c *comparison) misuse(token string, at int64) {
	if first, ok := c.misused[token]; !ok || at < first {
		c.misused[token] = at
	}
}

// payments compares by who paid where, and learns whose card each is.
func (c *comparison) payments(paid []control.Paid) {
	if len(paid) == 0 {
		return
	}
	numbers := map[string]uint32{}
	misused := map[uint32]int64{}
	owners := map[string]int64{}
	of := make([]uint32, len(paid))
	for i, p := range paid {
		token := desk.Token(c.hasher, p.Number)
		n, ok := numbers[token]
		if !ok {
			n = uint32(len(numbers))
			numbers[token] = n
		}
		of[i] = n
		if at, ok := c.misused[token]; ok {
			misused[n] = at
			if p.Account != "" {
				owner := desk.Token(c.hasher, p.Account)
				if first, ok := owners[owner]; !ok || at < first {
					owners[owner] = at
				}
			}
		}
	}
	scan := concentration.New(uint64(len(numbers)), misused)
	for i, p := range paid {
		scan.Add(concentration.Group{How: concentration.Payment, Place: string(p.Place)}, p.At, p.At, event.Set{{First: of[i], Last: of[i]}})
	}
	c.take(scan)
	c.b.Payers, c.b.Paid = uint64(len(numbers)), uint64(len(misused))
	for token, at := range owners {
		c.misuse(token, at)
	}
}

func (c *comparison) take(s *concentration.Scan) {
	c.found = append(c.found, s.Result(maxFound)...)
	c.b.Left += s.Left
}

// subjects compares by what crossed and rested: of the source that was named,
// or of the one that knows most of the misused.
func (c *comparison) subjects(ctx context.Context) error {
	sources := []event.SubjectSource{c.b.Source}
	if c.b.Source == "" {
		sources = c.dict.Sources()
		slices.Sort(sources)
	}
	var misused map[uint32]int64
	for _, src := range sources {
		if hits, members := c.known(src); c.b.Members == 0 || len(hits) > len(misused) {
			misused, c.b.Source, c.b.Members, c.b.Known = hits, src, members, uint64(len(hits))
		}
	}
	if len(misused) == 0 {
		return nil
	}
	scan := concentration.New(c.b.Members, misused)
	pass := func(user, address, place string, from, to int64, set event.Set) {
		scan.Add(concentration.Group{How: concentration.Crossing, Place: place, User: user, Address: address}, from, to, set)
	}
	var err error
	c.b.Untold, err = c.view.view.Passages(ctx, c.q, c.b.Source, func(x disclosure.Passage) {
		pass("", "", x.Place, x.From, x.To, x.Members)
		if x.User != "" || x.Address != "" {
			pass(x.User, x.Address, x.Place, x.From, x.To, x.Members)
		}
	})
	if err == nil {
		err = c.rested(ctx, scan)
	}
	c.take(scan)
	return err
}

// known returns which subjects of a source were misused, and how many subjects
// it has.
func (c *comparison) known(src event.SubjectSource) (misused map[uint32]int64, members uint64) {
	misused = map[uint32]int64{}
	for n := range c.dict.Source(src).Numbers() {
		key, err := c.dict.Key(src, n)
		if errors.Is(err, subject.ErrNoKey) {
			continue
		}
		members++ // also one whose key was destroyed: it cannot be a hit any more
		if err != nil {
			continue
		}
		if at, ok := c.misused[desk.Token(c.hasher, key.String())]; ok {
			misused[n] = at
		}
	}
	return misused, members
}

// rested enters who was ever held in each table. A holding has no window.
func (c *comparison) rested(ctx context.Context, scan *concentration.Scan) error {
	all, err := c.view.view.Scope(ctx, c.q)
	if err != nil {
		return err
	}
	tables := all.Coverage.Holdings
	all.Release()
	for _, h := range tables {
		q := c.q
		q.Places = []string{h.Table}
		answer, err := c.view.view.Scope(ctx, q)
		if err != nil {
			return err
		}
		scan.Add(concentration.Group{How: concentration.Rest, Place: h.Table}, 0, 0, answer.Subjects(scope.EverHeld)[c.b.Source])
		answer.Release()
	}
	return nil
}
