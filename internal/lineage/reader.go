package lineage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"
)

// Reader asks one database for the lineage of statements. It is safe for
// concurrent use.
//
// Lock order: load before mu.
type Reader struct {
	conf Config
	free chan *control // idle connections; nil stands for one not yet made

	load sync.Mutex // held while the catalogue is read

	mu         sync.Mutex
	cat        *Catalog
	last       *Catalog // what cat was before it was dropped
	generation uint64
	extra      []Table // protected since the configuration was read
	flights    map[cacheKey]*flight
	closed     bool

	cache cache
	stats Stats
}

// Stats counts what a Reader did.
type Stats struct {
	Hits, Misses, Opaque, Errors, Reloads atomic.Uint64
}

// flight is one analysis that several callers wait for.
type flight struct {
	done chan struct{}
	an   *Analysis
	err  error
}

// ErrClosed is returned by a Reader after Close.
var ErrClosed = errors.New("lineage: reader is closed")

// New checks the configuration. It touches no network; connections are made
// when they are first needed.
func New(conf Config) (*Reader, error) {
	if err := conf.setDefaults(); err != nil {
		return nil, err
	}
	r := &Reader{conf: conf, free: make(chan *control, conf.Connections), flights: map[cacheKey]*flight{}}
	for range conf.Connections {
		r.free <- nil
	}
	r.cache.limit = conf.CacheSize
	return r, nil
}

// Stats returns the counters.
func (r *Reader) Stats() *Stats { return &r.stats }

// Close closes the control connections. Analyses under way end first.
func (r *Reader) Close(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	for range r.conf.Connections {
		if c := <-r.free; c != nil {
			c.close(ctx)
		}
	}
	close(r.free)
	return nil
}

// with runs f on a free connection, made anew when the last one broke.
func (r *Reader) with(ctx context.Context, f func(*control) error) error {
	var c *control
	select {
	case got, ok := <-r.free:
		if !ok {
			return ErrClosed
		}
		c = got
	case <-ctx.Done():
		return fmt.Errorf("lineage: no free control connection: %w", ctx.Err())
	}
	defer func() {
		if c != nil && c.broken() {
			c = nil
		}
		r.free <- c
	}()
	r.mu.Lock()
	closed := r.closed
	r.mu.Unlock()
	if closed {
		return ErrClosed
	}
	if c == nil {
		fresh, err := connect(ctx, &r.conf)
		if err != nil {
			return err
		}
		c = fresh
	}
	return f(c)
}

// Catalog returns the current catalogue, read on first use.
func (r *Reader) Catalog(ctx context.Context) (*Catalog, error) {
	cat, _, err := r.current(ctx)
	return cat, err
}

func (r *Reader) current(ctx context.Context) (*Catalog, uint64, error) {
	for {
		r.mu.Lock()
		cat, generation := r.cat, r.generation
		r.mu.Unlock()
		if cat != nil {
			return cat, generation, nil
		}
		if err := r.reload(ctx, generation); err != nil {
			return nil, 0, err
		}
	}
}

// reload reads the catalogue again unless somebody did since generation.
func (r *Reader) reload(ctx context.Context, generation uint64) error {
	r.load.Lock()
	defer r.load.Unlock()
	r.mu.Lock()
	stale := r.cat == nil || r.generation == generation
	r.mu.Unlock()
	if !stale {
		return nil
	}
	return r.replace(ctx)
}

// replace reads the catalogue. The caller holds load.
func (r *Reader) replace(ctx context.Context) error {
	r.mu.Lock()
	extra := slices.Clone(r.extra)
	r.mu.Unlock()
	return r.with(ctx, func(c *control) error {
		cat, err := c.load(ctx, &r.conf, extra)
		if err != nil {
			return err
		}
		r.stats.Reloads.Add(1)
		r.mu.Lock()
		switch {
		case r.last != nil:
			cat.keep(r.last)
		case cat.System != "" && r.conf.Known != nil:
			cat.keep(remembered(r.conf.Place, r.conf.Known(cat.System)))
		}
		r.cat, r.last = cat, cat
		r.generation++
		r.mu.Unlock()
		r.cache.clear()
		return nil
	})
}

// Refresh compares the catalogue with the one in use and reads it again when
// it differs; changed tells so. Call it about once a second: it finds DDL that
// did not pass the gate.
func (r *Reader) Refresh(ctx context.Context) (changed bool, err error) {
	for {
		cat, generation, err := r.current(ctx)
		if err != nil {
			return changed, err
		}
		var digest string
		err = r.with(ctx, func(c *control) error {
			return c.rolledBack(ctx, "READ ONLY", func() (err error) {
				digest, err = c.digest(ctx)
				return err
			})
		})
		if err != nil || digest == cat.Digest {
			return changed, err
		}
		changed = true // and what somebody else reads meanwhile may be older than the digest
		if err := r.reload(ctx, generation); err != nil {
			return changed, err
		}
	}
}

// Protect adds tables that became holdings (taint) and drops every cached
// analysis. A table already protected is replaced. After an error the tables
// count from the next time the catalogue is read.
func (r *Reader) Protect(ctx context.Context, tables ...Table) error {
	r.load.Lock()
	defer r.load.Unlock()
	r.mu.Lock()
	for _, t := range tables {
		r.extra = slices.DeleteFunc(r.extra, func(o Table) bool { return o.Schema == t.Schema && o.Name == t.Name })
		r.extra = append(r.extra, t)
	}
	r.cat = nil // whoever asks meanwhile waits for the new one
	r.mu.Unlock()
	r.cache.clear()
	return r.replace(ctx)
}

// Analyse returns the lineage of a statement. The analysis is never nil: when
// the server cannot be asked, err says why and the analysis is opaque with
// reason "unavailable". A statement the server refuses is opaque without err.
func (r *Reader) Analyse(ctx context.Context, req Request) (*Analysis, error) {
	_, generation, err := r.current(ctx)
	if err != nil {
		r.stats.Errors.Add(1)
		return Opaque("unavailable"), err
	}
	key := req.key(generation)
	if an := r.cache.get(key); an != nil {
		r.stats.Hits.Add(1)
		return an, nil
	}
	r.mu.Lock()
	f := r.flights[key]
	if f != nil {
		r.mu.Unlock()
		select {
		case <-f.done:
			if errors.Is(f.err, context.Canceled) && ctx.Err() == nil {
				return r.Analyse(ctx, req) // who asked first went away
			}
			return f.an, f.err
		case <-ctx.Done():
			return Opaque("unavailable"), ctx.Err()
		}
	}
	f = &flight{done: make(chan struct{})}
	r.flights[key] = f
	r.mu.Unlock()
	r.fly(ctx, f, key, &req)
	return f.an, f.err
}

func (r *Reader) fly(ctx context.Context, f *flight, key cacheKey, req *Request) {
	r.stats.Misses.Add(1)
	f.an = Opaque("unavailable")
	defer func() {
		r.mu.Lock()
		delete(r.flights, key)
		r.mu.Unlock()
		close(f.done)
	}()
	an, literal, err := r.ask(ctx, req)
	if err != nil {
		r.stats.Errors.Add(1)
		f.err = err
		return
	}
	an.Literal = literal
	f.an = an
	if an.Opaque != "" {
		r.stats.Opaque.Add(1)
	}
	if literal {
		return // made from a text with literals: not for other statements of the fingerprint
	}
	r.mu.Lock()
	fresh := r.generation == key.generation
	r.mu.Unlock()
	if fresh {
		r.cache.put(key, an)
	}
}

// ask analyses at the server. literal says that the text with literals was
// used although there was one without.
func (r *Reader) ask(ctx context.Context, req *Request) (an *Analysis, literal bool, err error) {
	switch {
	case req.NonStandardStrings:
		return Opaque("standard_conforming_strings"), false, nil
	case req.TempUnknown:
		return Opaque("temporary"), false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*r.conf.Timeout)
	defer cancel()
	for range 3 {
		cat, generation, err := r.current(ctx)
		if err != nil {
			return nil, false, err
		}
		var t *tree
		err = r.with(ctx, func(c *control) error {
			t, err = c.read(ctx, req)
			return err
		})
		if err != nil {
			return nil, false, err
		}
		if t.refused != "" {
			return Opaque(t.refused), t.literal, nil
		}
		if t.digest == cat.Digest {
			an, err := r.judge(ctx, cat, req, t)
			return an, t.literal, err
		}
		if err := r.reload(ctx, generation); err != nil {
			return nil, false, err
		}
	}
	return Opaque("catalogue changes"), true, nil
}

func (r *Reader) options(req *Request) Options {
	return Options{Partial: req.Partial, Explain: req.Explain, TaintedSettings: req.TaintedSettings, Place: r.conf.Place}
}

// judge analyses a tree read under cat.
func (r *Reader) judge(ctx context.Context, cat *Catalog, req *Request, t *tree) (*Analysis, error) {
	if len(req.TempRelations) > 0 && mentions(cat, t.text, req.TempRelations) {
		return Opaque("temporary"), nil
	}
	opt := r.options(req)
	opt.nulls, opt.types = t.nulls, req.ParamTypes
	an, list := analyseText(cat, t.text, opt)
	if !req.Explain && an.Opaque == "" && len(an.Columns) != t.columns {
		return Opaque("tree: columns"), nil
	}
	if len(list) == 0 || t.literal {
		return an, nil
	}
	in, err := r.offer(ctx, cat, req, an, list)
	an.Injectable = in
	return an, err
}

// refusal turns a server error over the client's text into a stable word, or
// "" when it is not about the text.
func refusal(err error) string {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return ""
	}
	switch {
	case pe.Code == "42501":
		return "privilege" // of the control role, on a schema
	case pe.Code == "42P01" || pe.Code == "3F000":
		return "unknown relation"
	case pe.Code == "42883":
		return "unknown function"
	case strings.HasPrefix(pe.Code, "42"), strings.HasPrefix(pe.Code, "22"), strings.HasPrefix(pe.Code, "0A"),
		strings.HasPrefix(pe.Code, "21"), strings.HasPrefix(pe.Code, "2F"), strings.HasPrefix(pe.Code, "54"),
		strings.HasPrefix(pe.Code, "25"), strings.HasPrefix(pe.Code, "23"), strings.HasPrefix(pe.Code, "2B"):
		return "statement"
	}
	return ""
}
