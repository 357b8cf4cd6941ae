package pgserver

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Superuser is the role that initdb makes.
const Superuser = "postgres"

// Config describes a private server. The zero value is a good one: a
// temporary directory, no fsync, no TLS, roles other than the superuser
// trusted on loopback.
type Config struct {
	// Dir holds everything: the cluster, the socket, the log. It is made when
	// it does not exist and reused when it holds a cluster. Empty means a
	// temporary directory, which Stop removes.
	Dir string
	// Fsync keeps commits through a power cut. Tests and demo do without.
	Fsync bool
	// CertPEM and KeyPEM switch TLS on. ClientCAPEM may name the authority of
	// client certificates, for pg_hba lines with clientcert.
	CertPEM, KeyPEM, ClientCAPEM []byte
	// HBA lines go in front of ours, which are: everybody trusted on the Unix
	// socket (its directory is private), the superuser by password (SCRAM) and
	// every other role trusted on 127.0.0.0/8.
	HBA []string
	// Settings are lines of postgresql.conf, values unquoted.
	Settings map[string]string
	// Listen is the loopback address, 127.0.0.1 when empty.
	Listen string
}

// Server is a running private PostgreSQL. Its methods may be called from
// several goroutines, except Stop, Kill and Restart.
type Server struct {
	cfg      Config
	dir      string // Config.Dir or temporary
	bin      string // where the programs are
	owner    *owner
	password string // of Superuser
	port     int
	proc     *os.Process
	exited   chan struct{} // closed when proc has ended
	exitErr  error         // set before exited is closed
}

// startTries is how often Start looks for another port when somebody takes the
// free one between our looking and the server's binding it.
const startTries = 5

// Start makes a cluster, unless Config.Dir holds one, and starts it on a free
// loopback port. ctx bounds the start only: the server runs until Stop. When
// PostgreSQL is not installed the error wraps ErrMissing.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	s := &Server{cfg: cfg, dir: cfg.Dir}
	var err error
	if s.bin, err = Find(); err != nil {
		return nil, err
	}
	if s.owner, err = findOwner(); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.clean())
	}
	for try := 1; ; try++ {
		if s.port, err = freePort(s.listen()); err == nil {
			err = s.launch(ctx)
		}
		if err == nil {
			return s, nil
		}
		if try == startTries || !errors.Is(err, errPortTaken) {
			return nil, errors.Join(err, s.clean())
		}
	}
}

// prepare makes the directory and the cluster in it.
func (s *Server) prepare(ctx context.Context) error {
	var err error
	if s.dir == "" {
		s.dir, err = os.MkdirTemp("", "sekisho-pg-")
	} else if s.dir, err = filepath.Abs(s.dir); err == nil {
		err = os.MkdirAll(s.dir, 0o700)
	}
	if err != nil {
		return err
	}
	if err := s.owner.reaches(s.dir); err != nil {
		return err
	}
	if err := s.owner.own(s.dir); err != nil {
		return fmt.Errorf("own %s: %w", s.dir, err)
	}
	if err := s.secret(); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(s.data(), "PG_VERSION")); err != nil {
		if err := s.initdb(ctx); err != nil {
			return err
		}
	}
	return s.configure()
}

// secret reads the superuser's password, or makes one.
func (s *Server) secret() error {
	path := filepath.Join(s.dir, "password")
	if old, err := os.ReadFile(path); err == nil {
		s.password = strings.TrimSpace(string(old))
		return nil
	}
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never fails, see crypto/rand
	s.password = hex.EncodeToString(raw)
	return s.write(path, []byte(s.password+"\n"))
}

// initdb makes the cluster. Locale C with UTF-8 sorts by code point everywhere.
func (s *Server) initdb(ctx context.Context) error {
	args := []string{
		"-D", s.data(), "-U", Superuser, "-E", "UTF8", "--locale=C", "-A", "scram-sha-256",
		"--pwfile", filepath.Join(s.dir, "password"), "--no-instructions",
	}
	if !s.cfg.Fsync {
		args = append(args, "--no-sync")
	}
	cmd := s.command(ctx, "initdb", args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb in %s: %w: %s", s.dir, err, bytes.TrimSpace(out))
	}
	return nil
}

// launch starts the server on s.port and waits until it answers.
func (s *Server) launch(ctx context.Context) error {
	s.exited, s.exitErr = make(chan struct{}), nil
	started := make(chan error, 1)
	go s.run(context.WithoutCancel(ctx), started)
	if err := <-started; err != nil {
		return err
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if s.answers(ctx) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), s.end(signalImmediate))
		case <-s.exited:
			return s.startError()
		}
	}
}

// run starts the server process and waits for its end. It keeps its thread to
// itself: the parent death signal is bound to the thread that forked.
func (s *Server) run(ctx context.Context, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		started <- err
		return
	}
	defer log.Close() // the server has its own descriptor; nothing of ours is written
	cmd := s.command(ctx, "postgres", "-D", s.data(), "-p", strconv.Itoa(s.port))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		started <- fmt.Errorf("start %s: %w", cmd.Path, err)
		return
	}
	s.proc = cmd.Process
	started <- nil
	s.exitErr = cmd.Wait()
	close(s.exited)
}

// answers says whether the superuser can log in.
func (s *Server) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := pgconn.Connect(ctx, s.SocketDSN(Superuser, "postgres"))
	if err != nil {
		return false
	}
	return conn.Close(ctx) == nil
}

var errPortTaken = errors.New("port was taken by another program")

// startError says why the server ended before it answered.
func (s *Server) startError() error {
	text, _ := os.ReadFile(s.log()) // no log: the exit status has to do
	if bytes.Contains(text, []byte("Address already in use")) {
		return errPortTaken
	}
	if max := 2000; len(text) > max {
		text = text[len(text)-max:]
	}
	return fmt.Errorf("PostgreSQL in %s ended at start: %w: %s", s.dir, s.exitErr, bytes.TrimSpace(text))
}

// Stop ends the server (sessions are cut, the shutdown is clean) and removes a
// temporary directory. It may be called twice.
func (s *Server) Stop() error {
	return errors.Join(s.end(signalFast), s.clean())
}

// Kill ends the server as a crash would. Restart recovers it.
func (s *Server) Kill() error { return s.end(signalImmediate) }

// Restart stops the server if it runs and starts it on the same port.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.end(signalFast); err != nil {
		return err
	}
	return s.launch(ctx)
}

// stopPatience is how long a shutdown may take before it is forced.
const stopPatience = 20 * time.Second

// end signals the server and waits until it is gone.
func (s *Server) end(sig os.Signal) error {
	if s.proc == nil {
		return nil
	}
	for _, sig := range []os.Signal{sig, signalImmediate, os.Kill} {
		if err := s.proc.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("signal PostgreSQL in %s: %w", s.dir, err)
		}
		select {
		case <-s.exited:
			return nil
		case <-time.After(stopPatience):
		}
	}
	return fmt.Errorf("PostgreSQL in %s does not end", s.dir)
}

// clean removes a temporary directory.
func (s *Server) clean() error {
	if s.cfg.Dir != "" || s.dir == "" {
		return nil
	}
	return os.RemoveAll(s.dir)
}

// DSN returns the connection string over TCP for a role and a database.
func (s *Server) DSN(user, database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(user), Host: s.Addr(), Path: "/" + database}
	if user == Superuser {
		u.User = url.UserPassword(user, s.password)
	}
	mode := "disable"
	if s.cfg.CertPEM != nil {
		mode = "require"
	}
	u.RawQuery = "sslmode=" + mode
	return u.String()
}

// SocketDSN returns the connection string over the Unix socket.
func (s *Server) SocketDSN(user, database string) string {
	return fmt.Sprintf("host=%s port=%d user=%s dbname=%s sslmode=disable", quote(s.dir), s.port, quote(user), quote(database))
}

// quote quotes a value of a keyword/value connection string (libpq, 34.1.1.1).
func quote(v string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(v) + "'"
}

// Addr returns host:port of the TCP listener.
func (s *Server) Addr() string { return net.JoinHostPort(s.listen(), strconv.Itoa(s.port)) }

// Port returns the TCP port, which also names the Unix socket.
func (s *Server) Port() int { return s.port }

// Dir returns the directory of the server: its Unix socket (.s.PGSQL.<port>)
// and its log (server.log) are in it.
func (s *Server) Dir() string { return s.dir }

// Command returns a PostgreSQL client or server program (psql, pgbench,
// pg_dump …) from the server's installation, set to reach this server as the
// superuser over the Unix socket and to run as the server's user.
func (s *Server) Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	return s.command(ctx, program, args...)
}

func (s *Server) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, program), args...)
	cmd.Dir = s.dir
	cmd.Env = append(foreignEnv(), "LC_ALL=C", "TZ=UTC")
	if s.port != 0 {
		cmd.Env = append(cmd.Env, "PGHOST="+s.dir, "PGPORT="+strconv.Itoa(s.port), "PGUSER="+Superuser, "PGDATABASE=postgres")
	}
	s.owner.apply(cmd)
	return cmd
}

// foreignEnv is our environment without what steers PostgreSQL's programs.
func foreignEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PG") })
}

func (s *Server) listen() string {
	if s.cfg.Listen != "" {
		return s.cfg.Listen
	}
	return "127.0.0.1"
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }
func (s *Server) log() string  { return filepath.Join(s.dir, "server.log") }

// freePort asks the system for a port nobody listens on.
func freePort(host string) (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}
