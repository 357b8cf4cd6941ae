package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"sekisho/internal/pgserver"
)

// postgres is a private server with default durability.
type postgres struct {
	server *pgserver.Server
	script string
}

func startPostgres(ctx context.Context, dir string) (*postgres, error) {
	server, err := pgserver.Start(ctx, pgserver.Config{Fsync: true})
	if err != nil {
		return nil, err
	}
	p := &postgres{server, filepath.Join(dir, "insert.sql")}
	if err := server.CreateDatabase(ctx, "bench"); err != nil {
		return p, err
	}
	if err := server.Exec(ctx, "bench", "CREATE TABLE events (line text)"); err != nil {
		return p, err
	}
	insert := "INSERT INTO events VALUES ('" + strings.Repeat("x", 400) + "');\n"
	return p, os.WriteFile(p.script, []byte(insert), 0o644)
}

func (p *postgres) stop() error { return p.server.Stop() }

var tpsLine = regexp.MustCompile(`(?m)^tps = ([0-9.]+) \(without initial`)

// pgbench is transactions a second of 64 clients that each insert one row of
// 400 bytes a transaction. One run a round serves both ratios.
func (b *bench) pgbench(ctx context.Context) (tps float64, err error) {
	if tps, ok := b.perRound["pgbench"]; ok {
		return tps, nil
	}
	if b.postgres == nil {
		if b.postgres, err = startPostgres(ctx, b.o.dir); err != nil {
			return 0, err
		}
	}
	p := b.postgres
	bin, err := pgserver.Find()
	if err != nil {
		return 0, err
	}
	seconds := max(1, int(b.o.length.Seconds()))
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "pgbench"), "-n", "-M", "prepared", "-c", "64", "-j", "2",
		"-T", strconv.Itoa(seconds), "-f", p.script, p.server.SocketDSN(pgserver.Superuser, "bench"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("pgbench: %w\n%s", err, out)
	}
	m := tpsLine.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("pgbench: no figure in\n%s", out)
	}
	if err := p.server.Exec(ctx, "bench", "TRUNCATE events"); err != nil {
		return 0, err
	}
	tps, err = strconv.ParseFloat(string(m[1]), 64)
	b.perRound["pgbench"] = tps
	return tps, err
}
