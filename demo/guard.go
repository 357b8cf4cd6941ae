package demo

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/template"
	"time"

	"sekisho/demo/shop"
	"sekisho/internal/pgserver"
	"sekisho/proof/scope"
)

//go:embed sekisho.yaml.tmpl
var configFile embed.FS

var configTemplate = template.Must(template.ParseFS(configFile, "sekisho.yaml.tmpl"))

// rowsAllowed is how many rows the policy allows a statement.
const rowsAllowed = 2000

// guard is Sekisho as anybody runs it: the program, a configuration file, and
// the commands that the manual names.
type guard struct {
	program []string // argv of sekisho
	dir     string
	lang    string
	up      *exec.Cmd
	ended   chan error // of up
	gate    string     // host:port
	key     string     // public, of the ledger
}

func (g *guard) config() string { return filepath.Join(g.dir, "sekisho.yaml") }

// prepare writes the configuration and makes keys and an empty ledger.
func (g *guard) prepare(ctx context.Context, s *pgserver.Server) error {
	if err := os.MkdirAll(g.dir, 0o700); err != nil {
		return err
	}
	var text bytes.Buffer
	err := configTemplate.Execute(&text, map[string]any{
		"Upstream": s.Addr(), "ScanRole": shop.ScanRole, "AppRole": shop.AppRole, "Rows": rowsAllowed,
	})
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"sekisho.yaml": text.Bytes(), "control.password": []byte(shop.ScanPassword + "\n"),
	} {
		if err := os.WriteFile(filepath.Join(g.dir, name), content, 0o600); err != nil {
			return err
		}
	}
	if _, err := g.run(ctx, "config", "check"); err != nil {
		return err
	}
	if _, err := g.run(ctx, "init"); err != nil {
		return err
	}
	return g.readKey()
}

// readKey reads the ledger's public key, on the day on which it is made: who
// wants to check something later must have it from elsewhere than the ledger.
func (g *guard) readKey() error {
	text, err := os.ReadFile(filepath.Join(g.dir, "data", "ledger", "ledger.json"))
	if err != nil {
		return err
	}
	var id struct {
		Key string `json:"key"`
	}
	if err := json.Unmarshal(text, &id); err != nil {
		return fmt.Errorf("ledger.json: %w", err)
	}
	g.key = id.Key
	return nil
}

// command is one of sekisho's.
func (g *guard) command(ctx context.Context, args ...string) *exec.Cmd {
	argv := slices.Concat(g.program, []string{"--config", g.config(), "--lang", g.lang}, args)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = g.dir
	cmd.Env = append(os.Environ(), "SEKISHO_CONFIG=", "SEKISHO_HUB=")
	return cmd
}

// firstLink is what up says where the first account of the console is made.
var firstLink = regexp.MustCompile(`http://localhost:[0-9]+/join\?invite=\S+`)

// console returns the link for the console's first account; empty when up did
// not say one.
func (g *guard) console() string {
	text, err := os.ReadFile(filepath.Join(g.dir, "up.log"))
	if err != nil {
		return ""
	}
	return string(firstLink.Find(text))
}

// shown is the command as a person would type it.
func shown(args ...string) string { return "sekisho " + strings.Join(args, " ") }

// run runs a command to its end and returns its output.
func (g *guard) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := g.command(ctx, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("%s: %w\n%s%s", shown(args...), err, out, stderr.Bytes())
	}
	return out, nil
}

// upPatience is how long up may take until its gate listens: it reads all
// holdings first.
const upPatience = 2 * time.Minute

// start runs up and waits until its gate listens and the holdings are read.
func (g *guard) start(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(g.dir, "up.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own descriptor
	g.up = g.command(context.WithoutCancel(ctx), "up")
	g.up.Stdout, g.up.Stderr = log, log
	tie(g.up)
	g.ended = make(chan error, 1)
	if err := runTied(g.up, g.ended); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, upPatience)
	defer cancel()
	for {
		if listen, err := g.listening(ctx); err == nil && listen != "" {
			g.gate = listen
			return nil
		}
		select {
		case err := <-g.ended:
			g.up = nil
			return fmt.Errorf("%s ended: %w\n%s", shown("up"), err, g.tail())
		default:
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return fmt.Errorf("%s does not listen: %w\n%s", shown("up"), err, g.tail())
		}
	}
}

// runTied starts cmd and sends its end to ended. It ends with us, even when we
// are killed, where the system can do that: a parent death signal is bound to
// the thread that forked, so that thread waits.
func runTied(cmd *exec.Cmd, ended chan<- error) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	return <-started
}

// status is what status --json tells, as far as it matters here.
type status struct {
	Head   uint64 `json:"head"`
	Folded uint64 `json:"folded"`
	Gates  []struct {
		Listen string `json:"listen"`
	} `json:"gates"`
}

func (g *guard) status(ctx context.Context) (s status, err error) {
	out, err := g.run(ctx, "status", "--json")
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(out, &s)
}

func (g *guard) listening(ctx context.Context) (string, error) {
	s, err := g.status(ctx)
	if err != nil || len(s.Gates) == 0 {
		return "", err
	}
	return s.Gates[0].Listen, nil
}

// tail is the end of up's log.
func (g *guard) tail() string {
	text, err := os.ReadFile(filepath.Join(g.dir, "up.log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}

// stop ends up as an operator would.
func (g *guard) stop() error {
	if g.up == nil {
		return nil
	}
	up := g.up
	g.up = nil
	if err := up.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-g.ended:
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", shown("up"), err, g.tail())
		}
		return nil
	case <-time.After(30 * time.Second):
		return errors.Join(errors.New("sekisho up does not end"), up.Process.Kill())
	}
}

// question is a scope that is asked for.
type question struct {
	from, to time.Time
	address  string
	element  string // "" for all
}

func (q question) args() []string {
	args := []string{
		"scope", "--from", q.from.Format(time.RFC3339Nano), "--to", q.to.Format(time.RFC3339Nano),
		"--place", shop.Database, "--user", shop.AppRole, "--address", q.address,
	}
	if q.element != "" {
		args = append(args, "--element", q.element)
	}
	return args
}

// answer is what scope tells: figures and lists.
type answer struct {
	scope.Result
	lists map[string][]int64 // by class, every class with those of the narrower ones
	took  time.Duration
}

// classes in the order in which they widen.
var classes = []string{"confirmed", "reachable", "ever_held"}

// ask asks for a scope twice: the figures, and one line a subject.
func (g *guard) ask(ctx context.Context, q question) (*answer, error) {
	a := &answer{}
	begin := time.Now()
	out, err := g.run(ctx, append(q.args(), "--json")...)
	if err != nil {
		return nil, err
	}
	a.took = time.Since(begin)
	if err := json.Unmarshal(out, &a.Result); err != nil {
		return nil, fmt.Errorf("scope --json: %w", err)
	}
	if out, err = g.run(ctx, append(q.args(), "--list")...); err != nil {
		return nil, err
	}
	a.lists, err = parseList(bytes.NewReader(out))
	return a, err
}

// parseList reads class<TAB>source<TAB>key lines; each class also holds the
// subjects of narrower ones.
func parseList(r io.Reader) (map[string][]int64, error) {
	lists := map[string][]int64{}
	in := bufio.NewScanner(r)
	for in.Scan() {
		parts := strings.Split(in.Text(), "\t")
		if len(parts) != 3 {
			return nil, fmt.Errorf("scope --list: line of %d fields", len(parts))
		}
		id, err := strconv.ParseInt(parts[2], 10, 64)
		at := slices.Index(classes, parts[0])
		if err != nil || at < 0 {
			return nil, fmt.Errorf("scope --list: class %q, source %q: not a customer's number", parts[0], parts[1])
		}
		for _, class := range classes[at:] {
			lists[class] = append(lists[class], id)
		}
	}
	for _, ids := range lists {
		slices.Sort(ids)
	}
	return lists, in.Err()
}
