package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// proxy is one running proxy and how pgbench reaches it.
type proxy struct {
	l          *lab
	cmd        *exec.Cmd
	port       int
	password   string
	tls        bool
	settle     func(context.Context) error // waits until everything taken is durable and folded
	done       chan error
	stderr     *bytes.Buffer
	statements float64 // that pgbench sent through p, a transaction of TPC-B counted as seven
}

// bench runs pgbench once through p.
func (p *proxy) bench(ctx context.Context, w workload) (sample, error) {
	before, err := cpuTime(p.cmd.Process.Pid)
	if err != nil {
		return sample{}, err
	}
	args := append([]string{
		"-h", "127.0.0.1", "-p", strconv.Itoa(p.port), "-U", benchUser, "-n",
		"-T", strconv.Itoa(int(p.l.o.length / time.Second)),
	}, w.args...)
	cmd := exec.CommandContext(ctx, p.l.tool("pgbench"), append(args, benchDatabase)...)
	mode := "disable"
	if p.tls {
		mode = "require"
	}
	cmd.Env = append(cmd.Environ(), "PGSSLMODE="+mode, "PGPASSWORD="+p.password)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("pgbench: %w\n%s\n%s", err, out, p.stderr)
	}
	if p.settle != nil {
		if err := p.settle(ctx); err != nil {
			return sample{}, err
		}
	}
	after, err := cpuTime(p.cmd.Process.Pid)
	if err != nil {
		return sample{}, err
	}
	n, err := number(out, `number of transactions actually processed: (\d+)`)
	if err != nil {
		return sample{}, err
	}
	failed, err := number(out, `number of failed transactions: (\d+)`)
	if err != nil || failed != 0 || n == 0 {
		return sample{}, fmt.Errorf("pgbench: %v transactions, %v failed: %s", n, failed, out)
	}
	tps, err := number(out, `tps = ([0-9.]+) \(without initial connection time\)`)
	if err != nil {
		return sample{}, err
	}
	p.statements += n
	if strings.HasPrefix(w.name, "tpcb") {
		p.statements += 6 * n
	}
	return sample{tps: tps, cpuMicros: float64((after - before).Nanoseconds()) / 1e3 / n}, nil
}

func number(out []byte, pattern string) (float64, error) {
	m := regexp.MustCompile(pattern).FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("pgbench printed no %q:\n%s", pattern, out)
	}
	return strconv.ParseFloat(string(m[1]), 64)
}

// cpuTime returns the CPU time of all threads of a process, ended ones
// included: the clock of clock_getcpuclockid(3).
func cpuTime(pid int) (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|2), &ts); err != nil {
		return 0, fmt.Errorf("cpu clock of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// start runs a program and waits until its port answers.
func (l *lab) start(ctx context.Context, port int, cmd *exec.Cmd) (*proxy, error) {
	p := &proxy{l: l, cmd: cmd, port: port, done: make(chan error, 1), stderr: new(bytes.Buffer)}
	cmd.Stdout, cmd.Stderr = p.stderr, p.stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { p.done <- cmd.Wait() }()
	if err := l.awaitPort(ctx, port, p.done); err != nil {
		p.stop()
		return nil, fmt.Errorf("%s: %w\n%s", cmd.Path, err, p.stderr)
	}
	return p, nil
}

// stop ends the process in the polite way and waits for it.
func (p *proxy) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // an ended process is what we want
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}
