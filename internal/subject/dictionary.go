package subject

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync"

	"sekisho/internal/event"
	"sekisho/internal/keyring"
)

// Lease hands out a block of numbers of a source that nobody else uses: first
// … first+count-1, count ≥ 1. Above is one more than the highest number that
// the caller knows to be in use. Want is a wish.
type Lease func(ctx context.Context, src event.SubjectSource, above uint64, want uint32) (first, count uint32, err error)

// Config is what a Dictionary needs.
type Config struct {
	Tenant   event.Tenant
	Keys     *keyring.Ring  // must have a current dictionary key of Tenant when keys are assigned
	Recorder event.Recorder // takes event.Subjects; may be nil when nothing is assigned
	// Level is how safe new numbers must be before they are used; 0 is
	// event.Written. After a power cut, Apply sees to it that a number whose
	// event was lost is never given to another key.
	Level event.Level
	// Lease is asked for numbers; nil takes the next free ones, which is right
	// when this dictionary alone assigns numbers of its sources.
	Lease Lease
}

// Dictionary numbers the subjects of one tenant. It is safe for concurrent use.
type Dictionary struct {
	cfg Config

	mu      sync.RWMutex
	sources map[event.SubjectSource]*Source
}

// New returns an empty dictionary. Feed it the ledger with Apply before use.
func New(cfg Config) *Dictionary {
	if cfg.Level == 0 {
		cfg.Level = event.Written
	}
	return &Dictionary{cfg: cfg, sources: map[event.SubjectSource]*Source{}}
}

// Source returns the handle of a source, making it when it is new.
func (d *Dictionary) Source(name event.SubjectSource) *Source {
	d.mu.RLock()
	s := d.sources[name]
	d.mu.RUnlock()
	if s != nil {
		return s
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s = d.sources[name]; s == nil {
		s = &Source{name: name, dict: d}
		s.live.Store(newLive())
		d.sources[name] = s
	}
	return s
}

// Sources returns the names of all sources, sorted.
func (d *Dictionary) Sources() []event.SubjectSource {
	d.mu.RLock()
	defer d.mu.RUnlock()
	names := make([]event.SubjectSource, 0, len(d.sources))
	for n := range d.sources {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Apply takes an event of the ledger: Subjects and KeyDestroyed in ledger
// order, and everything that carries subject sets, so that no number is given
// out twice. Other events are ignored. It is idempotent: a dictionary may be
// fed its own events.
//
// It fails when a dictionary key is neither in the ring nor destroyed: going
// on would number every subject a second time.
func (d *Dictionary) Apply(e *event.Event) error {
	if e.Tenant != d.cfg.Tenant {
		return nil
	}
	switch b := e.Body.(type) {
	case *event.Subjects:
		return d.Source(b.Source).apply(b)
	case *event.KeyDestroyed:
		d.Forget(b.KeyID)
	case *event.Crossing:
		for i := range b.Parts {
			d.observe(b.Parts[i].Source, b.Parts[i].Subjects)
		}
	case *event.HoldingScan:
		d.observe(b.Source, b.Subjects)
	case *event.HoldingChange:
		d.observe(b.Source, b.Subjects)
	}
	return nil
}

func (d *Dictionary) observe(name event.SubjectSource, set event.Set) {
	if len(set) == 0 || name == "" {
		return
	}
	s := d.Source(name)
	s.mu.Lock()
	s.observe(set[len(set)-1].Last)
	s.mu.Unlock()
}

// Forget drops every key that was sealed with the given dictionary key, in
// both directions. The numbers stay used.
func (d *Dictionary) Forget(keyID string) {
	for _, name := range d.Sources() {
		d.Source(name).forget(keyID)
	}
}

func (s *Source) apply(b *event.Subjects) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.Count == 0 {
		if b.Epoch > s.epoch {
			s.turnEpoch(b.Epoch)
		}
		return nil
	}
	if uint64(b.Number)+uint64(b.Count)-1 > MaxNumber {
		return fmt.Errorf("subjects of %s: numbers %d + %d: %w", s.name, b.Number, b.Count, errForm)
	}
	if at, ok := s.find(b.Number); ok && s.spans[at].number == b.Number && s.spans[at].count == b.Count {
		return nil // our own, or told twice
	}
	key, err := s.dict.cfg.Keys.Key(b.KeyID)
	var list keys
	switch {
	case errors.Is(err, keyring.ErrDestroyed): // the numbers stay, the link is gone
	case err != nil:
		return fmt.Errorf("subjects of %s: %w", s.name, err)
	default:
		if list, err = unseal(b, key); err != nil {
			return fmt.Errorf("subjects of %s from number %d: %w", s.name, b.Number, err)
		}
	}
	if b.Epoch > s.epoch {
		s.turnEpoch(b.Epoch)
	}
	s.add(b, list)
	return nil
}

// add publishes a recorded event. The caller holds mu.
func (s *Source) add(b *event.Subjects, list keys) {
	p := span{number: b.Number, count: b.Count, epoch: b.Epoch, form: list.form, keyID: b.KeyID,
		first: list.first, ints: list.ints}
	s.observe(p.last())
	current := b.Epoch == s.epoch
	if list.bytes != nil {
		p.arena = s.live.Load().bytes.arena
		if current {
			p.refs = s.addBytes(list.bytes, b.Number)
		} else {
			p.refs = make([]byteRef, len(list.bytes))
			for i, k := range list.bytes {
				p.refs[i] = p.arena.keep(k)
			}
		}
	}
	if current {
		s.addForward(&p)
	}
	at := sort.Search(len(s.spans), func(i int) bool { return s.spans[i].number > p.number })
	s.spans = slices.Insert(s.spans, at, p)
}

// addForward publishes the integer keys of p.
func (s *Source) addForward(p *span) {
	switch p.form {
	case formExtent:
		s.addRun(p.first, p.count, p.number)
	case formInts:
		s.addMany(p.count, p.number, func(i uint32) int64 { return p.ints[i] })
	}
}

// find returns the span that holds number.
func (s *Source) find(number uint32) (int, bool) {
	at := sort.Search(len(s.spans), func(i int) bool { return s.spans[i].number > number }) - 1
	return at, at >= 0 && number <= s.spans[at].last()
}

// turnEpoch forgets the forward direction: from now on the same key is another
// subject. The reverse direction stays.
func (s *Source) turnEpoch(epoch uint32) {
	s.epoch = epoch
	s.live.Store(newLive())
}

// forget drops what was sealed with keyID and builds the tables anew, so that
// the plain keys do not linger in an arena.
func (s *Source) forget(keyID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hit := false
	for i := range s.spans {
		if p := &s.spans[i]; p.keyID == keyID && !p.forgotten() {
			p.forget()
			hit = true
		}
	}
	if !hit {
		return
	}
	s.live.Store(newLive())
	for i := range s.spans {
		p := &s.spans[i]
		if p.refs == nil {
			if p.epoch == s.epoch {
				s.addForward(p)
			}
			continue
		}
		old, arena := p.arena, s.live.Load().bytes.arena
		list := make([][]byte, len(p.refs))
		for j, r := range p.refs {
			list[j] = old.at(r)
		}
		p.arena = arena
		if p.epoch == s.epoch {
			p.refs = s.addBytes(list, p.number)
			continue
		}
		for j := range list {
			p.refs[j] = arena.keep(list[j])
		}
	}
}

// BeginEpoch records that the source's identities start again (a truncated
// table whose sequence restarted, a restored copy): from now on every key is
// a new subject, and earlier numbers keep their old keys.
func (s *Source) BeginEpoch(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &event.Subjects{Source: s.name, Epoch: s.epoch + 1}
	if _, err := s.dict.record(ctx, b); err != nil {
		return fmt.Errorf("begin epoch %d of %s: %w", b.Epoch, s.name, err)
	}
	s.turnEpoch(b.Epoch)
	return nil
}

func (d *Dictionary) record(ctx context.Context, bodies ...event.Body) (event.Seq, error) {
	if d.cfg.Recorder == nil {
		return 0, event.ErrStopped
	}
	return d.cfg.Recorder.Record(ctx, d.cfg.Level, bodies...)
}
