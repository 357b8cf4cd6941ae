package prove

import (
	"bytes"
	"context"
	"fmt"
	"sync"
)

// endpoint is a database reached without the gate.
type endpoint struct {
	network, address, user string
	database               string
	exec                   func(ctx context.Context, database, sql string) error // as the superuser
	other                  *otherSession
}

// otherSession runs what another session than the episode's does. It lives on,
// because connections are dear; what it left in itself is discarded.
type otherSession struct{ c *client }

func (o *otherSession) run(ctx context.Context, at endpoint, sql string) error {
	if o.c == nil {
		c, err := dial(ctx, at.network, at.address, at.user, at.database)
		if err != nil {
			return err
		}
		o.c = c
	}
	if err := o.c.simply(sql); err != nil {
		return err
	}
	if err := o.c.simply("ROLLBACK"); err != nil {
		return err
	}
	return o.c.simply("DISCARD ALL")
}

func (o *otherSession) close() {
	if o.c != nil {
		o.c.close()
		o.c = nil
	}
}

// truth plays the episodes in the unchanged database and in one copy for each
// mutation, in step, so that what an episode writes is there for the next one.
type truth struct {
	shop      *shop
	mirror    endpoint
	mutated   []endpoint
	mutations []mutation
}

// of returns the subjects whose change or deletion changes the bytes that the
// episode delivers, and the bytes delivered in the unchanged database.
func (t *truth) of(ctx context.Context, e episode) (map[int]bool, []byte, error) {
	want, err := play(ctx, t.mirror, e)
	if err != nil {
		return nil, nil, fmt.Errorf("mirror: %w", err)
	}
	if e.writes || e.waits() {
		return t.ofAll(ctx, e, want)
	}
	set := map[int]bool{}
	for i, m := range t.mutations {
		if e.bare && m.kind == "delete" && !e.writes {
			continue
		}
		if set[m.subject] && !e.writes {
			continue
		}
		got, err := play(ctx, t.mutated[i], e)
		if err != nil {
			return nil, nil, fmt.Errorf("%+v: %w", m, err)
		}
		if !bytes.Equal(got, want) && !(e.bare && m.kind == "delete") {
			set[m.subject] = true
		}
	}
	return set, want, nil
}

// ofAll plays an episode everywhere, in several databases at once: what it
// writes is then in all of them.
func (t *truth) ofAll(ctx context.Context, e episode, want []byte) (map[int]bool, []byte, error) {
	differs, errs := make([]bool, len(t.mutations)), make([]error, len(t.mutations))
	var wg sync.WaitGroup
	limit := make(chan struct{}, 12)
	for i := range t.mutations {
		wg.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			var got []byte
			got, errs[i] = play(ctx, t.mutated[i], e)
			differs[i] = !bytes.Equal(got, want)
		})
	}
	wg.Wait()
	set := map[int]bool{}
	for i, m := range t.mutations {
		if errs[i] != nil {
			return nil, nil, fmt.Errorf("%+v: %w", m, errs[i])
		}
		if differs[i] && !(e.bare && m.kind == "delete") {
			set[m.subject] = true
		}
	}
	return set, want, nil
}

// play runs one episode in a session of its own.
func play(ctx context.Context, at endpoint, e episode) ([]byte, error) {
	c, err := dial(ctx, at.network, at.address, at.user, at.database, e.startup)
	if err != nil {
		return nil, err
	}
	defer c.close()
	c.outside = func(sql string) error { return at.exec(ctx, at.database, sql) }
	c.aside = func(sql string) error { return at.other.run(ctx, at, sql) }
	c.beside = func() (*client, error) { return dial(ctx, at.network, at.address, at.user, at.database) }
	c.cancel = cancels(ctx, at.network, at.address, c.outside)
	return c.run(e)
}
