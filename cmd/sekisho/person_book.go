package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/keyring"
	"sekisho/internal/person"
)

// personBook writes down what is decided and counted about persons, in the
// ledger: through the running process, or alone. Without a configuration there
// is no ledger, and the person is told so; a nil record is that case.
type personBook struct {
	by     string
	tenant event.Tenant
	ring   *keyring.Ring
	record func(ctx context.Context, r control.PersonRequest) (control.PersonReceipt, error)
	done   func()
}

// personBook opens the book in the name of somebody.
func (a *app) personBook(by string) (*personBook, error) {
	b := &personBook{by: a.person(by), done: func() {}}
	if _, err := os.Stat(a.config); errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	l, err := a.load()
	if err != nil {
		return nil, err
	}
	b.tenant = event.Tenant(l.Tenant)
	if b.ring, err = keyring.Open(l.Keys); err != nil {
		return nil, keysFault(l.Keys, a.config, err)
	}
	client := control.NewClient(l.Control, a.config)
	_, err = client.Status(a.ctx)
	if err == nil {
		b.record = client.RecordPerson
		return b, nil
	}
	if fault.Faults(err)[0].Code != fault.NotRunning {
		return nil, err
	}
	p := &process{file: a.config, cfg: l, log: a.log(), now: time.Now}
	bar := a.progress("progress_replay")
	defer bar.end()
	if err := p.openTruth(a.ctx, bar.show); err != nil {
		return nil, errors.Join(err, p.close())
	}
	b.record = p.RecordPerson
	b.done = func() {
		if err := p.close(); err != nil {
			p.log.Error("close", "err", err)
		}
	}
	return b, nil
}

func (b *personBook) open() bool { return b.record != nil }

func (b *personBook) close(*app) { b.done() }

// tell says to a person that nothing was recorded.
func (b *personBook) tell(a *app) {
	if !b.open() {
		a.print("person_unrecorded", "file", a.config)
	}
}

func (b *personBook) write(ctx context.Context, body event.Body) error {
	if !b.open() {
		return nil
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	_, err = b.record(ctx, control.PersonRequest{Kind: body.Kind(), Body: text, By: b.by})
	return err
}

// RecordPerson implements control.Operator.
func (p *process) RecordPerson(ctx context.Context, r control.PersonRequest) (control.PersonReceipt, error) {
	body := event.NewPerson(r.Kind)
	if body == nil || json.Unmarshal(r.Body, body) != nil {
		return control.PersonReceipt{}, fault.New(fault.ControlRefused, "problem", "the request is empty", "hint", "use the same version for both")
	}
	seq, err := p.ledger.Recorder(event.Source("person/"+r.By), 0).Record(ctx, event.Durable, body)
	return control.PersonReceipt{Seq: seq}, err
}

// hashRecord names a record in the ledger: nobody without the key can tell which
// it is.
func hashRecord(h *keyring.Hasher, n person.RecordName) string {
	sum := h.Sum([]byte("person record"), []byte(n.Source), []byte(n.Key))
	return hex.EncodeToString(sum[:16])
}

// decision records what somebody decided.
func (b *personBook) decision(ctx context.Context, d person.Decision, reason string) error {
	if !b.open() {
		return nil
	}
	key, err := b.ring.Current(b.tenant, keyring.Identifier)
	if err != nil {
		return fault.New(fault.Internal).Because(err)
	}
	h := key.Hasher()
	return b.write(ctx, &event.PersonDecision{A: hashRecord(h, d.A), B: hashRecord(h, d.B), KeyID: key.ID(), Same: d.Same, Reason: reason, By: b.by})
}

// known returns what finds the records that decisions of the ledger are about.
func (b *personBook) known(a *app) func(*person.Result) ([]person.Decision, error) {
	return func(res *person.Result) ([]person.Decision, error) {
		var list []*event.PersonDecision
		err := a.fold(func(k event.Kind) bool { return k == event.KindPersonDecision }, func(e *event.Event) {
			if d, ok := e.Body.(*event.PersonDecision); ok {
				list = append(list, d)
			}
		})
		if err != nil || len(list) == 0 {
			return nil, err
		}
		names, err := b.names(list, res)
		if err != nil {
			return nil, err
		}
		var out []person.Decision
		for _, d := range list { // a later one about the same pair holds: it comes later here too
			one, okA := names[d.A]
			two, okB := names[d.B]
			if okA && okB {
				out = append(out, person.Decision{A: one, B: two, Same: d.Same})
			}
		}
		return out, nil
	}
}

// names finds the records of hashes. Those of a destroyed key, and records that
// are not there, are left out: their decisions wait.
func (b *personBook) names(list []*event.PersonDecision, res *person.Result) (map[string]person.RecordName, error) {
	wanted := map[string]bool{}
	hashers := map[string]*keyring.Hasher{}
	for _, d := range list {
		wanted[d.A], wanted[d.B] = true, true
		if hashers[d.KeyID] != nil {
			continue
		}
		key, err := b.ring.Key(d.KeyID)
		switch {
		case errors.Is(err, keyring.ErrDestroyed), errors.Is(err, keyring.ErrUnknown):
		case err != nil:
			return nil, err
		default:
			hashers[d.KeyID] = key.Hasher()
		}
	}
	found := map[string]person.RecordName{}
	for _, id := range slices.Sorted(maps.Keys(hashers)) {
		for name := range res.RecordNames() {
			if hash := hashRecord(hashers[id], name); wanted[hash] {
				if _, twice := found[hash]; !twice {
					found[hash] = name
				}
			}
		}
	}
	return found, nil
}

// mostMoves is how many changes one event holds, and mostOthers how many persons
// they may name, so that it stays below event.MaxLine.
const mostMoves, mostOthers = 200, 2000

// changes records merges and splits.
func (b *personBook) changes(ctx context.Context, changes []person.Change) error {
	for len(changes) > 0 {
		body := &event.PersonChange{By: b.by}
		others := 0
		for len(changes) > 0 && len(body.Changes) < mostMoves && others < mostOthers {
			c := changes[0]
			changes = changes[1:]
			others += len(c.Others)
			body.Changes = append(body.Changes, event.PersonMove{Kind: c.Kind, Person: c.Person, Others: c.Others, Reason: c.Because})
		}
		if err := b.write(ctx, body); err != nil {
			return err
		}
	}
	return nil
}

// run records what a run counted.
func (b *personBook) run(a *app, step string, res *person.Result) error {
	if !b.open() {
		return nil
	}
	c := res.Count()
	body := &event.PersonRun{Step: step, Records: uint64(c.Records), Persons: uint64(c.Persons), Low: uint64(c.Low), Estimate: uint64(c.Estimate),
		High: uint64(c.High), Review: uint64(c.Review), Decisions: len(res.Decisions()), Precision: c.Precision, Recall: c.Recall, By: b.by}
	for _, r := range res.Reads {
		body.Sources = append(body.Sources, event.PersonSource{Name: r.Source, Records: uint64(r.Records), Skipped: uint64(r.Skipped)})
	}
	return b.write(a.ctx, body)
}
