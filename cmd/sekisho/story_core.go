package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"sekisho/demo/story"
	"sekisho/internal/pgserver"
	"sekisho/proof/scope"
)

// A core database of orders.
const (
	coreName  = "core"
	coreScan  = "core_scan"
	coreApp   = "core_app"
	coreOther = "core_batch"
)

// Core implements story.Office.
func (o *office) Core(ctx context.Context, orders, read int) (out story.Core, err error) {
	s, err := pgserver.Start(ctx, pgserver.Config{})
	if errors.Is(err, pgserver.ErrMissing) {
		return out, story.ErrNoDatabase
	}
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if err := s.Exec(ctx, "postgres", fmt.Sprintf("CREATE ROLE %s LOGIN; CREATE ROLE %s LOGIN; CREATE ROLE %s LOGIN; GRANT pg_read_all_stats TO %[1]s", coreScan, coreApp, coreOther)); err != nil {
		return out, err
	}
	if err := s.CreateDatabase(ctx, coreName); err != nil {
		return out, err
	}
	if err := s.Exec(ctx, coreName, fmt.Sprintf(`CREATE TABLE orders AS SELECT i AS id, 'name ' || i AS name, 'm' || i || '@mail.example' AS email FROM generate_series(1, %d) i;
ALTER TABLE orders ADD PRIMARY KEY (id); GRANT SELECT ON orders TO %s, %s, %s; ANALYZE orders`, orders, coreScan, coreApp, coreOther)); err != nil {
		return out, err
	}
	y, err := openPlay(ctx, filepath.Join(o.dir, coreName), fmt.Sprintf(`databases:
  - name: %[1]s
    upstream: %[2]s
    tls: {mode: disable}
    control: {user: %[3]s}
    scan: {watch: 1s}
    protect:
      - {table: public.orders, key: id, columns: {name: name, email: email}, plain: [id]}
gates:
  - {name: %[1]s-db, listen: '127.0.0.1:0', database: %[1]s}
`, coreName, s.Addr(), coreScan), (*process).startView, (*process).startBases, (*process).startCuts, (*process).startGates)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, y.close()) }()
	first := orders/16 + 1
	if out.Received, _, err = readThrough(ctx, y.p.gates[0].listener.Addr().String(), coreApp, coreName, fmt.Sprintf("SELECT id, name FROM orders WHERE id BETWEEN %d AND %d", first, first+read-1)); err != nil {
		return out, err
	}
	// Until the watch has looked again, somebody might have read around the gate.
	err = y.await(ctx, "full coverage of the core database", func() (bool, error) {
		all, err := y.scope(ctx, scope.Query{Places: []string{coreName}})
		if err != nil {
			return false, err
		}
		other, err := y.scope(ctx, scope.Query{Places: []string{coreName}, Users: []string{coreOther}})
		if err != nil {
			return false, err
		}
		out.Confirmed, out.Reachable, out.Held, out.Others = all.Confirmed.Subjects, all.Reachable.Subjects, all.EverHeld.Subjects, other.Reachable.Subjects
		return out.Confirmed > 0 && out.Reachable < out.Held && out.Others < out.Held, nil
	})
	return out, err
}
