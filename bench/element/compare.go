package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/transform"

	"sekisho/bench/element/corpus"
)

// ripgrepPattern is frozen: see bench/peers/README.md.
const ripgrepPattern = `\b(?:4[0-9]{3}|5[1-5][0-9]{2}|2[2-7][0-9]{2}|3[0-9]{3}|6[0-9]{3})[- ]?[0-9]{4}[- ]?[0-9]{4}[- ]?[0-9]{2,7}\b`

const namesDir = "bench/peers/person-gen/data"

// lab is where the comparison happens.
type lab struct {
	dir         string
	logs, dense string
	sjis        string
	hyperscan   string // the peer's program
	sizes       map[string]int64
}

// duel is one comparison: each side returns MB a second of its process's user
// CPU time.
type duel struct {
	name       string
	ours, peer func() (float64, error)
}

func compare(args []string) error {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	rounds := flags.Int("rounds", 5, "rounds, at least five for a figure that counts")
	size := flags.Int("size", 96, "megabytes of logs; a third of it is dense text")
	dir := flags.String("dir", "", "folder for the corpus; temporary if empty")
	hyperscan := flags.String("hyperscan", "", "the peer hyperscan.c, compiled")
	only := flags.String("only", "", "part of a comparison's name")
	if err := flags.Parse(args); err != nil {
		return err
	}
	l := &lab{dir: *dir, hyperscan: *hyperscan, sizes: map[string]int64{}}
	if l.dir == "" {
		temp, err := os.MkdirTemp("", "bench-element-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temp)
		l.dir = temp
	}
	if err := l.write(*size << 20); err != nil {
		return err
	}
	results := map[string][]float64{}
	duels := slices.DeleteFunc(l.duels(), func(d duel) bool { return !strings.Contains(d.name, *only) })
	for range *rounds {
		for _, d := range duels {
			ours, err := d.ours()
			if err != nil {
				return fmt.Errorf("%s: %w", d.name, err)
			}
			peer, err := d.peer()
			if err != nil {
				return fmt.Errorf("%s, peer: %w", d.name, err)
			}
			fmt.Printf("SAMPLE %s %.1f %.1f\n", d.name, ours, peer)
			results[d.name] = append(results[d.name], ours/peer)
		}
	}
	for _, d := range duels {
		r := results[d.name]
		slices.Sort(r)
		fmt.Printf("RATIO %s %.2f\n", d.name, r[len(r)/2])
	}
	return nil
}

// write makes the corpus. The Shift_JIS file is the dense text in that
// encoding, for the speed of scanning it as it is.
func (l *lab) write(size int) error {
	m, err := corpus.New(1, namesDir)
	if err != nil {
		return err
	}
	l.logs, l.dense, l.sjis = filepath.Join(l.dir, "logs.txt"), filepath.Join(l.dir, "dense.txt"), filepath.Join(l.dir, "sjis.txt")
	dense := m.Dense(size / 3).Bytes
	replacer := strings.NewReplacer("‐", "-", "−", "-")
	sjis, _, err := transform.Bytes(japanese.ShiftJIS.NewEncoder(), []byte(replacer.Replace(strings.ToValidUTF8(string(dense), ""))))
	if err != nil { // a name that Shift_JIS cannot write: leave its lines out
		sjis = nil
		for line := range bytes.Lines(dense) {
			if b, _, err := transform.Bytes(japanese.ShiftJIS.NewEncoder(), line); err == nil {
				sjis = append(sjis, b...)
			}
		}
	}
	for name, text := range map[string][]byte{l.logs: m.Logs(size).Bytes, l.dense: dense, l.sjis: sjis} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			return err
		}
		l.sizes[name] = int64(len(text))
	}
	return nil
}

func (l *lab) duels() []duel {
	both := []string{l.logs, l.dense}
	scan := func(files []string, args ...string) func() (float64, error) {
		return func() (float64, error) { return l.scan(files, args...) }
	}
	rg := func(files ...string) func() (float64, error) {
		return func() (float64, error) { return l.ripgrep(files) }
	}
	return []duel{
		{"element_pan_vs_ripgrep", scan(both, "-kinds", "pan"), rg(both...)},
		{"element_pan_portable_vs_ripgrep", scan(both, "-kinds", "pan", "-portable"), rg(both...)},
		{"element_all_vs_ripgrep", scan([]string{l.logs}, "-kinds", "all"), rg(l.logs)},
		{"element_dense_vs_hyperscan", scan([]string{l.dense}, "-kinds", "all"), func() (float64, error) { return l.peer(l.dense) }},
		// Four times each: a file alone takes 25 to 40 ms, and the kernel counts
		// user time in steps of 4 ms.
		{"element_sjis_vs_utf8", scan(slices.Repeat([]string{l.sjis}, 4), "-kinds", "pan"), scan(slices.Repeat([]string{l.dense}, 4), "-kinds", "pan")},
	}
}

func (l *lab) scan(files []string, args ...string) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	args = append([]string{"scan", "-o", filepath.Join(l.dir, "ours.out")}, args...)
	return l.time(exec.Command(self, append(args, files...)...), files)
}

func (l *lab) ripgrep(files []string) (float64, error) {
	out, err := os.Create(filepath.Join(l.dir, "rg.out"))
	if err != nil {
		return 0, err
	}
	defer out.Close()
	c := exec.Command("rg", append([]string{"-j1", "--no-config", "-a", "-o", "--no-unicode", "--no-line-number", ripgrepPattern}, files...)...)
	c.Stdout = out
	return l.time(c, files)
}

// time runs c and returns MB a second of user CPU time.
func (l *lab) time(c *exec.Cmd, files []string) (float64, error) {
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return 0, err
	}
	size := int64(0)
	for _, f := range files {
		size += l.sizes[f]
	}
	return float64(size) / 1e6 / c.ProcessState.UserTime().Seconds(), nil
}

// peer runs Hyperscan with all patterns over file and returns its MB a second
// of CPU time, matching only.
func (l *lab) peer(file string) (float64, error) {
	if l.hyperscan == "" {
		return 0, fmt.Errorf("say -hyperscan FILE: bench/element/run.sh compiles it")
	}
	out, err := exec.Command(l.hyperscan, file).Output()
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(out), "hyperscan 12 patterns: ")
	if !ok {
		return 0, fmt.Errorf("the peer said %q", out)
	}
	gb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	return gb * 1000, err
}
