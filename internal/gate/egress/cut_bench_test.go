package egress

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/policy/cut"
)

// BenchmarkCut measures what ending a live tunnel costs: processor time of the
// process and switches between threads, of which peers have none here.
func BenchmarkCut(b *testing.B) {
	const tunnels = 1000
	end := listen(b)
	defer end.Close()
	var far []net.Conn
	w := newWorld(b, rules, func(c *Config) { c.Limits.PerClient = 2 * tunnels; c.Recorder = nothing{} })
	var cpu, wall time.Duration
	var switches int64
	for round := range b.N {
		var near []net.Conn
		for range tunnels {
			conn, err := net.Dial("tcp", w.proxy)
			if err != nil {
				b.Fatal(err)
			}
			fmt.Fprintf(conn, "CONNECT localhost:%s HTTP/1.1\r\nProxy-Authorization: Basic cmVuOnNlY3JldCBvZiByZW4=\r\n\r\nx", port(end.Addr().String()))
			if r, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || r.StatusCode != http.StatusOK {
				b.Fatalf("%v, %v", r, err)
			}
			other, err := end.Accept()
			if err != nil {
				b.Fatal(err)
			}
			near, far = append(near, conn), append(far, other)
		}
		set, err := cut.New(uint64(2*round+1), []cut.Entry{{ID: "x", Kind: cut.All, Until: time.Now().Add(time.Hour).UnixNano()}})
		if err != nil {
			b.Fatal(err)
		}
		var before, after syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
		began := time.Now()
		closed, err := w.gate.Cut(b.Context(), set)
		wall += time.Since(began)
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
		if err != nil || closed != tunnels {
			b.Fatalf("%d closed, %v", closed, err)
		}
		cpu += time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
		switches += after.Nvcsw + after.Nivcsw - before.Nvcsw - before.Nivcsw
		none, err := cut.New(uint64(2*round+2), nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.gate.Cut(b.Context(), none); err != nil {
			b.Fatal(err)
		}
		for _, c := range append(near, far...) {
			c.Close()
		}
		far = far[:0]
	}
	flows := float64(b.N * tunnels)
	b.ReportMetric(float64(cpu.Microseconds())/flows, "cpu-µs/flow")
	b.ReportMetric(float64(wall.Microseconds())/flows, "wall-µs/flow")
	b.ReportMetric(float64(switches)/flows, "switches/flow")
}

// nothing takes events and keeps none.
type nothing struct{}

// Record implements event.Recorder.
func (nothing) Record(context.Context, event.Level, ...event.Body) (event.Seq, error) { return 1, nil }

// Submit implements event.Recorder.
func (nothing) Submit(_ event.Level, done func(error), _ ...event.Body) (event.Seq, error) {
	if done != nil {
		done(nil)
	}
	return 1, nil
}
