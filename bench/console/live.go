package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// pace is how often the first screen is drawn again at most: the throttle of its
// page.
const pace = 4 * time.Second

// live has users look at the first screen, each with a stream that says when the
// ledger moved and figures that are drawn again then, while one more user goes
// through the rooms.
func (l *lab) live(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wait sync.WaitGroup
	var moved, drawn, broken atomic.Int64
	errs := make(chan error, l.o.users)
	for user := 1; user <= l.o.users; user++ {
		wait.Go(func() {
			if err := l.look(ctx, user, &moved, &drawn); err != nil && ctx.Err() == nil {
				broken.Add(1)
				errs <- err
			}
		})
	}
	before, err := processorTime(l.up.Process.Pid)
	if err != nil {
		return err
	}
	begin := time.Now()
	var took []time.Duration
	list := rooms(l.kept.Until, "k0", "k1", "/cases/k0/draft/")
	for i := 0; time.Since(begin) < l.o.length; i++ {
		d, _, err := l.get(ctx, 0, list[i%len(list)].at(1_000_000+i))
		if err != nil {
			return err
		}
		took = append(took, d)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond): // somebody who reads
		}
	}
	length := time.Since(begin)
	after, err := processorTime(l.up.Process.Pid)
	if err != nil {
		return err
	}
	cancel()
	wait.Wait()
	if n := broken.Load(); n > 0 {
		return fmt.Errorf("%d of %d users lost their stream: %w", n, l.o.users, <-errs)
	}
	if moved.Load() < int64(l.o.users) || drawn.Load() < int64(l.o.users) {
		return fmt.Errorf("%d users saw %d moves and drew %d times: the ledger does not move", l.o.users, moved.Load(), drawn.Load())
	}
	fmt.Printf("# %d users with streams for %v: told %d times that the ledger moved, figures drawn %d times\n", l.o.users, length.Round(time.Second), moved.Load(), drawn.Load())
	fmt.Printf("SAMPLE console_live_median_ms %.1f -\n", ms(percentile(took, 50)))
	fmt.Printf("RATIO console_live_p99_ms %.1f\n", ms(percentile(took, 99)))
	fmt.Printf("RATIO console_live_cpu %.2f\n", (after-before).Seconds()/length.Seconds())
	return nil
}

// look is one user before the first screen: what the page's script does.
func (l *lab) look(ctx context.Context, user int, moved, drawn *atomic.Int64) error {
	if _, _, err := l.get(ctx, user, "/"); err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.origin+"/live", nil)
	if err != nil {
		return err
	}
	r.AddCookie(&http.Cookie{Name: "sekisho", Value: l.kept.People[user].Cookie})
	stream, err := (&http.Transport{}).RoundTrip(r)
	if err != nil {
		return err
	}
	defer stream.Body.Close()
	var last string
	var next time.Time
	for lines := bufio.NewScanner(stream.Body); lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		changed := last != "" && data != last
		last = data
		if !changed {
			continue
		}
		moved.Add(1)
		if time.Now().Before(next) {
			continue
		}
		next = time.Now().Add(pace)
		if _, _, err := l.get(ctx, user, "/today/figures"); err != nil {
			return err
		}
		drawn.Add(1)
	}
	return errors.New("the stream ended")
}
