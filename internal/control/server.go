package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"sekisho/internal/fault"
)

// maxRequest is the largest request, in bytes; MaxList the largest of ListCall,
// which holds a list of payments, and of RulesCall.
const (
	maxRequest = 1 << 20
	MaxList    = 64 << 20
	ListCall   = "case/concentrate"
)

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
// seconds, and ends those that are left. It closes l.
func Serve(ctx context.Context, l net.Listener, op Operator, log *slog.Logger) error {
	return serve(ctx, l, op, log, 5*time.Second)
}

func serve(ctx context.Context, l net.Listener, op Operator, log *slog.Logger, drain time.Duration) error {
	srv := &http.Server{
		Handler: bounded(handler(op, log)), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
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
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	err := srv.Shutdown(stop)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close()
	}
	<-done
	return err
}

// bounded refuses requests that are too large.
func bounded(h http.Handler) http.Handler {
	list := http.NewServeMux()
	list.Handle("/v1/"+ListCall, http.MaxBytesHandler(h, MaxList))
	list.Handle("/v1/"+RulesCall, http.MaxBytesHandler(h, MaxList))
	list.Handle("/", http.MaxBytesHandler(h, maxRequest))
	return list
}

func handler(op Operator, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	for _, c := range Calls {
		mux.HandleFunc("POST /v1/"+c.Name, func(w http.ResponseWriter, r *http.Request) {
			if !may(PeerOf(r.Context()), c.Name) {
				Reply(w, http.StatusForbidden, Problem{Code: fault.ControlRefused, Args: []string{"problem", "this account may not ask for " + c.Name, "hint", "ask as the account of the process"}})
				return
			}
			c.Serve(w, r, op, log, reasoned, func(err error) {
				status := http.StatusConflict
				if errors.Is(err, ErrRequest) {
					status = http.StatusBadRequest
				} else {
					err = Told(r.Context(), op.Status, err)
				}
				Reply(w, status, ProblemOf(err))
			})
		})
	}
	return mux
}

// reasoned refuses orders without a reason.
func reasoned(request any) error {
	if Reasonless(request) {
		return ErrReason
	}
	return nil
}

// may reports whether an account may make a call. Where the system does not tell
// the account, the file's mode has let it in.
func may(p Peer, call string) bool {
	return !p.Known || p.UID == 0 || p.UID == os.Geteuid() || othersMay[call]
}

// Reply writes v as JSON.
func Reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// An error here is a client that went away; there is nobody to tell.
	_ = json.NewEncoder(w).Encode(v)
}
