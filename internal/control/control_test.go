package control

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/event"
	"sekisho/internal/fault"
)

// fake answers from memory; calls it does not know come from the nil Operator
// and would panic.
type fake struct {
	Operator
	cut    CutRequest
	err    error
	backup string // written before err
	outage *Outage
}

func (f *fake) Status(context.Context) (Status, error) { return Status{Outage: f.outage}, nil }

func (f *fake) Backup(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, f.backup)
	return errors.Join(err, f.err)
}

func (f *fake) Cut(_ context.Context, r CutRequest) (CutReceipt, error) {
	f.cut = r
	return CutReceipt{Sessions: []event.Session{7}}, f.err
}

// start serves op on a socket and returns its client.
func start(t *testing.T, op Operator) (*Client, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.sock")
	l, err := Listen(path, "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, op, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket file is left behind: %v", err)
		}
	})
	return NewClient(path, "sekisho.yaml"), path
}

func TestCall(t *testing.T) {
	op := &fake{}
	c, path := start(t, op)
	want := CutRequest{User: "shop_app", By: "ayame", Reason: "stolen"}
	got, err := c.Cut(t.Context(), want)
	if err != nil || len(got.Sessions) != 1 || got.Sessions[0] != 7 {
		t.Errorf("answer %+v, %v", got, err)
	}
	if diff := cmp.Diff(want, op.cut); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket mode %v, %v", info.Mode(), err)
	}
}

func TestFaultsTravel(t *testing.T) {
	op := &fake{err: fault.New(fault.SessionUnknown, "session", 9)}
	c, _ := start(t, op)
	_, err := c.Cut(t.Context(), CutRequest{Reason: "r"})
	f := fault.Faults(err)[0]
	if f.Code != fault.SessionUnknown || f.What("en") != "there is no session 9" {
		t.Errorf("fault: %v", err)
	}
	op.err = errors.New("disk on fire")
	_, err = c.Cut(t.Context(), CutRequest{Reason: "r"})
	if f := fault.Faults(err)[0]; f.Code != fault.Internal || f.Err.Error() != "disk on fire" {
		t.Errorf("foreign error: %v", err)
	}
}

// An answer that breaks off is an error, and one that fails before its first
// byte says why.
func TestStream(t *testing.T) {
	whole := strings.Repeat("ledger", 1<<16)
	op := &fake{backup: whole}
	c, _ := start(t, op)
	var got bytes.Buffer
	if err := c.Backup(t.Context(), &got); err != nil || got.String() != whole {
		t.Errorf("%d bytes, %v; want %d", got.Len(), err, len(whole))
	}
	op.err = errors.New("disk on fire")
	if err := c.Backup(t.Context(), io.Discard); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an answer that breaks off: %v, want %v", err, io.ErrUnexpectedEOF)
	}
	op.backup = ""
	if err := c.Backup(t.Context(), io.Discard); err == nil || fault.Faults(err)[0].Err.Error() != "disk on fire" {
		t.Errorf("a failure before the first byte: %v", err)
	}
}

func TestSocket(t *testing.T) {
	_, path := start(t, &fake{})
	if _, err := Listen(path, ""); err == nil || fault.Faults(err)[0].Code != fault.AlreadyRunning {
		t.Errorf("a second process: %v", err)
	}
	gone := filepath.Join(t.TempDir(), "gone.sock")
	if _, err := NewClient(gone, "x").Status(t.Context()); err == nil || fault.Faults(err)[0].Code != fault.NotRunning {
		t.Errorf("nobody there: %v", err)
	}
	// A leftover of a killed process is replaced.
	l, err := net.Listen("unix", gone)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	again, err := Listen(gone, "")
	if err != nil {
		t.Fatalf("leftover: %v", err)
	}
	again.Close()
	// A file that is no socket is not touched.
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(file, ""); err == nil {
		t.Error("a file was replaced by a socket")
	}
}

// TestPeer: the kernel says who asks, and accounts of the group work on cases
// only.
func TestPeer(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: the account on the other end is known on Linux only")
	}
	op := &peerFake{}
	c, _ := start(t, op)
	if _, err := c.Cut(t.Context(), CutRequest{Reason: "r"}); err != nil {
		t.Fatal(err)
	}
	if want := (Peer{UID: os.Getuid(), Known: true}); op.peer != want {
		t.Errorf("peer %+v, want %+v", op.peer, want)
	}
	if p := PeerOf(t.Context()); p.Known {
		t.Errorf("somebody is known without a connection: %+v", p)
	}
	other := Peer{UID: os.Geteuid() + 1, Known: true}
	for call, want := range map[string]bool{"case": true, "case/record": true, "host": true, "cut": false, "keys/destroy": false, "backup": false, "scope": false, "bypass": false} {
		if may(other, call) != want {
			t.Errorf("another account asks for %s: %v", call, !want)
		}
		if !may(Peer{UID: os.Geteuid(), Known: true}, call) || !may(Peer{UID: 0, Known: true}, call) {
			t.Errorf("the process's own account may not ask for %s", call)
		}
	}
}

type peerFake struct {
	fake
	peer Peer
}

func (f *peerFake) Cut(ctx context.Context, r CutRequest) (CutReceipt, error) {
	f.peer = PeerOf(ctx)
	return f.fake.Cut(ctx, r)
}

func TestGroup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.sock")
	if _, err := Listen(path, "no-such-group"); err == nil {
		t.Error("a group that does not exist was taken")
	}
	l, err := Listen(path, strconv.Itoa(os.Getgid()))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
