package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/config"
	"sekisho/internal/event"
	"sekisho/internal/gate/egress"
	"sekisho/internal/hub/answer"
	"sekisho/internal/hub/site"
	"sekisho/internal/policy/exit"
	"sekisho/internal/policy/order"
)

// gatesProcess joins the members it is told of, opens their gates and runs
// until its input ends.
func gatesProcess() error {
	var members []member
	in := json.NewDecoder(os.Stdin)
	if err := in.Decode(&members); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	defer wait.Wait()
	defer cancel()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	run := func(f func(context.Context) error) {
		wait.Go(func() {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				fmt.Fprintln(os.Stderr, "bench-egress: cut: gate:", err)
				os.Exit(1)
			}
		})
	}
	var doors []string
	for _, m := range members {
		door, err := openGate(ctx, m, log, run)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		doors = append(doors, door)
	}
	if err := json.NewEncoder(os.Stdout).Encode(doors); err != nil {
		return err
	}
	if err := in.Decode(&members); !errors.Is(err, io.EOF) {
		return fmt.Errorf("more than members was said: %w", err)
	}
	return nil
}

// openGate joins and runs one remote gate.
func openGate(ctx context.Context, m member, log *slog.Logger, run func(func(context.Context) error)) (string, error) {
	if err := os.Mkdir(m.Dir, 0o700); err != nil {
		return "", err
	}
	policy, err := readPolicy(m.Dir)
	if err != nil {
		return "", err
	}
	skey, vkey, err := order.NewKey(rand.Reader, m.Name)
	if err != nil {
		return "", err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return "", err
	}
	if _, err := site.Join(ctx, m.Token, m.Dir, vkey, false); err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	gate, err := egress.New(egress.Config{Listener: l, Place: event.Place("egress/" + m.Name), Policy: func() *exit.Policy { return policy },
		Recorder: discard{}, Log: log, Limits: egress.Limits{PerClient: 10_000, Drain: time.Millisecond}})
	if err != nil {
		return "", err
	}
	gates := answer.New(m.Name, signer, time.Now)
	s, err := site.Open(ctx, site.Config{Dir: m.Dir, Gates: gates, Now: time.Now, Log: log})
	if err != nil {
		return "", err
	}
	if err := gates.Add(ctx, "out", gate); err != nil {
		return "", err
	}
	run(s.Run)
	<-s.Ready()
	run(gate.Run)
	return l.Addr().String(), nil
}

func readPolicy(dir string) (*exit.Policy, error) {
	file := filepath.Join(dir, "policy.yaml")
	text := "generation: 1\nsegments:\n  - {name: here, networks: [127.0.0.0/8]}\nroles:\n  - name: bench\n    addresses: [127.0.0.1]\n    allow:\n      - {name: here, segments: [here], ports: [\"1-65535\"], inner: any}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return config.ExitPolicyFile(file)
}

// discard takes events and keeps none: what a ledger costs is measured by
// bench-ledger.
type discard struct{}

// Record implements event.Recorder.
func (discard) Record(context.Context, event.Level, ...event.Body) (event.Seq, error) { return 1, nil }

// Submit implements event.Recorder.
func (discard) Submit(_ event.Level, done func(error), _ ...event.Body) (event.Seq, error) {
	if done != nil {
		done(nil)
	}
	return 1, nil
}
