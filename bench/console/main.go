// Command console measures the console of a large firm: how long each page takes
// for one user, how large it is, and what 200 users cost who all look at the
// first screen while the ledger moves.
//
// It makes a ledger of 100 days (5 million aggregated crossings of 10 million
// subjects, a million findings, 10,000 cases), starts `sekisho up` on it, and
// asks over HTTP as a browser does. Times are those of the whole answer over
// loopback, so they are above the server's own.
//
// It prints SAMPLE lines for each page and at the end
//
//	RATIO console_p99_ms    the 99th percentile of the slowest page
//	RATIO console_first_ms  the 99th percentile of the first screen
//	RATIO console_page_kb   the largest page, as it is sent
//	RATIO console_live_p99_ms   of pages of one more user beside 200 with streams
//	RATIO console_live_cpu  processors that `sekisho up` used with them
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// sizes is how much there is.
type sizes struct {
	Crossings, Findings, Cases, Subjects int
}

func main() {
	var s sizes
	var o options
	flag.IntVar(&s.Crossings, "crossings", 5_000_000, "aggregated crossings of 100 days")
	flag.IntVar(&s.Findings, "findings", 1_000_000, "findings")
	flag.IntVar(&s.Cases, "cases", 10_000, "cases, one in ten open")
	flag.IntVar(&s.Subjects, "subjects", 10_000_000, "subjects")
	flag.StringVar(&o.program, "program", "bin/sekisho", "the program that is measured")
	flag.StringVar(&o.dir, "dir", "", "keep what is made there, and use it again")
	flag.IntVar(&o.rounds, "rounds", 200, "how often each page is asked")
	flag.IntVar(&o.users, "users", 200, "users with streams")
	flag.DurationVar(&o.length, "length", 60*time.Second, "how long the users look")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := measure(ctx, s, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench-console:", err)
		os.Exit(1)
	}
}

type options struct {
	program, dir  string
	rounds, users int
	length        time.Duration
}

func measure(ctx context.Context, s sizes, o options) (err error) {
	fmt.Printf("# %d crossings, %d findings, %d cases, %d subjects; %s, %d processors\n", s.Crossings, s.Findings, s.Cases, s.Subjects, runtime.Version(), runtime.NumCPU())
	l, err := newLab(ctx, s, o)
	if l != nil {
		defer func() { err = errors.Join(err, l.close()) }()
	}
	if err != nil {
		return err
	}
	if err := l.pages(ctx); err != nil {
		return err
	}
	return l.live(ctx)
}
