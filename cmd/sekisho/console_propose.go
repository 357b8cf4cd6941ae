package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/config"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/datamap/propose"
	"sekisho/internal/durable"
	"sekisho/internal/fault"
	"sekisho/internal/setup"
)

// protectDraft is the file of a proposal that waits, beside the ledger: it is no
// evidence, what was handed on and accepted is in the ledger by its digest.
type protectDraft struct {
	consoleoffice.ProposalDraft
	Was  string `json:"was"`  // digest of the configuration that it adds to
	Text string `json:"text"` // the configuration as it would be
}

const protectDraftFile = "protect-draft.json"

func protectFault(problem, hint string) *fault.Error {
	return fault.New(fault.ProtectDraft, "problem", problem, "hint", hint)
}

func fileDigest(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// lookedAt returns how a database or a store is reached, as scans reach it.
func (c *console) lookedAt(name string) (dsn string, attach func(*pgconn.Config), ok bool) {
	for _, b := range c.bases {
		if b.cfg.Name == name {
			return b.dsn, b.control.Attach, true
		}
	}
	if k := c.keyedOf(name); k != nil {
		return k.dsn, nil, true
	}
	return "", nil, false
}

// baseOf returns a database, or a store as one, of a configuration.
func baseOf(l *config.Loaded, name string) *config.Database {
	for _, d := range protecting(l) {
		if d.Name == name {
			return d
		}
	}
	return nil
}

// Proposal implements office.Mapper.
func (c *console) Proposal(ctx context.Context, database, language string) (*consoleoffice.Proposal, error) {
	dsn, attach, ok := c.lookedAt(database)
	if !ok {
		return nil, protectFault("no database or store of that name is read", "choose one of the data map")
	}
	text, err := os.ReadFile(c.file)
	if err != nil {
		return nil, fault.New(fault.ConfigUnreadable, "what", c.file).Because(err)
	}
	l, err := config.Load(c.file)
	if err != nil {
		return nil, err
	}
	d := baseOf(l, database)
	if d == nil {
		return nil, protectFault("the configuration does not name it any more", "choose another, or start again")
	}
	all, skipped, err := propose.Read(ctx, dsn, attach)
	if err != nil {
		return nil, fault.New(fault.DatabaseConnect, "database", database, "address", "").Because(withoutText(err))
	}
	plan := setup.Settle(propose.Propose(all))
	x := &merger{base: d, words: proposalWords(printerOf(language)), out: &consoleoffice.Proposal{Database: database, At: c.now().UTC()}, add: config.Addition{Database: database}}
	x.merge(&plan)
	for _, table := range slices.Sorted(maps.Keys(skipped)) {
		x.out.Skipped = append(x.out.Skipped, consoleoffice.SkippedTable{Table: table, Why: skipped[table]})
	}
	for _, i := range propose.Compare(configured(d), d.Plain, all, plan.Proposal) {
		x.out.Drift = append(x.out.Drift, consoleoffice.DriftItem{Place: strings.TrimSuffix(i.Table+"."+i.Column, "."), What: i.What, Configured: i.Configured, Found: i.Found})
	}
	return x.out, c.keepProposal(x, text)
}

// keepProposal writes the configuration as it would be, and remembers it for
// whoever hands it on.
func (c *console) keepProposal(x *merger, text []byte) error {
	if x.nothing() {
		return nil
	}
	next, err := config.Amend(c.file, text, &x.add)
	if err != nil {
		if errors.Is(err, config.ErrAmend) {
			err = protectFault(err.Error(), "write it into the file yourself")
		}
		x.out.Problems = control.ProblemsOf(err)
		return nil
	}
	x.out.Digest = fileDigest(next)
	x.out.Diff = around(diff(strings.Split(string(text), "\n"), strings.Split(string(next), "\n")), 3)
	c.drafting.Lock()
	defer c.drafting.Unlock()
	c.proposed = &protectDraft{ProposalDraft: consoleoffice.ProposalDraft{Proposal: x.out}, Was: fileDigest(text), Text: string(next)}
	return nil
}

// around leaves of a comparison what changed, with n lines on either side.
func around(all []consoleoffice.DiffLine, n int) (out []consoleoffice.DiffLine) {
	for i := range all {
		if slices.ContainsFunc(all[max(0, i-n):min(len(all), i+n+1)], func(l consoleoffice.DiffLine) bool { return l.Mark != ' ' }) {
			out = append(out, all[i])
		}
	}
	return out
}

// merger finds what a proposal adds to a protect section: tables that nobody
// named, and columns of protected tables that nobody named. It changes nothing
// and takes nothing away.
type merger struct {
	base  *config.Database
	words propose.Words
	out   *consoleoffice.Proposal
	add   config.Addition
}

func (x *merger) nothing() bool {
	return x.add.Text == "" && len(x.add.Columns)+len(x.add.Plain) == 0
}

func (x *merger) merge(plan *setup.Plan) {
	news := propose.Proposal{}
	for i := range plan.Tables {
		t := &plan.Tables[i]
		if slices.Contains(x.base.Plain, t.Name) {
			continue // a person said so: what differs is told as drift
		}
		k := slices.IndexFunc(x.base.Protect, func(c config.Table) bool { return c.Table == t.Name })
		if k >= 0 {
			x.columns(&x.base.Protect[k], t)
			continue
		}
		news.Tables = append(news.Tables, *t)
		x.out.Tables = append(x.out.Tables, proposedTable(t, t.Columns, true))
	}
	for _, t := range plan.Keyless {
		if !slices.Contains(x.base.Plain, t.Name) && !x.protects(t.Name) {
			x.out.Keyless = append(x.out.Keyless, t.Name)
		}
	}
	for _, name := range plan.Plain {
		if !slices.Contains(x.base.Plain, name) && !x.protects(name) {
			x.out.Plain = append(x.out.Plain, name)
			x.add.Plain = append(x.add.Plain, propose.Quote(name))
		}
	}
	if len(news.Tables) == 0 {
		return
	}
	for _, line := range strings.Split(strings.TrimRight(news.YAML(x.words), "\n"), "\n")[1:] { // the first is the section's name
		x.add.Text += strings.TrimPrefix(line, "      ") + "\n"
	}
	for i := range news.Tables {
		x.add.Tables = append(x.add.Tables, configTable(&news.Tables[i]))
	}
}

func (x *merger) protects(name string) bool {
	return slices.ContainsFunc(x.base.Protect, func(c config.Table) bool { return c.Table == name })
}

// columns finds what is new of a table that is protected.
func (x *merger) columns(c *config.Table, t *propose.Table) {
	var fresh []propose.Proposed
	for _, p := range t.Columns {
		if _, named := c.Columns[p.Column]; named || p.Column == c.Key || slices.Contains(c.Plain, p.Column) {
			continue
		}
		fresh = append(fresh, p)
		x.add.Columns = append(x.add.Columns, config.AddedColumn{Table: c.Table, Entry: propose.Quote(p.Column) + ": " + p.Element, Comment: x.words.Column(p)})
	}
	if len(fresh) > 0 {
		row := proposedTable(t, fresh, false)
		row.Key, row.Of, row.Open = c.Key, c.Of, nil
		x.out.Tables = append(x.out.Tables, row)
	}
}

func proposedTable(t *propose.Table, columns []propose.Proposed, isNew bool) consoleoffice.ProposedTable {
	out := consoleoffice.ProposedTable{Table: t.Name, New: isNew, Key: t.Key, Of: t.Of, Why: t.Why, Open: t.Open}
	for _, p := range columns {
		out.Columns = append(out.Columns, consoleoffice.ProposedColumn{Column: p.Column, Element: p.Element, Confidence: p.Confidence, Why: p.Why, Hits: p.Hits, Of: p.Of})
	}
	return out
}

// configTable is a proposed table as the configuration has it.
func configTable(t *propose.Table) config.Table {
	out := config.Table{Table: t.Name, Key: t.Key, Of: t.Of, Plain: t.Plain, Identifiers: t.Identifiers}
	for _, p := range t.Columns {
		if out.Columns == nil {
			out.Columns = map[string]string{}
		}
		out.Columns[p.Column] = p.Element
	}
	return out
}

func (c *console) readProtectDraft() (*protectDraft, error) {
	text, err := os.ReadFile(filepath.Join(c.cfg.Data, protectDraftFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	d := &protectDraft{}
	if err == nil {
		err = json.Unmarshal(text, d)
	}
	return d, err
}

// waiting returns the proposal that waits; one that is in the file already,
// because the process ended between writing it and dropping it, waits no more.
func (c *console) waiting() (*protectDraft, error) {
	d, err := c.readProtectDraft()
	if d == nil || err != nil {
		return nil, err
	}
	text, err := os.ReadFile(c.file)
	if err != nil {
		return nil, fault.New(fault.ConfigUnreadable, "what", c.file).Because(err)
	}
	switch fileDigest(text) {
	case d.Proposal.Digest:
		return nil, nil
	case d.Was:
	default:
		d.Proposal.Problems = control.ProblemsOf(protectFault("the configuration was changed since then", "drop it and look at the database again"))
	}
	return d, nil
}

// ProposalDraft implements office.Mapper.
func (c *console) ProposalDraft(context.Context) (*consoleoffice.ProposalDraft, error) {
	d, err := c.waiting()
	if d == nil || err != nil {
		return nil, err
	}
	return &d.ProposalDraft, nil
}

// HandProposal implements office.Mapper.
func (c *console) HandProposal(ctx context.Context, by, digest string) error {
	ctx = context.WithoutCancel(ctx) // what was begun is ended, whoever goes away
	c.drafting.Lock()
	defer c.drafting.Unlock()
	if c.proposed == nil || digest == "" || c.proposed.Proposal.Digest != digest {
		return protectFault("it is not what was proposed last", "look at the database again")
	}
	d := *c.proposed
	d.By, d.At = by, c.now().UTC()
	if err := c.promise(ctx, by, "map-propose", digest, d.Proposal.Database); err != nil {
		return err
	}
	data, err := json.Marshal(&d)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(durable.Dir(c.cfg.Data), protectDraftFile, data, 0o600); err != nil {
		return err
	}
	return c.kept()
}

// AcceptProposal implements office.Mapper. Each step can be the last: who orders
// it is recorded, then the file is replaced at once, then what waited is dropped.
func (c *console) AcceptProposal(ctx context.Context, by, digest string) (*consoleoffice.ProposalReceipt, error) {
	ctx = context.WithoutCancel(ctx) // what was begun is ended, whoever goes away
	c.drafting.Lock()
	defer c.drafting.Unlock()
	d, err := c.waiting()
	switch {
	case err != nil:
		return nil, err
	case d == nil:
		return nil, protectFault("nothing waits", "look at the database and hand on what is proposed")
	case d.By == by:
		return nil, protectFault("whoever handed it on cannot accept it", "ask a second person to read and accept it")
	case d.Proposal.Digest != digest:
		return nil, protectFault("it is not what was read", "read it again")
	case len(d.Proposal.Problems) > 0:
		return nil, d.Proposal.Problems.Err()
	case fileDigest([]byte(d.Text)) != digest:
		return nil, protectFault("the file of what waits was changed", "drop it and look at the database again")
	}
	info, err := os.Stat(c.file)
	if err != nil {
		return nil, fault.New(fault.ConfigUnreadable, "what", c.file).Because(err)
	}
	if err := c.promise(ctx, by, "map-accept", digest, d.Proposal.Database+"; handed on by "+d.By); err != nil {
		return nil, err
	}
	if err := durable.WriteFile(durable.Dir(filepath.Dir(c.file)), filepath.Base(c.file), []byte(d.Text), info.Mode().Perm()); err != nil {
		return nil, protectFault("the configuration cannot be written by this process", "write it by hand: sekisho map propose "+d.Proposal.Database).Because(err)
	}
	out := &consoleoffice.ProposalReceipt{Database: d.Proposal.Database, File: c.file, Digest: digest, Plain: len(d.Proposal.Plain), HandedBy: d.By, By: by}
	for _, t := range d.Proposal.Tables {
		if t.New {
			out.Tables++
		} else {
			out.Columns += len(t.Columns)
		}
	}
	return out, errors.Join(c.dropProposal(), c.kept())
}

func (c *console) dropProposal() error {
	err := os.Remove(filepath.Join(c.cfg.Data, protectDraftFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// DropProposal implements office.Mapper.
func (c *console) DropProposal(ctx context.Context, by string) error {
	ctx = context.WithoutCancel(ctx) // what was begun is ended, whoever goes away
	c.drafting.Lock()
	defer c.drafting.Unlock()
	d, err := c.readProtectDraft()
	if d == nil || err != nil {
		return err
	}
	if err := c.promise(ctx, by, "map-withdraw", d.Proposal.Digest, "handed on by "+d.By); err != nil {
		return err
	}
	return errors.Join(c.dropProposal(), c.kept())
}

// Unread implements office.Mapper.
func (c *console) Unread(context.Context) ([]string, error) {
	l, err := config.Load(c.file)
	if err != nil {
		return nil, nil // the doctor and the next start say what is wrong with it
	}
	var out []string
	for _, d := range protecting(c.cfg) {
		if now := baseOf(l, d.Name); now != nil && !(reflect.DeepEqual(now.Protect, d.Protect) && reflect.DeepEqual(now.Plain, d.Plain)) {
			out = append(out, d.Name)
		}
	}
	return out, nil
}
