package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"sekisho/internal/fault"
	"sekisho/internal/ledger/witness"
)

type witnessCmd struct {
	Key   witnessKeyCmd   `cmd:"" help:"help_witness_key"`
	Serve witnessServeCmd `cmd:"" help:"help_witness_serve"`
}

type witnessKeyCmd struct {
	Dir  string `arg:"" help:"help_witness_dir"`
	Name string `arg:"" help:"help_witness_name"`
}

// Run makes a witness's key, once.
func (c witnessKeyCmd) Run(a *app) error {
	key, err := witness.CreateKey(c.Dir, c.Name)
	if err != nil {
		return fault.New(fault.WitnessFailed).Because(err)
	}
	return a.out(map[string]string{"key": key}, func() { fmt.Fprintln(a.env.stdout, key) })
}

type witnessServeCmd struct {
	Dir    string   `arg:"" help:"help_witness_dir"`
	Listen string   `default:"127.0.0.1:7380" help:"help_witness_listen"`
	Log    []string `required:"" sep:"none" placeholder:"KEY" help:"help_witness_log"`
	Cert   string   `placeholder:"FILE" help:"help_witness_cert"`
	TLSKey string   `placeholder:"FILE" help:"help_witness_tlskey"`
}

// Run cosigns until SIGINT or SIGTERM.
func (c witnessServeCmd) Run(a *app) error {
	bad := func(err error) error { return fault.New(fault.WitnessFailed).Because(err) }
	at, err := netip.ParseAddrPort(c.Listen)
	if err != nil {
		return bad(err)
	}
	if !at.Addr().IsLoopback() && c.Cert == "" {
		return bad(errors.New("others can reach this address, so --cert and --tls-key are needed"))
	}
	signer, err := witness.ReadKey(c.Dir)
	if err != nil {
		return bad(err)
	}
	server, err := witness.New(witness.Config{Dir: c.Dir, Signer: signer, Logs: c.Log})
	if err != nil {
		return bad(err)
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return bad(err)
	}
	log := a.log()
	log.Info("witness listens", "address", l.Addr().String(), "name", signer.Name())
	if err := c.serve(a.ctx, l, server, log); err != nil {
		return bad(err)
	}
	return nil
}

// serve answers until ctx ends.
func (c witnessServeCmd) serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	srv := &http.Server{
		Handler: http.MaxBytesHandler(h, 1<<20), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	done := make(chan error, 1)
	go func() {
		if c.Cert != "" {
			done <- srv.ServeTLS(l, c.Cert, c.TLSKey)
			return
		}
		done <- srv.Serve(l)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := srv.Shutdown(stop)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close()
	}
	<-done
	return err
}
