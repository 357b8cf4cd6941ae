// Package network plays the way out of JTB's data between machines that are
// network namespaces: an office PC, a web server and a results server, four
// exits with a gate each, a hub, and the attacker beyond them. Every machine
// runs this program by its commands, with a configuration file.
//
// It is no test bed for gates and touches nothing of the machine it runs on.
// Play begins the program again as the first process of namespaces of its own
// (processes, mounts, network; users, too, where we are not root), and all else
// lives below that: when it ends, however it ends, the kernel ends every process
// of the play, and with the last of them the networks are gone. It ends when
// Play does, or the program of Play.
package network

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"sekisho/demo/story"
)

// Options of a play.
type Options struct {
	Dir  string // empty, for files; it stays
	Path string // PATH, where ip(8) and nft(8) are looked for besides the usual places
}

// usual are places of system programs that ordinary users' PATH leaves out.
var usual = []string{"/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"}

// name is how the program calls itself.
const name = "sekisho"

// Command is the hidden command that Inside is.
const Command = "demo-network"

// Play plays the incident, which takes about a minute, and returns what was
// seen. A *story.NoNetwork says why this machine has no namespaces for us.
func Play(ctx context.Context, o Options) (*story.Routes, error) {
	if !supported {
		return nil, &story.NoNetwork{Why: "system", What: runtime.GOOS}
	}
	path := slices.Concat(filepath.SplitList(o.Path), usual)
	for _, program := range []string{"ip", "nft"} {
		if !slices.ContainsFunc(path, func(dir string) bool {
			_, err := exec.LookPath(filepath.Join(dir, program))
			return filepath.IsAbs(dir) && err == nil
		}) {
			return nil, &story.NoNetwork{Why: "program", What: program}
		}
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	// Root has the right to namespaces, or not in a container; others make
	// themselves root of a namespace of users, where the machine lets them.
	search := strings.Join(path, string(filepath.ListSeparator))
	if os.Geteuid() == 0 {
		r, err := playAs(ctx, self, o.Dir, search, false)
		if no := (*story.NoNetwork)(nil); !errors.As(err, &no) {
			return r, err
		}
	}
	return playAs(ctx, self, o.Dir, search, true)
}

// answer is what the process inside says at its end.
type answer struct {
	Routes  *story.Routes    `json:"routes,omitempty"`
	Missing *story.NoNetwork `json:"missing,omitempty"`
	Problem string           `json:"problem,omitempty"`
}

// ending is how long what was killed may take to be gone.
const ending = 30 * time.Second

// playAs begins the process inside, and reads its answer.
func playAs(ctx context.Context, self, dir, path string, users bool) (*story.Routes, error) {
	cmd := exec.CommandContext(ctx, self, Command, dir)
	cmd.Args[0], cmd.WaitDelay = name, ending
	cmd.Env = []string{"PATH=" + path, "LC_ALL=C.UTF-8", "USER=sora", "TMPDIR=" + dir} // no proxy, no configuration of ours
	isolate(cmd, users)
	life, err := cmd.StdinPipe() // the process inside ends with it
	if err != nil {
		return nil, err
	}
	var out, bad bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &bad
	if err := cmd.Start(); err != nil {
		if p := (*fs.PathError)(nil); errors.As(err, &p) {
			err = p.Err // not which program it was
		}
		return nil, errors.Join(&story.NoNetwork{Why: "refused", What: err.Error()}, life.Close())
	}
	err = cmd.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var a answer
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &a)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("the network of the story: %w: %s", err, bytes.TrimSpace(bad.Bytes()))
	case a.Missing != nil:
		return nil, a.Missing
	case a.Problem != "":
		return nil, fmt.Errorf("the network of the story: %s", a.Problem)
	}
	return a.Routes, nil
}

// Inside is the process that Play begins: it plays in dir until its input ends,
// and writes an answer.
func Inside(ctx context.Context, dir string, in io.Reader, out io.Writer) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	go func() { // ends with the process
		_, _ = io.Copy(io.Discard, in)
		end()
	}()
	var a answer
	l, err := open(ctx, dir)
	if err != nil {
		a.Missing = &story.NoNetwork{Why: "refused", What: err.Error()}
	} else if a.Routes, err = l.play(ctx); err != nil {
		a.Problem = err.Error()
	}
	return json.NewEncoder(out).Encode(a)
}
