// Command passthrough is a gate without a session engine: login, netloop, and every byte passed on. It shows what
// the transport alone costs; package bench/pgproxy measures the gate itself.
//
//	passthrough -upstream 127.0.0.1:5432 [-listen 127.0.0.1:6433] [-workers 1] [-linger] [-portable] [-cert FILE -key FILE] [-cpuprofile FILE]
//
// It prints the address it listens on and runs until it is interrupted.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"

	"sekisho/internal/gate/netloop"
	"sekisho/internal/gate/pgproxy/pglogin"
)

// session passes everything on.
type session struct{ login *pglogin.Login }

func (s session) OnData(p *netloop.Pair, side netloop.Side, b []byte) error {
	p.Write(side.Other(), b)
	return nil
}

func (s session) OnClosed(_ *netloop.Pair, side netloop.Side, _ error) {
	if side == netloop.Client {
		s.login.Release()
	}
}

func (s session) OnWake(*netloop.Pair) error { return nil }

func (s session) OnTick(*netloop.Pair, time.Time) error { return nil }

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "passthrough:", err)
		os.Exit(1)
	}
}

func run() error {
	listen := flag.String("listen", "127.0.0.1:0", "address for clients")
	upstream := flag.String("upstream", "", "address of the server")
	workers := flag.Int("workers", 0, "threads; 0: the default")
	linger := flag.Bool("linger", false, "as sekisho up: workers keep their processor of the scheduler while they wait, and there is one more for each")
	portable := flag.Bool("portable", false, "goroutines in place of epoll")
	cert := flag.String("cert", "", "certificate for clients; also turns TLS to the server on")
	key := flag.String("key", "", "key of the certificate")
	profile := flag.String("cpuprofile", "", "file for a CPU profile")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	cfg := pglogin.Config{Network: "tcp", Address: *upstream}
	if *cert != "" {
		pair, err := tls.LoadX509KeyPair(*cert, *key)
		if err != nil {
			return err
		}
		cfg.ClientTLS, cfg.UpstreamTLS = pglogin.TLSOptional, pglogin.Require
		cfg.Certificate = func() (*tls.Certificate, error) { return &pair, nil }
	}
	acceptor, err := pglogin.New(cfg)
	if err != nil {
		return err
	}
	if *workers == 0 {
		*workers = netloop.DefaultWorkers()
	}
	if *linger {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + *workers)
	}
	loop, err := netloop.New(netloop.Config{Workers: *workers, Linger: *linger, Portable: *portable})
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	context.AfterFunc(ctx, func() { _ = ln.Close() })
	var wg sync.WaitGroup
	wg.Go(func() { err = errors.Join(err, loop.Run(ctx)) })
	for {
		conn, acceptErr := ln.Accept()
		if acceptErr != nil {
			break
		}
		wg.Go(func() { serve(ctx, acceptor, loop, conn) })
	}
	wg.Wait()
	return err
}

func serve(ctx context.Context, acceptor *pglogin.Acceptor, loop netloop.Loop, conn net.Conn) {
	login, err := acceptor.Accept(ctx, conn)
	if err != nil {
		if !errors.Is(err, pglogin.ErrCancel) && !errors.Is(err, pglogin.ErrLeft) {
			fmt.Fprintln(os.Stderr, err)
		}
		return
	}
	if _, err := loop.Add(login.Client, login.Upstream, session{login}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		login.Close()
	}
}
