package network

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"sekisho/internal/control"
)

// lab is machines as network namespaces, joined by pairs of virtual interfaces.
// Nothing leaves it. The machines end with the process.
type lab struct {
	dir      string
	self     string
	machines map[string]*os.File // their namespaces
	serving  []*serving          // in the order in which they began
}

// probe are rules of the kinds that the exits need: where a kernel has none,
// nothing can be played.
const probe = `table inet probe {
	counter passed {}
	chain lead { type nat hook prerouting priority dstnat; tcp dport 443 redirect to :3129; }
	chain pass { type filter hook forward priority filter; ct state new counter name passed accept; }
}
`

// open makes sure that machines can be made, joined and ruled here.
func open(ctx context.Context, dir string) (*lab, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	l := &lab{dir: dir, self: self, machines: map[string]*os.File{}}
	hosts, err := l.write("hosts", "127.0.0.1 localhost\n"+attacker+" c2.example\n")
	if err != nil {
		return nil, err
	}
	if err := setHosts(hosts); err != nil {
		return nil, err
	}
	if err := errors.Join(l.machine(ctx, "probe-a"), l.machine(ctx, "probe-b")); err != nil {
		return nil, err
	}
	if err := l.link(ctx, "probe-a wan 11.0.0.1/24", "probe-b lan 11.0.0.2/24"); err != nil {
		return nil, err
	}
	return l, errors.Join(l.rules(ctx, "probe-a", probe), within(l.machines["probe-a"], forward))
}

// machine makes one.
func (l *lab) machine(ctx context.Context, name string) error {
	file, err := namespace()
	if err != nil {
		return err
	}
	l.machines[name] = file
	if err := os.MkdirAll(filepath.Join(l.dir, name), 0o700); err != nil {
		return err
	}
	return l.ip(ctx, name, "link set lo up")
}

// start starts a command in a machine.
func (l *lab) start(machine string, cmd *exec.Cmd) error {
	cmd.Dir = filepath.Join(l.dir, machine)
	return within(l.machines[machine], cmd.Start)
}

// run runs a command in a machine to its end, and says what it wrote when it
// fails.
func (l *lab) run(machine string, cmd *exec.Cmd) error {
	var said bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout = &said
	}
	cmd.Stderr = &said
	err := l.start(machine, cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return fmt.Errorf("%s: %s: %w: %s", machine, strings.Join(cmd.Args, " "), err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}

// ip gives ip(8) commands in a machine, a line each.
func (l *lab) ip(ctx context.Context, machine string, lines ...string) error {
	for _, line := range lines {
		if err := l.run(machine, exec.CommandContext(ctx, "ip", strings.Fields(line)...)); err != nil {
			return err
		}
	}
	return nil
}

// rules gives nft(8) rules in a machine.
func (l *lab) rules(ctx context.Context, machine, text string) error {
	cmd := exec.CommandContext(ctx, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(text)
	return l.run(machine, cmd)
}

// link joins two machines: "machine interface address/bits".
func (l *lab) link(ctx context.Context, a, b string) error {
	x, y := strings.Fields(a), strings.Fields(b)
	cmd := exec.CommandContext(ctx, "ip", "link", "add", x[1], "type", "veth", "peer", "name", y[1], "netns", "/proc/self/fd/3")
	cmd.ExtraFiles = []*os.File{l.machines[y[0]]}
	if err := l.run(x[0], cmd); err != nil {
		return err
	}
	for _, end := range [][]string{x, y} {
		if err := l.ip(ctx, end[0], "address add "+end[2]+" dev "+end[1], "link set "+end[1]+" up"); err != nil {
			return err
		}
	}
	return nil
}

// write writes a file and returns its name.
func (l *lab) write(name, text string) (string, error) {
	file := filepath.Join(l.dir, name)
	return file, os.WriteFile(file, []byte(text), 0o600)
}

// command is this program.
func (l *lab) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, l.self, args...)
	cmd.Args[0] = name
	return cmd
}

// sekisho runs a command with the configuration of a machine, and returns what
// it says.
func (l *lab) sekisho(ctx context.Context, machine string, args ...string) (string, error) {
	var out bytes.Buffer
	cmd := l.command(ctx, args...)
	cmd.Stdout = &out
	err := l.run(machine, cmd)
	return out.String(), err
}

// serving is a process that serves until it is told to end.
type serving struct {
	machine string
	cmd     *exec.Cmd
	said    bytes.Buffer
	ended   chan error
}

// up starts the process of a machine and waits until it serves.
func (l *lab) up(ctx context.Context, machine string) error {
	s := &serving{machine: machine, cmd: l.command(ctx, "up"), ended: make(chan error, 1)}
	s.cmd.Stdout, s.cmd.Stderr = &s.said, &s.said
	if err := l.start(machine, s.cmd); err != nil {
		return err
	}
	go func() { s.ended <- s.cmd.Wait() }()
	l.serving = append(l.serving, s)
	c := control.NewClient(filepath.Join(l.dir, machine, "data", "control.sock"), "sekisho.yaml")
	return await(ctx, "the process of "+machine, 2*time.Minute, func() (bool, error) {
		select {
		case err := <-s.ended:
			return false, fmt.Errorf("%s has ended: %w: %s", machine, errors.Join(err, errEnded), s.said.Bytes())
		default:
		}
		_, err := c.Status(ctx)
		return err == nil, nil
	})
}

var errEnded = errors.New("it served no more")

// down ends the processes, those that were started last first, and counts the
// ledgers that verify.
func (l *lab) down(ctx context.Context) (whole int, err error) {
	for _, s := range slices.Backward(l.serving) {
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			return whole, fmt.Errorf("end %s: %w", s.machine, err)
		}
		select {
		case err := <-s.ended:
			if err != nil {
				return whole, fmt.Errorf("%s: %w: %s", s.machine, err, s.said.Bytes())
			}
		case <-ctx.Done():
			return whole, ctx.Err()
		case <-time.After(time.Minute):
			return whole, fmt.Errorf("%s does not end", s.machine)
		}
		if _, err := l.sekisho(ctx, s.machine, "verify"); err == nil {
			whole++
		}
	}
	return whole, nil
}

// await looks until a condition holds.
func await(ctx context.Context, what string, most time.Duration, holds func() (bool, error)) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(most); ; {
		if ok, err := holds(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-end:
			return fmt.Errorf("%s: %w %v", what, errLate, most)
		case <-tick.C:
		}
	}
}

// errLate is returned when something did not happen in time.
var errLate = errors.New("not within")

// actor is a program of the story that is told what to do in lines and answers
// in lines of JSON.
type actor struct {
	in  io.Writer
	out *bufio.Reader
}

// actor starts one: see Actor for its arguments.
func (l *lab) actor(ctx context.Context, machine string, args ...string) (*actor, error) {
	cmd := l.command(ctx, append([]string{ActorCommand}, args...)...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &actor{in, bufio.NewReader(out)}, l.start(machine, cmd)
}

// ask sends a line and reads the answer.
func (a *actor) ask(line string) (answer map[string]int, err error) {
	if _, err := fmt.Fprintln(a.in, line); err != nil {
		return nil, err
	}
	text, err := a.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil {
		return nil, fmt.Errorf("asked to %s: %w", line, err)
	}
	return answer, nil
}
