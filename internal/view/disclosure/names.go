package disclosure

import (
	"context"
	"database/sql"
	"fmt"

	"sekisho/internal/element"
	"sekisho/internal/event"
)

// names numbers texts in the order of their first appearance. Number 0 is "".
type names struct {
	ids    map[string]uint32
	texts  []string
	recent [64]uint32 // of texts, by length and last letters
	saved  int
}

func newNames() *names { return &names{ids: map[string]uint32{"": 0}, texts: []string{""}, saved: 1} }

func (n *names) id(text string) uint32 {
	end := len(text)
	if end < 2 {
		return n.lookUp(text)
	}
	recent := &n.recent[(uint(text[end-1])+7*uint(text[end-2])+31*uint(end))%uint(len(n.recent))]
	if n.texts[*recent] != text {
		*recent = n.lookUp(text)
	}
	return *recent
}

func (n *names) lookUp(text string) uint32 {
	if text == "" {
		return 0
	}
	id, ok := n.ids[text]
	if !ok {
		id = uint32(len(n.texts))
		n.ids[text] = id
		n.texts = append(n.texts, text)
	}
	return id
}

func (n *names) load(ctx context.Context, db *sql.DB) error {
	return query(ctx, db, "SELECT id, text FROM name ORDER BY id", func(r *sql.Rows) error {
		var id int
		var text string
		if err := r.Scan(&id, &text); err != nil {
			return err
		}
		n.ids[text] = uint32(id)
		n.texts = append(n.texts, text)
		n.saved = len(n.texts)
		return nil
	})
}

func (n *names) save(ctx context.Context, tx *sql.Tx) error {
	for ; n.saved < len(n.texts); n.saved++ {
		if _, err := tx.ExecContext(ctx, "INSERT INTO name VALUES (?, ?)", n.saved, n.texts[n.saved]); err != nil {
			return err
		}
	}
	return nil
}

// client is a database user at an address. Client 0 is nobody.
type client struct{ user, address uint32 }

// clients numbers clients, and series series, as names numbers texts.
type clients struct {
	ids   map[client]uint32
	list  []client
	saved int
}

func newClients() *clients {
	return &clients{ids: map[client]uint32{}, list: []client{{}}, saved: 1}
}

func (c *clients) id(k client) uint32 {
	id, ok := c.ids[k]
	if !ok {
		id = uint32(len(c.list))
		c.ids[k] = id
		c.list = append(c.list, k)
	}
	return id
}

func (c *clients) load(ctx context.Context, db *sql.DB) error {
	return query(ctx, db, "SELECT user, address FROM client ORDER BY id", func(r *sql.Rows) error {
		var k client
		if err := r.Scan(&k.user, &k.address); err != nil {
			return err
		}
		c.id(k)
		c.saved = len(c.list)
		return nil
	})
}

func (c *clients) save(ctx context.Context, tx *sql.Tx) error {
	for ; c.saved < len(c.list); c.saved++ {
		k := c.list[c.saved]
		if _, err := tx.ExecContext(ctx, "INSERT INTO client VALUES (?, ?, ?)", c.saved, k.user, k.address); err != nil {
			return err
		}
	}
	return nil
}

// kind is what the crossings of one series have in common.
type kind struct {
	table, source uint32
	mask          element.Mask
	class         event.Class
	reason        uint32
}

type series struct {
	ids    map[kind]uint32
	list   []kind
	recent [64]uint32 // of list, by table
	saved  int
}

func newSeries() *series { return &series{ids: map[kind]uint32{}} }

func (s *series) id(k kind) uint32 {
	recent := &s.recent[k.table%uint32(len(s.recent))]
	if int(*recent) >= len(s.list) || s.list[*recent] != k {
		*recent = s.lookUp(k)
	}
	return *recent
}

func (s *series) lookUp(k kind) uint32 {
	id, ok := s.ids[k]
	if !ok {
		id = uint32(len(s.list))
		s.ids[k] = id
		s.list = append(s.list, k)
	}
	return id
}

func (s *series) load(ctx context.Context, db *sql.DB) error {
	return query(ctx, db, "SELECT tbl, source, mask, class, reason FROM series ORDER BY id", func(r *sql.Rows) error {
		var k kind
		var mask int64
		if err := r.Scan(&k.table, &k.source, &mask, &k.class, &k.reason); err != nil {
			return err
		}
		k.mask = element.Mask(mask)
		s.id(k)
		s.saved = len(s.list)
		return nil
	})
}

func (s *series) save(ctx context.Context, tx *sql.Tx) error {
	for ; s.saved < len(s.list); s.saved++ {
		k := s.list[s.saved]
		if _, err := tx.ExecContext(ctx, "INSERT INTO series VALUES (?, ?, ?, ?, ?, ?)",
			s.saved, k.table, k.source, int64(k.mask), k.class, k.reason); err != nil {
			return err
		}
	}
	return nil
}

type querier interface {
	QueryContext(ctx context.Context, q string, args ...any) (*sql.Rows, error)
}

// query calls fn for every row.
func query(ctx context.Context, db querier, q string, fn func(*sql.Rows) error, args ...any) error {
	rows, err := db.QueryContext(ctx, q, args...)
	if err != nil {
		return fmt.Errorf("disclosure view: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return fmt.Errorf("disclosure view: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("disclosure view: %w", err)
	}
	return nil
}

// prepared lets query run a prepared statement.
type prepared struct{ *sql.Stmt }

func (p prepared) QueryContext(ctx context.Context, _ string, args ...any) (*sql.Rows, error) {
	return p.Stmt.QueryContext(ctx, args...)
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, t := range list {
		out[i] = string(t)
	}
	return out
}
