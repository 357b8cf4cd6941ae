package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/ledger"
	"sekisho/proof/scope"
)

// play is a process of its own beside the office, with the clock of this day:
// gates, scans and watches read their own.
type play struct {
	p     *process
	parts *stage
	cfg   *config.Config
}

// playPart starts a part of a process.
type playPart func(*process, context.Context, *stage) error

func filesPart(p *process, _ context.Context, s *stage) error { return p.startFiles(s) }

// openPlay makes a process on a configuration, which is written into an empty
// directory, and starts those parts of it.
func openPlay(ctx context.Context, dir, text string, parts ...playPart) (*play, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "sekisho.yaml")
	if err := os.WriteFile(file, []byte("data: ./data\nkeys: ./keys\nledger: {sync: 10ms}\n"+text), 0o600); err != nil {
		return nil, err
	}
	l, err := config.Load(file)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(initKeys(l.Config), os.MkdirAll(viewDir(l.Config), 0o700)); err != nil {
		return nil, err
	}
	if err := ledger.Init(ctx, ledgerConfig(l.Config)); err != nil {
		return nil, err
	}
	y := &play{p: &process{file: l.File, cfg: l, log: slog.New(slog.DiscardHandler), now: time.Now}, parts: newStage(context.WithoutCancel(ctx)), cfg: l.Config}
	y.parts.failed = make(chan error, 1)
	err = y.p.open(ctx, func(uint64, uint64) {})
	for _, start := range parts {
		if err == nil {
			err = start(y.p, ctx, y.parts)
		}
	}
	if err != nil {
		return nil, errors.Join(err, y.close())
	}
	return y, nil
}

// close ends the process.
func (y *play) close() error { return errors.Join(y.parts.stop(), y.p.close()) }

// scope asks whose data it was.
func (y *play) scope(ctx context.Context, q scope.Query) (*scope.Result, error) {
	var text bytes.Buffer
	if err := y.p.Scope(ctx, control.ScopeRequest{Query: q, Form: control.FormResult, By: "sora"}, &text); err != nil {
		return nil, err
	}
	var r scope.Result
	return &r, json.Unmarshal(text.Bytes(), &r)
}

// patience is how long a play waits for what must come: the machine may be busy.
const patience = 3 * time.Minute

// await waits until done says so.
func (y *play) await(ctx context.Context, what string, done func() (bool, error)) error {
	end := time.NewTimer(patience)
	defer end.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-y.parts.failed:
			return err
		case <-end.C:
			return fmt.Errorf("%s did not come within %s", what, patience)
		case <-tick.C:
		}
	}
}

// rests is what the ledger says of a place that was read.
type rests struct {
	subjects uint64 // of the last reading that found some
	gone     bool
	like     event.Place // the place with the same content, or from which it was moved
}

// resting reads the holdings of files from the ledger, by place.
func (y *play) resting(ctx context.Context) (map[event.Place]*rests, error) {
	r, err := ledger.OpenReader(ledgerDir(y.cfg))
	if err != nil {
		return nil, err
	}
	all := map[event.Place]*rests{}
	at := func(place event.Place) *rests {
		if all[place] == nil {
			all[place] = &rests{}
		}
		return all[place]
	}
	err = r.ScanEvents(ctx, 0, func(_ event.Index, e *event.Event) error {
		switch b := e.Body.(type) {
		case *event.HoldingScan:
			x := at(b.Table)
			if x.gone = b.Elements == 0; !x.gone {
				x.subjects = b.Subjects.Len()
			}
		case *event.Object:
			x := at(b.Place)
			for _, like := range []event.Place{b.Like, b.Was} {
				if like != "" {
					x.like = like
				}
			}
		}
		return nil
	})
	return all, err
}
