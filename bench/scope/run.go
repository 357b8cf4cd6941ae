package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"slices"
	"time"

	"sekisho/internal/view/disclosure"
	"sekisho/proof/scope"
)

const rounds = 7

// question is one comparison: a window and at most one filter.
type question struct {
	window, filter string
	from, to       time.Time
	ratios         []float64
}

func (q *question) scope() scope.Query {
	s := scope.Query{From: q.from, To: q.to}
	switch q.filter {
	case "client":
		s.Addresses = []string{address(askedClient)}
	case "table":
		s.Places = []string{string(tableName(askedTable))}
	}
	return s
}

func (q *question) peer() []byte {
	client, table := -1, -1
	switch q.filter {
	case "client":
		client = askedClient
	case "table":
		table = askedTable
	}
	text, _ := json.Marshal(map[string]int64{"from": q.from.UnixMicro(), "to": q.to.UnixMicro(), "client": int64(client), "table": int64(table)})
	return append(text, '\n')
}

// place chooses a window anew: anywhere in the ten years, at any microsecond.
func (q *question) place(rng *rand.Rand) {
	length := end.Sub(begin)
	switch q.window {
	case "3d":
		length = 3 * 24 * time.Hour
	case "1y":
		length = 365 * 24 * time.Hour
	}
	slack := end.Sub(begin) - length
	q.from = begin
	if slack > 0 {
		q.from = begin.Add(time.Duration(rng.Int64N(int64(slack)))).Truncate(time.Microsecond)
	}
	q.to = q.from.Add(length)
}

// peer is a DuckDB that waits for questions.
type peer struct {
	in  io.WriteCloser
	out *bufio.Scanner
	cmd *exec.Cmd
}

func startPeer(ctx context.Context, args []string) (*peer, error) {
	p := &peer{cmd: exec.CommandContext(ctx, args[0], args[1:]...)}
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	version, err := p.line()
	fmt.Println("# DuckDB", version)
	return p, err
}

func (p *peer) line() (string, error) {
	if !p.out.Scan() {
		return "", errors.Join(p.out.Err(), errors.New("the peer has ended"))
	}
	return p.out.Text(), nil
}

func (p *peer) ask(q *question) (count uint64, took time.Duration, err error) {
	if _, err := p.in.Write(q.peer()); err != nil {
		return 0, 0, err
	}
	text, err := p.line()
	if err != nil {
		return 0, 0, err
	}
	_, err = fmt.Sscan(text, &count, (*int64)(&took))
	return count, took, err
}

func (p *peer) stop() error { return errors.Join(p.in.Close(), p.cmd.Wait()) }

// ours asks the whole question: three figures by element and table, records,
// coverage. The second of two runs counts, as for the peer.
func ours(ctx context.Context, v *disclosure.View, q *question) (a *disclosure.Answer, took time.Duration, err error) {
	for range 2 {
		start := time.Now()
		if a, err = v.Scope(ctx, q.scope()); err != nil {
			return nil, 0, err
		}
		took = time.Since(start)
		a.Release()
	}
	return a, took, nil
}

func run(ctx context.Context, path string, command []string) (err error) {
	v, err := disclosure.Open(ctx, disclosure.Config{Path: path, Silence: silence})
	if err != nil {
		return err
	}
	defer v.Close()
	p, err := startPeer(ctx, command)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	var all []*question
	for _, window := range []string{"3d", "1y", "all"} {
		for _, filter := range []string{"none", "client", "table"} {
			all = append(all, &question{window: window, filter: filter})
		}
	}
	equal := 1
	rng := rand.New(rand.NewPCG(seed, 2))
	for range rounds {
		for _, q := range all {
			q.place(rng)
			a, took, err := ours(ctx, v, q)
			if err != nil {
				return err
			}
			count, theirs, err := p.ask(q)
			if err != nil {
				return err
			}
			if a.Confirmed.Subjects != count {
				equal = 0
				fmt.Printf("# %s %s from %v: ours %d, DuckDB %d\n", q.window, q.filter, q.from, a.Confirmed.Subjects, count)
			}
			fmt.Printf("SAMPLE scope_%s_%s_ns %d %d\n", q.window, q.filter, took.Nanoseconds(), theirs.Nanoseconds())
			q.ratios = append(q.ratios, float64(theirs)/float64(took))
		}
	}
	report(all, equal)
	return nil
}

func report(all []*question, equal int) {
	worst := map[string]float64{}
	for _, q := range all {
		slices.Sort(q.ratios)
		m := q.ratios[len(q.ratios)/2]
		fmt.Printf("RATIO scope_%s_%s %.2f\n", q.window, q.filter, m)
		if w, ok := worst[q.window]; !ok || m < w {
			worst[q.window] = m
		}
	}
	for _, w := range []string{"3d", "1y", "all"} {
		fmt.Printf("RATIO scope_%s_vs_duckdb %.2f\n", w, worst[w])
	}
	fmt.Printf("RATIO scope_counts_equal %d\n", equal)
}
