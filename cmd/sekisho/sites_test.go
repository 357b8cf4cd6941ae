package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sekisho/internal/event"
)

// slowSite is an upstream that answers /slow only when it is let go, and everything
// else at once.
type slowSite struct {
	server *httptest.Server
	came   chan struct{} // a request for /slow is there

	mu   sync.Mutex // guards what follows
	free chan struct{}

	held *heldRequest // of the script
}

// heldRequest is a request under way, and whoever sent it.
type heldRequest struct {
	client *http.Client
	answer chan string // its status and body, or what went wrong
}

// slowSiteKey is where a script keeps its slowSite.
const slowSiteKey = "slow site"

func newSlowSite(e *testscript.Env) *slowSite {
	s := &slowSite{free: make(chan struct{}), came: make(chan struct{}, 1)}
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			s.mu.Lock()
			free := s.free
			s.mu.Unlock()
			s.came <- struct{}{}
			select {
			case <-free:
			case <-r.Context().Done():
				return
			}
		}
		_, _ = io.WriteString(w, "shown by "+r.Host)
	}))
	e.Defer(func() {
		s.end()
		s.server.Close()
	})
	e.Values[slowSiteKey] = s
	return s
}

// end lets all that is held go.
func (s *slowSite) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.free)
	s.free = make(chan struct{})
}

func askSite(client *http.Client, trace *httptrace.ClientTrace, port, host, path string) (*http.Response, error) {
	r, err := http.NewRequest(http.MethodGet, "http://127.0.0.1:"+port+path, nil)
	if err != nil {
		return nil, err
	}
	r.Host = host
	r.Header.Set("User-Agent", "Mozilla/5.0")
	r.Header.Set("Accept", "text/html")
	if trace != nil {
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), trace))
	}
	return client.Do(r)
}

// hold begins a request at a site, which its upstream does not answer yet ("hold
// PORT HOST"), or has the answer come and asks the site again over the same
// connection ("hold PORT HOST end").
func hold(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(slowSiteKey).(*slowSite)
	port, host := args[0], args[1]
	if len(args) == 2 {
		held := &heldRequest{&http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}, make(chan string, 1)}
		go func() {
			answer, err := askSite(held.client, nil, port, host, "/slow")
			held.answer <- told(answer, err)
		}()
		select {
		case <-s.came:
		case text := <-held.answer:
			ts.Fatalf("the request ended before it was held: %s", text)
		}
		s.held = held
		return
	}
	s.end()
	if got, want := <-s.held.answer, "200 OK shown by "+host; got != want {
		ts.Fatalf("the request under way ended with %q, want %q", got, want)
	}
	reused := false
	text := told(askSite(s.held.client, &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }}, port, host, "/"))
	if !reused {
		ts.Fatalf("the connection was closed")
	}
	fmt.Fprintln(ts.Stdout(), text)
	s.held.client.CloseIdleConnections()
}

// told is what came of a request: status and body, or the error.
func told(answer *http.Response, err error) string {
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err.Error()
	}
	return answer.Status + " " + strings.TrimSpace(string(text))
}

// siteStatus asks a site of the gate at a port for its first page.
func siteStatus(ts *testscript.TestScript, _ bool, args []string) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	fmt.Fprintln(ts.Stdout(), told(askSite(client, nil, args[0], args[1], "/")))
}

// siteMoment keeps in $BEFORE and $AFTER when the last event of a kind was, as its clock
// and the error of that allow; $EARLIER is a second before, $LATER a sign of life
// after it, so late that what happens next is after $AFTER as well.
func siteMoment(ts *testscript.TestScript, _ bool, args []string) {
	last := func(kind string) *event.Event {
		of := []string{"--source", "gate/shop-web"}
		if kind == "bypass" { // what a person orders is the process's
			of = nil
		}
		ts.Check(ts.Exec("sekisho", slices.Concat([]string{"events", "--kind", kind, "--last", "1", "--json"}, of)...))
		e, err := event.Parse([]byte(strings.TrimSpace(ts.ReadFile("stdout"))))
		ts.Check(err)
		return e
	}
	awaitEvent(ts, false, []string{"for", `"k":3,`}) // a first sign of life
	e := last(args[0])
	beat := last("heartbeat")
	for !beat.At.After(e.At.Add(2 * e.ClockErr)) {
		beat = last("heartbeat")
	}
	for name, at := range map[string]time.Time{"EARLIER": e.At.Add(-e.ClockErr - time.Second), "BEFORE": e.At.Add(-e.ClockErr), "AFTER": e.At.Add(e.ClockErr + 1), "LATER": beat.At} {
		ts.Setenv(name, at.UTC().Format(time.RFC3339Nano))
	}
}

// covered checks that a place was covered from one moment to another by a gate that
// reports, or never.
func covered(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(ts.Exec("sekisho", "scope", "--place", args[0], "--from", args[1], "--to", args[2], "--json"))
	var r struct {
		From, To time.Time
		Coverage struct {
			Known, Reporting int
			Uncovered        []struct{ From, To time.Time }
		}
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &r))
	holes := r.Coverage.Uncovered
	whole := len(holes) == 1 && !holes[0].From.After(r.From) && !holes[0].To.Before(r.To)
	switch {
	case neg && (!whole || r.Coverage.Reporting != 0), !neg && (len(holes) > 0 || r.Coverage.Reporting != 1):
		ts.Fatalf("%s from %s to %s: %+v", args[0], args[1], args[2], r.Coverage)
	}
}
