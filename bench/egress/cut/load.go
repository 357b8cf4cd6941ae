package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// loadProcess holds both ends of tunnels: clients, each of which waits for the
// end, and a destination that sends back what it gets.
func loadProcess() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go echo(l)
	questions, answers := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	var live *clients
	for {
		var o request
		if err := questions.Decode(&o); err != nil {
			return nil // the question's end is ours
		}
		var s seen
		if len(o.Doors) > 0 {
			live = &clients{}
			err = live.open(o, l.Addr().String())
			s.Open = len(live.conns)
		} else {
			s.Shut, err = live.wait()
		}
		if err != nil {
			s.Error = err.Error()
		}
		if err := answers.Encode(s); err != nil {
			return err
		}
	}
}

func echo(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() { // ends when the gate shuts the tunnel
			defer c.Close()
			var b [64]byte
			for {
				n, err := c.Read(b[:])
				if err != nil {
					return
				}
				if _, err := c.Write(b[:n]); err != nil {
					return
				}
			}
		}()
	}
}

// clients are the ends of one round.
type clients struct {
	mu    sync.Mutex
	conns []net.Conn
	shut  int
	err   error
	all   sync.WaitGroup
}

func (c *clients) open(o request, end string) error {
	next := make(chan string)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for door := range next {
				conn, err := tunnel(door, end)
				c.mu.Lock()
				if err == nil {
					c.conns = append(c.conns, conn)
				}
				c.err = errors.Join(c.err, err)
				c.mu.Unlock()
			}
		})
	}
	for i := range o.Tunnels * len(o.Doors) {
		next <- o.Doors[i%len(o.Doors)]
	}
	close(next)
	workers.Wait()
	for _, conn := range c.conns {
		c.all.Go(func() { c.watch(conn) })
	}
	return c.err
}

// watch waits for the end of one tunnel.
func (c *clients) watch(conn net.Conn) {
	var b [1]byte
	n, err := conn.Read(b[:])
	_ = conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > 0 || err == nil {
		c.err = errors.New("a tunnel carried a byte that nobody sent")
		return
	}
	c.shut++
}

// wait gives every end ten seconds.
func (c *clients) wait() (int, error) {
	late := time.AfterFunc(10*time.Second, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.err = fmt.Errorf("%d tunnels are open ten seconds after the receipts", len(c.conns)-c.shut)
		for _, conn := range c.conns {
			_ = conn.Close()
		}
	})
	defer late.Stop()
	c.all.Wait()
	return c.shut, c.err
}

// tunnel opens one, which has carried a byte there and back.
func tunnel(door, end string) (net.Conn, error) {
	c, err := net.Dial("tcp", door)
	if err != nil {
		return nil, err
	}
	err = func() error {
		if _, err := fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", end, end); err != nil {
			return err
		}
		var buf [512]byte
		n, err := c.Read(buf[:])
		if err != nil || n < 12 || string(buf[9:12]) != "200" {
			return fmt.Errorf("the gate answers %q, %v", buf[:n], err)
		}
		if _, err = c.Write([]byte{'x'}); err == nil {
			_, err = io.ReadFull(c, buf[:1])
		}
		return err
	}()
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}
