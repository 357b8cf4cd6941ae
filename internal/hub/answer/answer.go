// Package answer is how the gates of one process answer orders: a generation of
// cuts is put in force at each of them at once, and each gives a signed
// receipt. A gate that is added gets the generation in force before it may
// forward anything.
//
// It does not make orders and does not verify or keep them: package hub makes
// them, package site takes them from a hub.
package answer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/policy/cut"
	"sekisho/internal/policy/order"
)

// Gate is a gate as orders see it.
type Gate interface {
	// Cut puts set in force; when it returns nothing that matches passes any
	// more, and closed flows were ended. The same generation again is no error.
	Cut(ctx context.Context, set *cut.Set) (closed int, err error)
}

// Answer is what a gate said to an order.
type Answer struct {
	Receipt order.Receipt
	Text    []byte // signed; nil when Err is set
	Err     error  // the gate did not take the order
}

// Gates are the gates of this process. They are safe for concurrent use.
type Gates struct {
	site   string // begins the names of gates in receipts
	signer note.Signer
	now    func() time.Time

	putting sync.Mutex // one order at a time; taken before mu
	mu      sync.Mutex // guards what follows
	gates   map[string]Gate
	set     *cut.Set
	digest  string
}

// New returns no gates. The signer's key signs receipts of all of them.
func New(site string, signer note.Signer, now func() time.Time) *Gates {
	return &Gates{site: site, signer: signer, now: now, gates: map[string]Gate{}}
}

// ErrOlder is returned for an order below the one in force.
var ErrOlder = errors.New("a newer generation of cuts is in force")

// Add puts what is in force into a gate and then counts on it. Call it before
// the gate forwards anything.
func (g *Gates) Add(ctx context.Context, name string, gate Gate) error {
	g.putting.Lock()
	defer g.putting.Unlock()
	g.mu.Lock()
	set := g.set
	g.mu.Unlock()
	if set != nil {
		if _, err := gate.Cut(ctx, set); err != nil {
			return fmt.Errorf("gate %s: generation %d of cuts: %w", name, set.Generation(), err)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gates[name] = gate
	return nil
}

// Names are the gates' names as receipts have them, sorted.
func (g *Gates) Names() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []string
	for name := range g.gates {
		all = append(all, g.full(name))
	}
	slices.Sort(all)
	return all
}

func (g *Gates) full(name string) string { return g.site + "/" + name }

// Generation is the one in force, 0 before the first.
func (g *Gates) Generation() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.set.Generation()
}

// Put puts a generation in force at all gates at once and returns their
// answers, by name, when all have answered. text is the signed order that set
// was read from. The generation in force again asks the gates again.
func (g *Gates) Put(ctx context.Context, text []byte, set *cut.Set) ([]Answer, error) {
	g.putting.Lock()
	defer g.putting.Unlock()
	g.mu.Lock()
	if in := g.set.Generation(); set.Generation() < in {
		g.mu.Unlock()
		return nil, fmt.Errorf("generation %d: %w (%d)", set.Generation(), ErrOlder, in)
	}
	g.set, g.digest = set, order.Digest(text)
	answers := make([]Answer, 0, len(g.gates))
	var list []Gate
	for name, gate := range g.gates {
		answers = append(answers, Answer{Receipt: order.Receipt{Gate: g.full(name), Generation: set.Generation(), Digest: g.digest}})
		list = append(list, gate)
	}
	g.mu.Unlock()
	var wait sync.WaitGroup
	for i, gate := range list {
		wait.Go(func() { answers[i].ask(ctx, gate, set, g) })
	}
	wait.Wait()
	slices.SortFunc(answers, func(a, b Answer) int { return strings.Compare(a.Receipt.Gate, b.Receipt.Gate) })
	return answers, nil
}

func (a *Answer) ask(ctx context.Context, gate Gate, set *cut.Set, g *Gates) {
	closed, err := gate.Cut(ctx, set)
	if err != nil {
		a.Err = err
		return
	}
	a.Receipt.Closed, a.Receipt.At = uint64(closed), g.now().UTC()
	a.Text, a.Err = a.Receipt.Sign(g.signer)
}
