package person

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"sekisho/internal/person/match"
	"sekisho/internal/person/record"
)

// keyRun is a file of the sorted keys that one run added: the keys of each
// rule, one list behind the other.
type keyRun struct {
	File  string     `json:"file"`
	Rules []ruleKeys `json:"rules"`
}

type ruleKeys struct {
	Rule string `json:"rule"`
	Keys int    `json:"keys"`
}

// mostRuns is how many files of keys there may be; then all but the first, the
// large one, become one.
const mostRuns = 8

// runWriter writes a file of keys.
type runWriter struct {
	run keyRun
	f   *os.File
}

// newRun begins the file of keys of the coming generation.
func (n *State) newRun() (*runWriter, error) {
	w := &runWriter{run: keyRun{File: fmt.Sprintf("index-%d.bin", n.manifest.Generation+1)}}
	var err error
	w.f, err = os.OpenFile(n.path(w.run.File), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	return w, err
}

// keep writes keys of one rule behind those that it wrote of it.
func (w *runWriter) keep(rule string, sorted []uint64) error {
	if last := len(w.run.Rules) - 1; last >= 0 && w.run.Rules[last].Rule == rule {
		w.run.Rules[last].Keys += len(sorted)
	} else {
		w.run.Rules = append(w.run.Rules, ruleKeys{rule, len(sorted)})
	}
	if _, err := w.f.Write(record.KeyBytes(sorted)); err != nil {
		return fmt.Errorf("write keys: %w", err)
	}
	return nil
}

// close makes sure that the file is on disk.
func (w *runWriter) close(err error) error { return errors.Join(err, w.f.Sync(), w.f.Close()) }

// keepKeys writes the keys of new rows and makes the run part of the coming
// manifest. gone are the files that it replaces.
func (n *State) keepKeys(keys match.Keys, old []match.Keys) (runs []keyRun, gone []string, err error) {
	runs = slices.Clone(n.manifest.Runs)
	if len(runs) >= mostRuns {
		for _, part := range old[1:] {
			for rule, list := range part {
				keys[rule] = append(keys[rule], list...)
			}
		}
		for _, list := range keys {
			slices.Sort(list)
		}
		for _, r := range runs[1:] {
			gone = append(gone, r.File)
		}
		runs = runs[:1]
	}
	w, err := n.newRun()
	if err != nil {
		return nil, nil, err
	}
	for _, rule := range match.KeptRules() {
		if err == nil {
			err = w.keep(rule, keys[rule])
		}
	}
	return append(runs, w.run), gone, w.close(err)
}

// loadRuns maps the files of keys; what it returns ends with the state.
func (n *State) loadRuns(room *record.Room) ([]match.Keys, error) {
	var out []match.Keys
	for _, r := range n.manifest.Runs {
		keys, err := n.loadRun(r, room)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrState, err)
		}
		out = append(out, keys)
	}
	return out, nil
}

func (n *State) loadRun(r keyRun, room *record.Room) (match.Keys, error) {
	total := 0
	for _, k := range r.Rules {
		total += k.Keys
	}
	f, err := os.Open(n.path(r.File))
	if err != nil {
		return nil, err
	}
	defer f.Close() // a mapping outlives it
	all, release, err := record.MapKeys(f, total, room)
	if err != nil {
		return nil, err
	}
	n.later(release)
	keys := match.Keys{}
	for _, k := range r.Rules {
		keys[k.Rule], all = all[:k.Keys], all[k.Keys:]
	}
	return keys, nil
}
