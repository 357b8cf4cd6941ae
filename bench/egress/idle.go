package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// endsRole is the argument of the process that holds the servers' ends of idle
// tunnels: with the clients' ends they are more files than a process may open.
const endsRole = "ends"

// serveEnds serves until its input ends, after it has told its address.
func serveEnds() error {
	l := &lab{long: make(chan int)}
	var err error
	if l.hello, err = clientHello(); err != nil {
		return err
	}
	if l.server, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	fmt.Println(l.server.Addr())
	go l.serve()
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, l.server.Close())
}

// startEnds starts that process and returns the address that it serves, and what
// ends it.
func startEnds(ctx context.Context) (address string, stop func() error, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(ctx, self, endsRole)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() error { return errors.Join(in.Close(), cmd.Wait()) }
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return "", nil, errors.Join(err, stop())
	}
	return strings.TrimSpace(line), stop, nil
}

// idleMemory is what idle tunnels cost, in MiB of resident memory of all gates.
type idleMemory struct {
	gates, tunnels int
	limit          uint64 // open files that a process may have
	before         float64
	with           float64 // nothing passes
	after          float64 // a byte has passed each tunnel there and back
}

func (m idleMemory) String() string {
	how := "in one gate"
	if m.gates > 1 {
		how = fmt.Sprintf("in %d gates at once, whose memory is added up: one may open %d files here, and a tunnel has two", m.gates, m.limit)
	}
	return fmt.Sprintf("%d idle tunnels %s: %.1f MiB before, %.1f with them, %.1f after a byte went through each of the %d and came back",
		m.tunnels, how, m.before, m.with, m.after, m.tunnels)
}

// ownFiles is how many files a process has open besides its tunnels, at most.
const ownFiles = 200

// idle opens n tunnels in which nothing passes, takes the memory of the gates, and
// then looks whether every one is alive. Where one process may not open enough
// files there are as many gates as it takes.
func (l *lab) idle(ctx context.Context, n int) (m idleMemory, err error) {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return m, err
	}
	m = idleMemory{gates: 1, tunnels: n, limit: files.Cur}
	for uint64(2*(n/m.gates)+ownFiles) > files.Cur {
		m.gates++
	}
	gates := []*process{l.ours}
	for i := 1; i < m.gates; i++ {
		p, err := l.sekisho(ctx, fmt.Sprintf("more%d", i))
		if p != nil {
			defer p.stop()
		}
		if err != nil {
			return m, err
		}
		gates = append(gates, p)
	}
	if m.before, err = resident(gates); err != nil {
		return m, err
	}
	address, stop, err := startEnds(ctx)
	if err != nil {
		return m, err
	}
	conns := make([]net.Conn, 0, n)
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
		err = errors.Join(err, stop())
	}()
	for i := range n {
		conn, err := l.openTo(gates[i%len(gates)], address)
		if err != nil {
			return m, fmt.Errorf("tunnel %d: %w", i, err)
		}
		conns = append(conns, conn)
	}
	time.Sleep(settle)
	if m.with, err = resident(gates); err != nil {
		return m, err
	}
	if err := alive(conns); err != nil {
		return m, err
	}
	m.after, err = resident(gates)
	return m, err
}

func resident(gates []*process) (sum float64, err error) {
	for _, p := range gates {
		one, err := p.rss()
		if err != nil {
			return 0, err
		}
		sum += one
	}
	return sum, nil
}

// alive sends a byte through every tunnel and waits until it is back.
func alive(conns []net.Conn) error {
	var next atomic.Int64
	var wait sync.WaitGroup
	errs := make(chan error, 8)
	for range cap(errs) {
		wait.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(conns)); i = next.Add(1) - 1 {
				b := []byte{byte(i)}
				err := conns[i].SetDeadline(time.Now().Add(10 * time.Second))
				if err == nil {
					_, err = conns[i].Write(b)
				}
				if err == nil {
					_, err = io.ReadFull(conns[i], b)
				}
				if err == nil && b[0] != byte(i) {
					err = errors.New("another byte came back")
				}
				if err != nil {
					errs <- fmt.Errorf("tunnel %d is not alive: %w", i, err)
					return
				}
			}
		})
	}
	wait.Wait()
	close(errs)
	return <-errs
}
