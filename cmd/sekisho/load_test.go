package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// siteLoad asks a site again and again, over connections that are kept, from
// several clients.
type siteLoad struct {
	stop  chan struct{}
	wait  sync.WaitGroup
	to    atomic.Pointer[string] // port
	asked [4]atomic.Int64        // by client
	at    [4]atomic.Pointer[string]

	moving atomic.Bool // nobody may be there yet

	mu     sync.Mutex
	failed []string // guarded by mu
}

const siteLoadKey = "site load"

// heldPortKey is where a script keeps the listener that holds $NEXTPORT for it.
const heldPortKey = "held port"

// loadSite has a script ask a site while it does something else: "load PORT" begins,
// "load to PORT" has all ask at another port as soon as somebody listens there, "load
// on" waits for more answers, and "load end" ends it and tells how many failed.
func loadSite(ts *testscript.TestScript, _ bool, args []string) {
	l, _ := ts.Value(siteLoadKey).(*atomic.Pointer[siteLoad])
	switch args[0] {
	case "to":
		one := l.Load()
		ts.Check(ts.Value(heldPortKey).(net.Listener).Close())
		one.moving.Store(true)
		one.to.Store(&args[1])
		one.await(ts, func(i int) bool { return *one.at[i].Load() == args[1] })
	case "on":
		l.Load().goOn(ts)
		l.Load().moving.Store(false)
	case "end":
		one := l.Load()
		one.goOn(ts)
		one.end()
		all := int64(0)
		for i := range one.asked {
			all += one.asked[i].Load()
		}
		fmt.Fprintf(ts.Stdout(), "failed %d of %d\n%s\n", len(one.failed), all, strings.Join(one.failed, "\n"))
	default:
		one := &siteLoad{stop: make(chan struct{})}
		one.to.Store(&args[0])
		l.Store(one)
		for i := range one.asked {
			one.at[i].Store(&args[0])
			one.wait.Go(func() { one.run(i) })
		}
		ts.Defer(one.end)
	}
}

func (l *siteLoad) end() {
	l.mu.Lock()
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.mu.Unlock()
	l.wait.Wait()
}

func (l *siteLoad) run(i int) {
	client := &http.Client{Transport: &http.Transport{DialContext: l.dial}}
	defer client.CloseIdleConnections()
	for {
		select {
		case <-l.stop:
			return
		default:
		}
		port := l.to.Load()
		l.at[i].Store(port)
		if err := askForm(client, *port); err != nil {
			l.mu.Lock()
			l.failed = append(l.failed, err.Error())
			l.mu.Unlock()
			return
		}
		l.asked[i].Add(1)
	}
}

// dial connects, at an address where nobody is as soon as somebody comes.
func (l *siteLoad) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	for {
		conn, err := d.DialContext(ctx, network, address)
		if l.moving.Load() && errors.Is(err, syscall.ECONNREFUSED) {
			select {
			case <-l.stop:
			case <-time.After(5 * time.Millisecond):
				continue
			}
		}
		return conn, err
	}
}

// askForm posts a form, which no client sends twice.
func askForm(client *http.Client, port string) error {
	r, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:"+port+"/contact", strings.NewReader("name=ayame"))
	if err != nil {
		return err
	}
	r.Host = "shop.example.jp"
	r.GetBody = nil
	r.Header.Set("User-Agent", "Mozilla/5.0")
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a, err := client.Do(r)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	if body, err := io.ReadAll(a.Body); err != nil || a.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s %w", a.Status, body, err)
	}
	return nil
}

// goOn waits until every client that has not failed was answered some more times.
func (l *siteLoad) goOn(ts *testscript.TestScript) {
	var before [len(siteLoad{}.asked)]int64
	for i := range before {
		before[i] = l.asked[i].Load()
	}
	l.await(ts, func(i int) bool { return l.asked[i].Load() > before[i]+2 })
}

// await waits until something is true of every client, or one has failed.
func (l *siteLoad) await(ts *testscript.TestScript, is func(int) bool) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(time.Minute)
	for i := range l.asked {
		for !is(i) {
			l.mu.Lock()
			failed := len(l.failed) > 0
			l.mu.Unlock()
			if failed {
				return // "load end" says so
			}
			if time.Now().After(deadline) {
				ts.Fatalf("the load goes on no more")
			}
			<-tick.C
		}
	}
}
