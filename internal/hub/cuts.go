package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/hub/answer"
	"sekisho/internal/policy/cut"
	"sekisho/internal/policy/order"
)

// Config is what Cuts need.
type Config struct {
	Tenant string
	Dir    string // where the order in force is kept; it exists
	// Files are those below Dir; nil: the real ones.
	Files  durable.FS
	Signer note.Signer
	// Verifier belongs to Signer.
	Verifier note.Verifier
	// Record writes bodies durably; it is called before an order is sent.
	Record func(ctx context.Context, bodies ...event.Body) error
	Gates  *answer.Gates // of this process
	Now    func() time.Time
	// Wait bounds how long an order waits for receipts of gates that are
	// connected. Default 2 s.
	Wait time.Duration
}

// Past is what the ledger knows: the fold of its CutOrdered and GateEnrolled
// bodies.
type Past struct {
	Generation uint64
	Digest     string // of the text of Generation
	At         time.Time
	Entries    []cut.Entry
	Sites      map[string]string // name → key that verifies its receipts

	ever    map[string]int64    // all that were ever added, as name says, and when, UTC ns
	certs   map[string][]string // of Sites: the certificates that they got since they joined
	invited map[string]bool     // tokens are out for them
}

// Fold takes one event into the past.
func (p *Past) Fold(body event.Body) {
	switch b := body.(type) {
	case *event.CutOrdered:
		if b.Generation <= p.Generation {
			return
		}
		p.Generation, p.Digest, p.At = b.Generation, b.Digest, event.Time(b.At)
		p.Entries = slices.DeleteFunc(p.Entries, func(e cut.Entry) bool { return slices.Contains(b.Remove, e.ID) })
		for _, e := range b.Add {
			p.Entries = slices.DeleteFunc(p.Entries, func(o cut.Entry) bool { return o.ID == e.ID }) // said again (mend)
			entry := cut.Entry{ID: e.ID, Kind: cut.Kind(e.Kind), Target: e.Target, Until: e.Until, Case: e.Case}
			p.Entries = append(p.Entries, entry)
			if p.ever == nil {
				p.ever = map[string]int64{}
			}
			p.ever[name(entry)] = b.At
		}
	case *event.GateEnrolled:
		if p.Sites == nil {
			p.Sites, p.certs, p.invited = map[string]string{}, map[string][]string{}, map[string]bool{}
		}
		switch b.Step {
		case "invited":
			p.invited[b.Gate] = true
		case "enrolled":
			p.Sites[b.Gate], p.certs[b.Gate] = b.Key, []string{b.Cert}
			delete(p.invited, b.Gate)
		case "renewed":
			p.certs[b.Gate] = append(p.certs[b.Gate], b.Cert)
		case "revoked":
			delete(p.Sites, b.Gate)
			delete(p.certs, b.Gate)
			delete(p.invited, b.Gate)
		}
	}
}

// Cuts make orders. They are safe for concurrent use.
type Cuts struct {
	cfg      Config
	joining  sync.Mutex       // tokens, and who may connect; taken before mu, not with ordering
	ordering sync.Mutex       // one order at a time; taken before mu
	ever     map[string]int64 // every cut that was ever ordered, as name says, and when, UTC ns; written with ordering and mu, read with one

	mu      sync.Mutex // guards what follows
	order   order.Order
	text    []byte                   // nil before the first order
	unkept  bool                     // text is in force and not on disk
	sites   map[string]*site         // remote, enrolled
	invited map[string]bool          // remote, a token is out for them
	last    map[string]order.Receipt // latest of each gate
	failed  map[string]string        // gates that did not take the order in force
	changed chan struct{}            // closed and replaced when anything above changes
}

// site is a process with gates somewhere else.
type site struct {
	verifier note.Verifier
	certs    []string // SHA-256 of the certificates with which it may connect, hexadecimal
	link     *link    // nil while it is silent
	acked    uint64   // generation that all its gates answered
	since    time.Time
}

// Open puts the newest order that ledger or file know in force at the gates of
// this process.
func Open(ctx context.Context, cfg Config, past Past) (*Cuts, error) {
	if cfg.Wait == 0 {
		cfg.Wait = 2 * time.Second
	}
	if cfg.Files == nil {
		cfg.Files = durable.Dir(cfg.Dir)
	}
	c := &Cuts{cfg: cfg, ever: map[string]int64{}, sites: map[string]*site{}, invited: map[string]bool{}, last: map[string]order.Receipt{}, failed: map[string]string{}, changed: make(chan struct{})}
	for name, key := range past.Sites {
		v, err := note.NewVerifier(key)
		if err != nil {
			return nil, fmt.Errorf("key of gate %s: %w", name, err)
		}
		c.sites[name] = &site{verifier: v, certs: past.certs[name]}
	}
	maps.Copy(c.ever, past.ever)
	maps.Copy(c.invited, past.invited)
	if err := c.restore(ctx, past); err != nil || c.text == nil {
		return c, err
	}
	c.knows(&c.order)
	set, err := c.order.Set()
	if err != nil {
		return nil, err
	}
	_, err = c.apply(ctx, c.text, set)
	return c, err
}

const orderFile = "order.note"

// restore finds the order in force: the ledger's, or the file's when the
// ledger could not take it. An order is whole in either, but for a ledger whose
// retention let orders go (until 2026-11-23): there what either knows is in
// force, by a new generation. A cut ends by its time or by a person.
func (c *Cuts) restore(ctx context.Context, past Past) error {
	kept := &order.Order{}
	text, err := durable.ReadFile(c.cfg.Files, orderFile)
	switch {
	case err == nil:
		if kept, err = order.OpenOrder(text, c.cfg.Verifier); err != nil {
			return fmt.Errorf("%s: %w", orderFile, err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if kept.Generation > past.Generation {
		c.order, c.text = *kept, text
		return c.cfg.Record(ctx, ordered(past.Entries, kept, text, "sekisho", "was in force and not in the ledger"))
	}
	if past.Generation == 0 {
		return nil
	}
	c.order = order.Order{Tenant: c.cfg.Tenant, Generation: past.Generation, At: past.At, Entries: past.Entries}
	if c.text, err = c.order.Sign(c.cfg.Signer); err != nil {
		return err
	}
	if order.Digest(c.text) != past.Digest {
		return c.mend(ctx, past, kept)
	}
	c.unkept = c.write(c.text) != nil // the ledger has it
	return nil
}

// mend makes an order of what the ledger and the file know, when the events of
// the ledger do not make the order that the last of them names.
func (c *Cuts) mend(ctx context.Context, past Past, kept *order.Order) (err error) {
	c.order = joined(order.Order{Tenant: c.cfg.Tenant, Generation: past.Generation, Entries: past.Entries}, kept.Entries, c.cfg.Now())
	if c.text, err = c.order.Sign(c.cfg.Signer); err != nil {
		return err
	}
	if err := c.cfg.Record(ctx, ordered(past.Entries, &c.order, c.text, "sekisho", "the ledger does not say all that was cut")); err != nil {
		return err
	}
	c.unkept = c.write(c.text) != nil
	return nil
}

// ordered is the event of an order: its difference to the entries before.
func ordered(before []cut.Entry, o *order.Order, text []byte, by, reason string) *event.CutOrdered {
	b := &event.CutOrdered{Generation: o.Generation, Digest: order.Digest(text), At: o.At.UnixNano(), By: by, Reason: reason}
	has := func(all []cut.Entry, id string) bool {
		return slices.ContainsFunc(all, func(e cut.Entry) bool { return e.ID == id })
	}
	for _, e := range before {
		if !has(o.Entries, e.ID) {
			b.Remove = append(b.Remove, e.ID)
		}
	}
	for _, e := range o.Entries {
		if !has(before, e.ID) {
			b.Add = append(b.Add, event.CutEntry{ID: e.ID, Kind: string(e.Kind), Target: e.Target, Until: e.Until, Case: e.Case})
		}
	}
	return b
}

// Change is what a person asks for. Ids of new entries are given by Order.
type Change struct {
	Add    []cut.Entry
	Remove []string // ids
	By     string
	Reason string
}

// ErrUnknown is wrapped when an entry that is to be taken out is not there.
var ErrUnknown = errors.New("there is no such cut")

// State is a gate and what it answered.
type State struct {
	Gate       string    `json:"gate"`
	Remote     bool      `json:"remote,omitempty"`
	Generation uint64    `json:"generation"` // in force there, as it last said
	Closed     uint64    `json:"closed"`     // flows that were ended for it
	At         time.Time `json:"at,omitzero"`
	Red        bool      `json:"red,omitempty"` // silent, or not yet at the generation in force
	Why        string    `json:"why,omitempty"` // silent, waiting, failed
	Since      time.Time `json:"since,omitzero"`
}

// Result is an order and what came of it.
type Result struct {
	Generation uint64        `json:"generation"`
	Digest     string        `json:"digest,omitempty"`
	Entries    []cut.Entry   `json:"entries"`
	Gates      []State       `json:"gates"`
	Added      []string      `json:"added,omitempty"` // ids
	Took       time.Duration `json:"took_ns,omitempty"`
	// Unrecorded is why the ledger did not take the order or a receipt, or why
	// the order is not in its file. It is in force all the same, is kept as soon
	// as there is room, and is recorded with the next start.
	Unrecorded string `json:"unrecorded,omitempty"`
}

// Order makes a new generation: it is recorded, kept, put in force at the
// gates of this process and sent to the others. It returns when every gate that
// is connected has answered, or when Wait is over. Entries that have lapsed are
// taken out.
func (c *Cuts) Order(ctx context.Context, ch Change) (Result, error) {
	begin := c.cfg.Now()
	c.ordering.Lock()
	defer c.ordering.Unlock()
	next, set, added, err := c.next(ch, begin)
	if err != nil {
		return Result{}, err
	}
	text, err := next.Sign(c.cfg.Signer)
	if err != nil {
		return Result{}, err
	}
	links, unrecorded := c.issue(ctx, next, text, ch.By, ch.Reason)
	unrecorded = errors.Join(unrecorded, c.reach(ctx, text, set, links))
	r := c.Show()
	r.Added, r.Took = added, c.cfg.Now().Sub(begin)
	if unrecorded != nil {
		r.Unrecorded = unrecorded.Error()
	}
	return r, nil
}

// next is the generation that a change makes.
func (c *Cuts) next(ch Change, now time.Time) (order.Order, *cut.Set, []string, error) {
	next := order.Order{Tenant: c.cfg.Tenant, Generation: c.order.Generation + 1, At: now.UTC()}
	for _, id := range ch.Remove {
		if !slices.ContainsFunc(c.order.Entries, func(e cut.Entry) bool { return e.ID == id }) {
			return next, nil, nil, fmt.Errorf("%s: %w", id, ErrUnknown)
		}
	}
	for _, e := range c.order.Entries {
		if !slices.Contains(ch.Remove, e.ID) && e.InForce(now) {
			next.Entries = append(next.Entries, e)
		}
	}
	var added []string
	for i, e := range ch.Add {
		e.ID = fmt.Sprintf("cut-%d-%d", next.Generation, i+1)
		added = append(added, e.ID)
		next.Entries = append(next.Entries, e)
	}
	set, err := next.Set()
	if err == nil {
		next.Entries = set.Entries()
	}
	return next, set, added, err
}

// reach asks the gates of this process and waits for the others.
func (c *Cuts) reach(ctx context.Context, text []byte, set *cut.Set, links []*link) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Wait)
	defer cancel()
	_, err := c.apply(ctx, text, set) // others act also when this cannot be recorded
	for {
		c.mu.Lock()
		changed, missing := c.changed, false
		for _, l := range links {
			if s := c.sites[l.name]; s != nil && s.link == l && s.acked < set.Generation() {
				missing = true
			}
		}
		c.mu.Unlock()
		if !missing {
			return err
		}
		select {
		case <-ctx.Done():
			return err // those that did not answer are red
		case <-changed:
		}
	}
}

// apply puts a generation in force at the gates of this process and takes
// their receipts.
func (c *Cuts) apply(ctx context.Context, text []byte, set *cut.Set) ([]answer.Answer, error) {
	answers, err := c.cfg.Gates.Put(ctx, text, set)
	if err != nil {
		return nil, err
	}
	return answers, c.take(ctx, answers)
}

// take records receipts. The gates have acted: what cannot be recorded is an
// error, and the receipts stand in State all the same.
func (c *Cuts) take(ctx context.Context, answers []answer.Answer) error {
	var bodies []event.Body
	c.mu.Lock()
	for _, a := range answers {
		if a.Err != nil {
			c.failed[a.Receipt.Gate] = a.Err.Error()
			continue
		}
		delete(c.failed, a.Receipt.Gate)
		if before := c.last[a.Receipt.Gate]; before.Generation >= a.Receipt.Generation {
			continue // asked again after a reconnect: the first receipt counts
		}
		c.last[a.Receipt.Gate] = a.Receipt
		bodies = append(bodies, &event.CutReceipt{Gate: a.Receipt.Gate, Generation: a.Receipt.Generation, Digest: a.Receipt.Digest,
			Closed: a.Receipt.Closed, At: a.Receipt.At.UnixNano(), Text: string(a.Text)})
	}
	c.signal()
	c.mu.Unlock()
	if len(bodies) == 0 {
		return nil
	}
	return c.cfg.Record(context.WithoutCancel(ctx), bodies...)
}

// Changed is closed when anything that Show tells changes: ask for it before
// Show, so that nothing is missed.
func (c *Cuts) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// signal wakes those who wait. c.mu is held.
func (c *Cuts) signal() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// links are those of the sites that are connected. c.mu is held.
func (c *Cuts) links() []*link {
	var all []*link
	for _, s := range c.sites {
		if s.link != nil {
			all = append(all, s.link)
		}
	}
	return all
}

// Show returns the order in force and the state of every gate. A gate of this
// process or of a remote one that never answered is red, and so is a remote
// one that is silent now.
func (c *Cuts) Show() Result {
	local := c.cfg.Gates.Names()
	c.mu.Lock()
	defer c.mu.Unlock()
	r := Result{Generation: c.order.Generation, Entries: slices.Clone(c.order.Entries)}
	if c.text != nil {
		r.Digest = order.Digest(c.text)
	}
	known := map[string]bool{}
	for _, name := range local {
		r.Gates = append(r.Gates, c.state(name, false, nil))
		known[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(c.sites)) {
		s := c.sites[name]
		gates := 0
		answered := map[string]bool{}
		for gate := range c.last {
			answered[gate] = true
		}
		for gate := range c.failed {
			answered[gate] = true
		}
		for _, gate := range slices.Sorted(maps.Keys(answered)) {
			if !known[gate] && under(gate, name) {
				r.Gates = append(r.Gates, c.state(gate, true, s))
				gates++
			}
		}
		if gates == 0 {
			st := State{Gate: name, Remote: true, Red: s.link == nil || s.acked < c.order.Generation, Generation: s.acked, Since: s.since}
			if st.Red {
				st.Why = cmp.Or(map[bool]string{true: "silent"}[s.link == nil], "waiting")
			}
			r.Gates = append(r.Gates, st)
		}
	}
	return r
}

// under reports whether a gate belongs to a site.
func under(gate, site string) bool {
	return len(gate) > len(site) && gate[:len(site)] == site && gate[len(site)] == '/'
}

func (c *Cuts) state(gate string, remote bool, s *site) State {
	l := c.last[gate]
	st := State{Gate: gate, Remote: remote, Generation: l.Generation, Closed: l.Closed, At: l.At}
	switch {
	case s != nil && s.link == nil:
		st.Red, st.Why, st.Since = true, "silent", s.since
	case c.failed[gate] != "":
		st.Red, st.Why = true, "failed: "+c.failed[gate]
	case l.Generation < c.order.Generation:
		st.Red, st.Why = true, "waiting"
	}
	return st
}
