package main

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
	"strings"
	"syscall"
	"testing"
	"time"

	"sekisho/internal/control"
)

// network is a few machines as network namespaces, joined by pairs of virtual
// interfaces. Nothing leaves it.
type network struct {
	t      *testing.T
	dir    string
	prefix string // of the names of the namespaces
	self   map[string]string
}

// newNetwork skips the test, aloud, where there is no permission for it, and
// where make story runs it (SEKISHO_STORY=apart).
func newNetwork(t *testing.T) *network {
	t.Helper()
	if os.Getenv("SEKISHO_STORY") == "apart" {
		t.Skip("SKIPPED: make story runs it")
	}
	for _, program := range []string{"ip", "nft", "sysctl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("SKIPPED: %s is missing: sudo apt-get install -y iproute2 nftables procps", program)
		}
	}
	n := &network{t: t, dir: t.TempDir(), prefix: fmt.Sprintf("sk%d-", os.Getpid()), self: map[string]string{}}
	if out, err := exec.Command("ip", "netns", "add", n.prefix+"probe").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: no network namespaces here: %s", bytes.TrimSpace(out))
	}
	n.must("ip", "netns", "del", n.prefix+"probe")
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sekisho", "outside", "malware"} { // TestMain looks at the name
		n.self[name] = filepath.Join(n.dir, name)
		if err := os.Symlink(binary, n.self[name]); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// must runs a command.
func (n *network) must(args ...string) {
	n.t.Helper()
	if out, err := exec.CommandContext(n.t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
		n.t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// machine makes a namespace. hosts are lines of its /etc/hosts.
func (n *network) machine(name, hosts string) {
	n.t.Helper()
	full := n.prefix + name
	n.must("ip", "netns", "add", full)
	n.t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", full).Run() })
	if hosts != "" {
		etc := filepath.Join("/etc/netns", full) // ip-netns(8): bound over /etc
		if err := errors.Join(os.MkdirAll(etc, 0o755), os.WriteFile(filepath.Join(etc, "hosts"), []byte("127.0.0.1 localhost\n"+hosts), 0o644)); err != nil {
			n.t.Fatal(err)
		}
		n.t.Cleanup(func() { _ = os.RemoveAll(etc) })
	}
	n.in(name, "ip", "link", "set", "lo", "up")
}

// in runs a command in a machine.
func (n *network) in(name string, args ...string) {
	n.t.Helper()
	n.must(append([]string{"ip", "netns", "exec", n.prefix + name}, args...)...)
}

// link joins two machines: "name interface address/bits".
func (n *network) link(a, b string) {
	n.t.Helper()
	x, y := strings.Fields(a), strings.Fields(b)
	n.must("ip", "link", "add", x[1], "netns", n.prefix+x[0], "type", "veth", "peer", "name", y[1], "netns", n.prefix+y[0])
	for _, e := range [][]string{x, y} {
		n.in(e[0], "ip", "address", "add", e[2], "dev", e[1])
		n.in(e[0], "ip", "link", "set", e[1], "up")
	}
}

// write writes a file of a machine and returns its name.
func (n *network) write(name, text string) string {
	n.t.Helper()
	file := filepath.Join(n.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		n.t.Fatal(err)
	}
	return file
}

// command is a program of this binary in a machine.
func (n *network) command(ctx context.Context, machine, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", n.prefix + machine, n.self[program]}, args...)...)
	cmd.Dir = filepath.Join(n.dir, machine)
	cmd.Env = append(os.Environ(), "LANG=C.UTF-8", "USER=ayame")
	return cmd
}

// sekisho runs a command of the machine's configuration and returns what it
// says.
func (n *network) sekisho(machine string, args ...string) (string, error) {
	n.t.Helper()
	var out, bad bytes.Buffer
	cmd := n.command(n.t.Context(), machine, "sekisho", args...)
	cmd.Stdout, cmd.Stderr = &out, &bad
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%s: sekisho %s: %w: %s", machine, strings.Join(args, " "), err, bad.String())
	}
	return out.String(), err
}

func (n *network) mustSekisho(machine string, args ...string) string {
	n.t.Helper()
	out, err := n.sekisho(machine, args...)
	if err != nil {
		n.t.Fatal(err)
	}
	return out
}

// up starts the process of a machine, waits until it serves, and stops it with
// the test. Its ledger must be whole then.
func (n *network) up(machine string) {
	n.t.Helper()
	var bad bytes.Buffer
	cmd := n.command(context.Background(), machine, "sekisho", "up")
	cmd.Stdout, cmd.Stderr = &bad, &bad
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	n.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			if err != nil {
				n.t.Errorf("%s: %v: %s", machine, err, bad.String())
			}
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
			n.t.Errorf("%s does not end: %s", machine, bad.String())
		}
		if out, err := exec.Command(n.self["sekisho"], "-c", filepath.Join(n.dir, machine, "sekisho.yaml"), "verify").CombinedOutput(); err != nil {
			n.t.Errorf("%s: %v: %s", machine, err, out)
		}
	})
	c := control.NewClient(filepath.Join(n.dir, machine, "data", "control.sock"), "sekisho.yaml")
	n.await("the process of "+machine, 2*time.Minute, func() bool {
		select {
		case err := <-ended:
			n.t.Fatalf("%s has ended: %v: %s", machine, err, bad.String())
		default:
		}
		_, err := c.Status(n.t.Context())
		return err == nil
	})
}

// await looks until a condition holds.
func (n *network) await(what string, most time.Duration, holds func() bool) {
	n.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(most); !holds(); <-tick.C {
		if time.Now().After(until) {
			n.t.Fatalf("%s: not within %v", what, most)
		}
	}
}

// actor is a program of the story that is told what to do in lines and answers
// in lines of JSON.
type actor struct {
	n   *network
	in  io.Writer
	out *bufio.Reader
}

func (n *network) actor(machine, program string, args ...string) *actor {
	n.t.Helper()
	if err := os.MkdirAll(filepath.Join(n.dir, machine), 0o755); err != nil {
		n.t.Fatal(err)
	}
	cmd := n.command(context.Background(), machine, program, args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err, err2, cmd.Start()); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	return &actor{n, in, bufio.NewReader(out)}
}

// ask sends a line and reads the answer.
func (a *actor) ask(line string) (answer map[string]int) {
	a.n.t.Helper()
	if _, err := fmt.Fprintln(a.in, line); err != nil {
		a.n.t.Fatal(err)
	}
	text, err := a.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil {
		a.n.t.Fatalf("%s: %v", line, err)
	}
	return answer
}
