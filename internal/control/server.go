package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sekisho/internal/fault"
)

// maxRequest is the largest request, in bytes.
const maxRequest = 1 << 20

// problem is how an error travels.
type problem struct {
	Code fault.Code `json:"code"`
	Args []string   `json:"args"`
	Text string     `json:"text"`
}

// Listen opens the socket with mode 0600. A socket file that nobody answers on
// is a leftover and is replaced; one that somebody answers on is an
// AlreadyRunning fault.
//
// A group that is not empty, a name or a number, may connect too (mode 0660).
func Listen(path, group string) (net.Listener, error) {
	gid := -1
	if group != "" {
		var err error
		if gid, err = groupID(group); err != nil {
			return nil, fmt.Errorf("control socket: %w", err)
		}
	}
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		c.Close()
		return nil, fault.New(fault.AlreadyRunning, "socket", path)
	}
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&os.ModeSocket == 0 {
			return nil, fmt.Errorf("control socket %s: the path is not a socket", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("control socket: %w", err)
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return listenPrivate(path, gid)
}

func groupID(name string) (int, error) {
	if g, err := user.LookupGroup(name); err == nil {
		name = g.Gid
	}
	gid, err := strconv.Atoi(name)
	if err != nil {
		return 0, fmt.Errorf("there is no group %q", name)
	}
	return gid, nil
}

// listenPrivate binds under a name nobody else can reach until the mode is
// set: in a directory of mode 0700 beside the path, then renamed. gid -1 is no
// group.
func listenPrivate(path string, gid int) (net.Listener, error) {
	dir, err := os.MkdirTemp(filepath.Dir(path), ".sock-")
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	defer os.RemoveAll(dir)
	hidden := filepath.Join(dir, "s")
	l, err := net.Listen("unix", hidden)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	mode := os.FileMode(0o600)
	if gid >= 0 {
		mode = 0o660
		err = os.Chown(hidden, -1, gid)
	}
	if err := errors.Join(err, os.Chmod(hidden, mode), os.Rename(hidden, path)); err != nil {
		return nil, errors.Join(fmt.Errorf("control socket: %w", err), l.Close())
	}
	return &listener{l, path}, nil
}

// listener removes the socket file when it is closed.
type listener struct {
	net.Listener
	path string
}

// Close implements net.Listener.
func (l *listener) Close() error { return errors.Join(os.Remove(l.path), l.Listener.Close()) }

// Serve answers until ctx ends, then waits for requests under way, at most five
// seconds. It closes l.
func Serve(ctx context.Context, l net.Listener, op Operator, log *slog.Logger) error {
	srv := &http.Server{
		Handler: http.MaxBytesHandler(handler(op, log), maxRequest), ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return WithPeer(ctx, peerOf(c)) },
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return fmt.Errorf("control socket: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := srv.Shutdown(stop)
	<-done
	return err
}

func handler(op Operator, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	handle(mux, log, "status", func(ctx context.Context, _ struct{}) (Status, error) { return op.Status(ctx) })
	handle(mux, log, "sessions", func(ctx context.Context, _ struct{}) ([]Session, error) { return op.Sessions(ctx) })
	handle(mux, log, "cut", op.Cut)
	handle(mux, log, "cuts", func(ctx context.Context, _ struct{}) (Cuts, error) { return op.Cuts(ctx) })
	handle(mux, log, "cuts/order", op.OrderCut)
	handle(mux, log, "cuts/lift", op.LiftCut)
	handle(mux, log, "except", op.Except)
	handle(mux, log, "hub/token", op.HubToken)
	handle(mux, log, "hub/revoke", op.RevokeGate)
	handle(mux, log, "policy/reload", func(ctx context.Context, _ struct{}) (PolicyStatus, error) { return op.ReloadPolicy(ctx) })
	handle(mux, log, "bypass", op.Bypass)
	handle(mux, log, "clear", op.Clear)
	handle(mux, log, "web", op.Web)
	handle(mux, log, "grants", func(ctx context.Context, _ struct{}) ([]Grant, error) { return op.Grants(ctx) })
	handle(mux, log, "grants/request", op.RequestGrant)
	handle(mux, log, "grants/decide", op.DecideGrant)
	handle(mux, log, "scan", op.Scan)
	handle(mux, log, "keys/destroy", func(ctx context.Context, r KeyRequest) (struct{}, error) { return struct{}{}, op.DestroyKey(ctx, r) })
	handle(mux, log, "retention", op.ApplyRetention)
	handle(mux, log, "case/record", op.RecordCase)
	handle(mux, log, "case/draft", op.Draft)
	handle(mux, log, "case/misuse", op.Misuse)
	handle(mux, log, "case/test-call", op.TestCall)
	handle(mux, log, "host", op.RecordHost)
	handle(mux, log, "case", op.Case)
	handle(mux, log, "person", op.RecordPerson)
	stream(mux, log, "scope", op.Scope)
	stream(mux, log, "backup", func(ctx context.Context, _ struct{}, w io.Writer) error { return op.Backup(ctx, w) })
	return mux
}

// handle serves one call: a POST with the request, answered by the result or a
// problem.
func handle[Q, A any](mux *http.ServeMux, log *slog.Logger, name string, call func(context.Context, Q) (A, error)) {
	mux.HandleFunc("POST /v1/"+name, func(w http.ResponseWriter, r *http.Request) {
		var q Q
		if !decode(w, r, &q) {
			return
		}
		a, err := call(r.Context(), q)
		if err == nil {
			reply(w, http.StatusOK, a)
			return
		}
		log.Warn("control request failed", "call", name, "err", err)
		reply(w, http.StatusConflict, asProblem(err))
	})
}

// may reports whether an account may make a call. Where the system does not tell
// the account, the file's mode has let it in.
func may(p Peer, call string) bool {
	return !p.Known || p.UID == 0 || p.UID == os.Geteuid() || othersMay[call]
}

// decode reads a request strictly and answers what is not understood.
func decode(w http.ResponseWriter, r *http.Request, q any) bool {
	if call := strings.TrimPrefix(r.URL.Path, "/v1/"); !may(PeerOf(r.Context()), call) {
		reply(w, http.StatusForbidden, problem{Code: fault.ControlRefused, Args: []string{"problem", "this account may not ask for " + call, "hint", "ask as the account of the process"}})
		return false
	}
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	err := dec.Decode(q)
	if err != nil {
		reply(w, http.StatusBadRequest, problem{Code: fault.ControlRefused, Args: []string{"problem", "the request is not understood", "hint", "use the same version for both"}})
	}
	return err == nil
}

// stream serves one call whose answer may have any size.
func stream[Q any](mux *http.ServeMux, log *slog.Logger, name string, call func(context.Context, Q, io.Writer) error) {
	mux.HandleFunc("POST /v1/"+name, func(w http.ResponseWriter, r *http.Request) {
		var q Q
		if !decode(w, r, &q) {
			return
		}
		out := &lateWriter{w: w, control: http.NewResponseController(w)}
		err := call(r.Context(), q, out)
		if err == nil {
			return
		}
		log.Warn("control request failed", "call", name, "err", err)
		if out.begun { // too late to say why: end the connection without the end of the body
			panic(http.ErrAbortHandler)
		}
		reply(w, http.StatusConflict, asProblem(err))
	})
}

// stall is how long a client may take no byte of an answer.
const stall = time.Minute

// lateWriter notes whether anything was written, and gives up on a client that
// reads no more.
type lateWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

// Write implements io.Writer.
func (l *lateWriter) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	l.begun = true
	if err := l.control.SetWriteDeadline(time.Now().Add(stall)); err != nil {
		return 0, err
	}
	return l.w.Write(b)
}

func asProblem(err error) problem {
	f := fault.Faults(err)[0]
	p := problem{Code: f.Code}
	for _, a := range f.Args {
		p.Args = append(p.Args, fmt.Sprint(a))
	}
	if f.Err != nil {
		p.Text = f.Err.Error()
	}
	return p
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// An error here is a client that went away; there is nobody to tell.
	_ = json.NewEncoder(w).Encode(v)
}
