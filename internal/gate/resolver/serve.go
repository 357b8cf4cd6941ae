package resolver

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Run answers questions until ctx ends. It returns nil after a clean stop, when
// every goroutine is gone and the last sum is recorded. It must be called once.
func (r *Resolver) Run(ctx context.Context) error {
	base, give := context.WithCancel(ctx)
	defer give()
	r.tally.take(r.cfg.Now()) // the first sum begins now
	failed := make(chan error, 3)
	var parts sync.WaitGroup
	if conn := r.cfg.UDP; conn != nil {
		stop := context.AfterFunc(base, func() { _ = conn.Close() })
		defer stop()
		parts.Go(func() { failed <- r.serveUDP(base, conn) })
	}
	seats := make(chan struct{}, r.cfg.Connections)
	for _, l := range []net.Listener{r.cfg.TCP, r.cfg.TLS} {
		if l != nil {
			stop := context.AfterFunc(base, func() { _ = l.Close() })
			defer stop()
			parts.Go(func() { failed <- r.accept(base, l, seats) })
		}
	}
	tick := time.NewTicker(r.cfg.Flush)
	defer tick.Stop()
	var err error
	for ended := false; !ended; {
		select {
		case <-ctx.Done():
			ended = true
		case err = <-failed:
			ended = true
		case <-tick.C:
			r.flush()
		}
	}
	give()
	parts.Wait()
	r.waiting.Wait()
	r.flush()
	return err
}

// batch is how many packets one call of the system reads or writes.
const batch = 32

// packets reads and writes several packets at once; ipv4 and ipv6 differ in
// name only.
type packets interface {
	ReadBatch(ms []ipv4.Message, flags int) (int, error)
	WriteBatch(ms []ipv4.Message, flags int) (int, error)
}

// serveUDP answers packets. Answers from memory are written by the batch that
// was read; the rest waits in goroutines, whose number Config.Pending bounds.
func (r *Resolver) serveUDP(ctx context.Context, conn *net.UDPConn) error {
	var all packets = ipv4.NewPacketConn(conn)
	if conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap().Is6() {
		all = ipv6.NewPacketConn(conn)
	}
	in, out := make([]ipv4.Message, batch), make([]ipv4.Message, 0, batch)
	replies := make([][]byte, batch)
	for i := range in {
		in[i].Buffers = [][]byte{make([]byte, maxQuestion)}
		replies[i] = make([]byte, 0, maxSize)
	}
	slow := make(chan struct{}, r.cfg.Pending)
	var names [256]byte
	for {
		n, err := all.ReadBatch(in, 0)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			var passing net.Error
			if errors.As(err, &passing) && passing.Timeout() {
				continue
			}
			return err
		}
		out = out[:0]
		for i := range in[:n] {
			from, ok := in[i].Addr.(*net.UDPAddr)
			if !ok {
				continue
			}
			client := from.AddrPort().Addr().Unmap()
			message := in[i].Buffers[0][:in[i].N]
			reply, done := r.quick(client, message, replies[i], &names)
			switch {
			case !done:
				r.later(ctx, conn, from, client, message, slow)
			case len(reply) > 0:
				replies[i] = reply[:0]
				out = append(out, ipv4.Message{Buffers: [][]byte{reply}, Addr: from})
			}
		}
		for sent := 0; sent < len(out); {
			k, err := all.WriteBatch(out[sent:], 0)
			if err != nil || k == 0 { // one client's network is no reason to end: it asks again
				k = 1
			}
			sent += k
		}
	}
}

// later answers a question that may wait. When too many wait it is dropped:
// the client asks again, and a flood of answers helps nobody.
func (r *Resolver) later(ctx context.Context, conn *net.UDPConn, from *net.UDPAddr, client netip.Addr, message []byte, slow chan struct{}) {
	select {
	case slow <- struct{}{}:
	default:
		r.full()
		return
	}
	message = append([]byte(nil), message...)
	r.waiting.Go(func() {
		defer func() { <-slow }()
		if reply := r.serve(ctx, client, message, true); len(reply) > 0 {
			_, _ = conn.WriteToUDP(reply, from) // a client that is gone asks again
		}
	})
}

// accept serves connections; each has a seat.
func (r *Resolver) accept(ctx context.Context, l net.Listener, seats chan struct{}) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			var passing interface{ Temporary() bool }
			if errors.As(err, &passing) && passing.Temporary() {
				r.full()
				select {
				case <-ctx.Done():
				case <-time.After(20 * time.Millisecond):
				}
				continue
			}
			return err
		}
		select {
		case seats <- struct{}{}:
		default:
			r.full()
			_ = conn.Close()
			continue
		}
		r.waiting.Go(func() {
			defer func() { <-seats }()
			r.serveStream(ctx, conn)
		})
	}
}

// serveStream answers questions of a connection, each with its length in two
// bytes before it (RFC 1035, 4.2.2).
func (r *Resolver) serveStream(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	client := netip.Addr{}
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		client = a.AddrPort().Addr().Unmap()
	}
	var length [2]byte
	for ctx.Err() == nil {
		_ = conn.SetDeadline(time.Now().Add(r.cfg.Idle))
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint16(length[:]))
		if n < headerBytes || n > maxQuestion {
			return
		}
		message := make([]byte, n)
		if _, err := io.ReadFull(conn, message); err != nil {
			return
		}
		reply := r.serve(ctx, client, message, false)
		if len(reply) == 0 || len(reply) > 0xffff {
			return
		}
		out := append(binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(reply)), uint16(len(reply))), reply...)
		_ = conn.SetDeadline(time.Now().Add(r.cfg.Idle))
		if _, err := conn.Write(out); err != nil {
			return
		}
	}
}
