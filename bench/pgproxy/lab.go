package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"sekisho/internal/pgserver"
)

const (
	benchUser     = "bench"
	benchDatabase = "shop"
)

// lab holds the server, the data and the files of one benchmark.
type lab struct {
	o            options
	server       *pgserver.Server
	dir          string
	thousandFile string // pgbench script: one query of 1,000 rows × 8 columns
	cert, key    string // PEM files, for both legs
}

func newLab(ctx context.Context, o options) (*lab, error) {
	dir, err := os.MkdirTemp("", "bench-pgproxy-")
	if err != nil {
		return nil, err
	}
	l := &lab{o: o, dir: dir, thousandFile: filepath.Join(dir, "rows1000x8.sql")}
	if err := l.fill(ctx); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *lab) fill(ctx context.Context) error {
	cert, key, err := certificate()
	if err != nil {
		return err
	}
	l.cert, l.key = filepath.Join(l.dir, "server.crt"), filepath.Join(l.dir, "server.key")
	for path, data := range map[string][]byte{
		l.cert: cert, l.key: key,
		// Each key of the table reaches 1,000 rows in one query.
		l.thousandFile: []byte("\\set first random(1, 9000)\nSELECT id, name, kana, email, phone, address, birth, note FROM wide WHERE id >= :first AND id < :first + 1000;\n"),
	} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return err
		}
	}
	l.server, err = pgserver.Start(ctx, pgserver.Config{
		CertPEM: cert, KeyPEM: key, Fsync: true,
		Settings: map[string]string{"shared_buffers": "512MB", "max_connections": "100", "max_wal_size": "4GB"},
	})
	if err != nil {
		return err
	}
	if err := l.server.Exec(ctx, "postgres", "CREATE ROLE "+benchUser+" LOGIN SUPERUSER; CREATE ROLE watch LOGIN"); err != nil {
		return err
	}
	if err := l.server.CreateDatabase(ctx, benchDatabase); err != nil {
		return err
	}
	if out, err := l.pgbench(ctx, "-i", "-q", "-s", strconv.Itoa(l.o.scale)).CombinedOutput(); err != nil {
		return fmt.Errorf("pgbench -i: %w\n%s", err, out)
	}
	err = l.server.Exec(ctx, benchDatabase, `
CREATE TABLE wide AS SELECT i AS id, '山田 太郎' || i AS name, 'ヤマダ タロウ' AS kana, 'user' || i || '@mail.example' AS email,
  '090-' || lpad((i % 10000)::text, 4, '0') || '-0000' AS phone, '北海道札幌市中央区北一条西' || i AS address,
  date '1950-01-01' + i AS birth, 'memo ' || i AS note FROM generate_series(1, 10000) i;
ALTER TABLE wide ADD PRIMARY KEY (id);
GRANT USAGE ON SCHEMA public TO watch;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO watch`)
	if err != nil {
		return err
	}
	return l.server.Exec(ctx, benchDatabase, "VACUUM ANALYZE wide")
}

func (l *lab) pgbench(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, l.tool("pgbench"), append(args, "-h", "127.0.0.1", "-p", strconv.Itoa(l.server.Port()), "-U", benchUser, benchDatabase)...)
	cmd.Env = append(os.Environ(), "PGSSLMODE=disable")
	return cmd
}

// tool returns the path of a PostgreSQL program.
func (l *lab) tool(name string) string {
	dir, err := pgserver.Find()
	if err != nil {
		return name
	}
	return filepath.Join(dir, name)
}

func (l *lab) close() {
	if l.server != nil {
		if err := l.server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	if err := os.RemoveAll(l.dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// machine describes what the figures were taken on.
func (l *lab) machine() string {
	version := func(name string, args ...string) string {
		out, err := exec.Command(name, args...).Output()
		if err != nil {
			return name + " missing"
		}
		line, _, _ := strings.Cut(string(out), "\n")
		return line
	}
	return fmt.Sprintf("# %d CPUs, %s; %s; %s; %d rounds of %v", runtime.NumCPU(), runtime.Version(),
		version(l.tool("pgbench"), "--version"), version("pgbouncer", "--version"), l.o.rounds, l.o.length)
}

// freePort returns a port nobody listens on.
func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port, nil
}

// awaitPort waits until something answers on the port or the process ends.
func (l *lab) awaitPort(ctx context.Context, port int, done chan error) error {
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return conn.Close()
		}
		select {
		case err := <-done:
			done <- err
			return fmt.Errorf("ended before it listened: %v", err)
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return fmt.Errorf("does not listen on port %d", port)
		case <-again.C:
		}
	}
}
