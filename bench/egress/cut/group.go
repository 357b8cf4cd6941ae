package main

import (
	"bufio"
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
	"time"
)

// group is a process with gates and one with the ends of their tunnels.
type group struct {
	gates, load *helper
	doors       []string
}

// helper is a process of this program that is asked in lines of JSON.
type helper struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startHelper(ctx context.Context, role string) (*helper, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	h := &helper{cmd: exec.CommandContext(ctx, self, role)}
	h.cmd.Stderr = os.Stderr
	if h.in, err = h.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	h.out = bufio.NewReader(out)
	return h, h.cmd.Start()
}

// ask sends a question and reads its answer.
func (h *helper) ask(question, answer any) error {
	if err := json.NewEncoder(h.in).Encode(question); err != nil {
		return err
	}
	line, err := h.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("a process has ended: %w", err)
	}
	return json.Unmarshal(line, answer)
}

// pause stops the process, and waits until it is.
func (h *helper) pause() error {
	if err := h.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	file := fmt.Sprintf("/proc/%d/stat", h.cmd.Process.Pid)
	for range 1000 {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if strings.HasPrefix(string(text[strings.LastIndexByte(string(text), ')')+1:]), " T") {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return errors.New("a process does not stop")
}

func (h *helper) goOn() error { return h.cmd.Process.Signal(syscall.SIGCONT) }

func (h *helper) stop() {
	_ = h.goOn()
	_ = h.in.Close() // it ends with its questions
	_ = h.cmd.Wait()
}

func (g *group) stop() {
	for _, h := range []*helper{g.load, g.gates} {
		if h != nil {
			h.stop()
		}
	}
}

// member is a gate that is to join.
type member struct{ Name, Token, Dir string }

func (h *theHub) group(ctx context.Context, dir string, first, n int) (g *group, err error) {
	g = &group{}
	defer func() {
		if err != nil {
			g.stop()
		}
	}()
	var members []member
	for i := first; i < first+n; i++ {
		m := member{Name: fmt.Sprintf("site-%d", i)}
		m.Dir = filepath.Join(dir, m.Name)
		if m.Token, _, err = h.server.Token(ctx, m.Name, "bench"); err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	if g.gates, err = startHelper(ctx, "gates"); err != nil {
		return nil, err
	}
	if g.load, err = startHelper(ctx, "load"); err != nil {
		return nil, err
	}
	return g, g.gates.ask(members, &g.doors)
}

// request is a question to a load process: open so many tunnels through each
// door, or, without doors, how many clients' ends are shut.
type request struct {
	Doors   []string
	Tunnels int
}

// seen is its answer.
type seen struct {
	Open  int
	Shut  int
	Error string
}

func (g *group) open(tunnels int) error {
	var s seen
	if err := g.load.ask(request{g.doors, tunnels}, &s); err != nil {
		return err
	}
	if s.Error != "" || s.Open != tunnels*len(g.doors) {
		return fmt.Errorf("%d tunnels are open, want %d: %s", s.Open, tunnels*len(g.doors), s.Error)
	}
	return nil
}

// shut is how many clients found their tunnel shut.
func (g *group) shut() (int, error) {
	var s seen
	if err := g.load.ask(request{}, &s); err != nil {
		return 0, err
	}
	if s.Error != "" {
		return 0, errors.New(s.Error)
	}
	return s.Shut, nil
}
