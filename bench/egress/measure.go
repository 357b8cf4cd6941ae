package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// open asks a proxy for a tunnel and says hello in it; the first KiB has come.
func (l *lab) open(p *process) (net.Conn, error) { return l.openTo(p, l.server.Addr().String()) }

// openTo is open to another server.
func (l *lab) openTo(p *process, to string) (net.Conn, error) {
	conn, err := net.Dial("tcp", p.proxy)
	if err != nil {
		return nil, err
	}
	err = func() error {
		if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", to, to); err != nil {
			return err
		}
		head := make([]byte, 0, 1024)
		for !strings.HasSuffix(string(head), "\r\n\r\n") {
			n, err := conn.Read(head[len(head):cap(head)])
			if err != nil {
				return fmt.Errorf("after %q: %w", head, err)
			}
			head = head[:len(head)+n]
		}
		if !strings.HasPrefix(string(head), "HTTP/1.1 200") {
			return fmt.Errorf("answer %q", head)
		}
		if _, err := conn.Write(l.hello); err != nil {
			return err
		}
		_, err := io.CopyN(io.Discard, conn, 1024)
		return err
	}()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// shortTunnels is the CPU time of a tunnel in µs.
func (l *lab) shortTunnels(p *process, n int) (float64, error) {
	before, err := p.cpu()
	if err != nil {
		return 0, err
	}
	const clients = 8
	var left atomic.Int64
	left.Store(int64(n))
	var wait sync.WaitGroup
	errs := make(chan error, clients)
	for range clients {
		wait.Go(func() {
			for left.Add(-1) >= 0 {
				conn, err := l.open(p)
				if err == nil {
					err = conn.Close()
				}
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wait.Wait()
	close(errs)
	if err := <-errs; err != nil {
		return 0, err
	}
	time.Sleep(settle)
	after, err := p.cpu()
	return float64((after - before).Microseconds()) / float64(n), err
}

// longTunnel is the CPU time of 10⁹ bytes in seconds.
func (l *lab) longTunnel(p *process, megabytes int) (float64, error) {
	before, err := p.cpu()
	if err != nil {
		return 0, err
	}
	l.long <- megabytes
	conn, err := l.open(p)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(io.Discard, conn)
	if err := errors.Join(err, conn.Close()); err != nil {
		return 0, err
	}
	if n != int64(megabytes)<<20 {
		return 0, fmt.Errorf("%d bytes came", n)
	}
	time.Sleep(settle)
	after, err := p.cpu()
	return (after - before).Seconds() / float64(n) * 1e9, err
}

// answers is the CPU time of an answer from memory in µs: questions for a
// hundred names, 32 under way at a time.
func (l *lab) answers(p *process, n int) (float64, error) {
	const names, window = 100, 32
	conn, err := net.Dial("udp", p.dns)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	var questions [names][]byte
	for i := range questions {
		m := new(dns.Msg).SetQuestion(fmt.Sprintf("w%d.example.jp.", i), dns.TypeA)
		m.SetEdns0(1232, false)
		if questions[i], err = m.Pack(); err != nil {
			return 0, err
		}
	}
	in := make([]byte, 1500)
	ask := func(count int) error {
		sent, got := 0, 0
		for got < count {
			for sent < count && sent-got < window {
				if _, err := conn.Write(questions[sent%names]); err != nil {
					return err
				}
				sent++
			}
			if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
				return err
			}
			k, err := conn.Read(in)
			if err != nil {
				return fmt.Errorf("after %d answers: %w", got, err)
			}
			if k < 40 || in[3]&15 != 0 || in[7] != 1 {
				return fmt.Errorf("answer %x", in[:k])
			}
			got++
		}
		return nil
	}
	for i := range names { // into memory, one by one
		if _, err := conn.Write(questions[i]); err != nil {
			return 0, err
		}
		if _, err := conn.Read(in); err != nil {
			return 0, err
		}
	}
	before, err := p.cpu()
	if err != nil {
		return 0, err
	}
	if err := ask(n); err != nil {
		return 0, err
	}
	time.Sleep(settle)
	after, err := p.cpu()
	return float64((after - before).Nanoseconds()) / 1e3 / float64(n), err
}
