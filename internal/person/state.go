package person

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"sekisho/internal/person/match"
	"sekisho/internal/person/record"
)

// State is a folder that remembers persons between runs, so that new records
// join the persons that are there and person numbers stay. It holds canonical
// names and hashes of customers: it is personal data, readable by its owner
// alone.
//
//	manifest.json   what is valid: it is replaced as a whole, last
//	records.bin     rows (record.Layout); keys.txt their keys, one a line
//	words-*.txt     dictionaries
//	tables-N.bin    what every run writes anew, as numbers of 32 bits,
//	                little-endian, each list behind its length: person numbers
//	                of all rows, how often each word is a family's or a given
//	                name (romaji, then kanji), the links to review (rows, score,
//	                pattern) and the joins that may be wrong (the same; older
//	                states lack them)
//	index-N.bin     sorted keys of the blocking rules (match.Keys), as this
//	                machine keeps numbers of 64 bits: a file of the first run
//	                and one of each later one, joined from time to time
//	history.jsonl   merges and splits of persons
//
// A run that dies leaves bytes behind the ends that the manifest names; the
// next one writes over them.
type State struct {
	dir      string
	manifest manifest
	release  func() error
	lock     *os.File
}

type manifest struct {
	Layout     string       `json:"layout"`
	Generation int          `json:"generation"`
	Rows       int          `json:"rows"`
	Keys       int64        `json:"key_bytes"`
	Words      [4]int64     `json:"word_bytes"`
	History    int64        `json:"history_bytes"`
	Next       uint32       `json:"next_person"`
	Reads      []Read       `json:"reads"`
	Frozen     match.Frozen `json:"model"`
	LinkAt     match.Score  `json:"link_at"`
	ReviewAt   match.Score  `json:"review_at"`
	Lost       *lost        `json:"lost,omitempty"` // older states lack it
	Decisions  []Decision   `json:"decisions"`
	Runs       []keyRun     `json:"key_runs"`
}

// ErrState: a folder holds no state, or one that this program cannot read.
var ErrState = errors.New("no usable state of persons")

var wordFiles = [4]string{"words-latin.txt", "words-kanji.txt", "words-towns.txt", "words-companies.txt"}

func (n *State) path(name string) string { return filepath.Join(n.dir, name) }

func tablesFile(generation int) string { return fmt.Sprintf("tables-%d.bin", generation) }

// OpenState opens the folder, which is made when it is not there; fresh tells
// whether it holds no state yet. One process at a time has a state open.
func OpenState(dir string) (s *State, fresh bool, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, false, err
	}
	s = &State{dir: dir, release: func() error { return nil }}
	if s.lock, err = lockFile(s.path("lock")); err != nil {
		return nil, false, fmt.Errorf("state %s is in use: %w", dir, err)
	}
	text, err := os.ReadFile(s.path("manifest.json"))
	if errors.Is(err, os.ErrNotExist) {
		s.manifest = manifest{Layout: record.Layout, Next: 1}
		return s, true, s.sweep(append([]string{"records.bin", "keys.txt", "history.jsonl"}, wordFiles[:]...)...)
	}
	if err == nil {
		err = json.Unmarshal(text, &s.manifest)
	}
	if err == nil && s.manifest.Layout != record.Layout {
		err = fmt.Errorf("layout %q", s.manifest.Layout)
	}
	if err != nil {
		return nil, false, errors.Join(fmt.Errorf("%w in %s: %w", ErrState, dir, err), s.Close())
	}
	return s, false, s.sweep()
}

// sweep removes the files of runs that died, and more.
func (n *State) sweep(more ...string) error {
	wanted := []string{tablesFile(n.manifest.Generation)}
	for _, r := range n.manifest.Runs {
		wanted = append(wanted, r.File)
	}
	for _, pattern := range append(more, "tables-*.bin", "index-*.bin", "*.new") {
		files, err := filepath.Glob(n.path(pattern))
		if err != nil {
			return err
		}
		for _, file := range files {
			if slices.Contains(wanted, filepath.Base(file)) {
				continue
			}
			if err := os.Remove(file); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close releases the state. Results that were loaded from it end with it.
func (n *State) Close() error { return errors.Join(n.release(), n.lock.Close()) }

// Decisions are those that the state remembers.
func (n *State) Decisions() []Decision { return n.manifest.Decisions }

// load brings the state into memory, except the rows, which are mapped, and
// keys that nobody asks for.
func (n *State) load(res *Result, withKeys bool) error {
	m := &n.manifest
	m.Frozen.Model.Restore()
	res.Reads, res.LinkAt, res.ReviewAt, res.next, res.Match = m.Reads, m.LinkAt, m.ReviewAt, m.Next, &match.Result{Frozen: m.Frozen}
	res.decided = m.Decisions
	switch {
	case m.Lost != nil:
		res.lost = *m.Lost
	case m.Frozen.Families:
		res.lost = learnedLoss(m.Frozen.Model)
	}
	f, err := os.Open(n.path("records.bin"))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	defer f.Close() // a mapping outlives it
	var unmap func() error
	if res.Table, unmap, err = record.MapTable(f, m.Rows, res.Table.Room); err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	n.later(unmap)
	var wg sync.WaitGroup
	errs := make([]error, len(wordFiles)+2)
	for i, words := range res.Names.All() {
		wg.Go(func() {
			errs[i] = eachLine(n.path(wordFiles[i]), m.Words[i], func(_ int, line []byte) { words.Add(line) })
			words.Mark()
		})
	}
	wg.Go(func() {
		if errs[len(wordFiles)] = n.loadTables(res); errs[len(wordFiles)] == nil {
			res.Sets = setsOf(res.Table.Room, res.Persons)
		}
	})
	if withKeys {
		wg.Go(func() { errs[len(wordFiles)+1] = n.loadKeys(res) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// loadKeys brings the keys of all rows into memory.
func (n *State) loadKeys(res *Result) error {
	const some = 1 << 16
	var keys record.KeyWriter
	rows := n.manifest.Rows
	keys.Begin(0, min(some, rows))
	err := eachLine(n.path("keys.txt"), n.manifest.Keys, func(i int, line []byte) {
		if i > 0 && i%some == 0 {
			res.Table.Room.Ease()
			res.Keys.Add(&keys, i)
			keys.Begin(i, min(some, rows-i))
		}
		keys.Put(i, line)
	})
	if err != nil {
		return err
	}
	res.Keys.Add(&keys, rows)
	res.Keys.Seal()
	return nil
}

// later adds to what Close does, before what was added earlier.
func (n *State) later(release func() error) {
	before := n.release
	n.release = func() error { return errors.Join(release(), before()) }
}

// eachLine calls f for the lines within the first size bytes of a file.
func eachLine(name string, size int64, f func(i int, line []byte)) error {
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	defer file.Close()
	r := bufio.NewReaderSize(io.LimitReader(file, size), 1<<20)
	for i := 0; ; i++ {
		line, err := r.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrState, name, err)
		}
		f(i, line[:len(line)-1])
	}
}

// save writes what is new in res, whose first rows are in the folder already,
// and makes it valid.
//
// runs are all files of keys, gone those that are no longer among them.
func (n *State) save(res *Result, history []Change, runs []keyRun, gone []string) error {
	m := n.manifest
	m.Runs = runs
	f, err := os.OpenFile(n.path("records.bin"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(res.Table.AppendTo(f, m.Rows), f.Sync(), f.Close()); err != nil {
		return err
	}
	for i, words := range res.Names.All() {
		if m.Words[i], err = n.append(wordFiles[i], m.Words[i], func(w *bufio.Writer) error {
			return writeLines(w, words.EachNew)
		}); err != nil {
			return err
		}
	}
	if m.Keys, err = n.append("keys.txt", m.Keys, func(w *bufio.Writer) error {
		for row := m.Rows; row < res.Table.Len(); row++ {
			if row%(1<<13) == 0 {
				res.Table.Room.Ease()
			}
			if _, err := w.WriteString(strings.ReplaceAll(string(res.Keys.At(row)), "\n", " ") + "\n"); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if m.History, err = n.append("history.jsonl", m.History, func(w *bufio.Writer) error {
		enc := json.NewEncoder(w)
		for _, c := range history {
			if err := enc.Encode(c); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	gone = append(gone, tablesFile(m.Generation))
	m.Generation++
	m.Lost = &res.lost
	m.Rows, m.Reads, m.Frozen, m.LinkAt, m.ReviewAt, m.Next = res.Table.Len(), res.Reads, res.Match.Frozen, res.LinkAt, res.ReviewAt, res.next
	if _, err := n.append(tablesFile(m.Generation), 0, func(w *bufio.Writer) error { return writeTables(w, res) }); err != nil {
		return err
	}
	if err := n.publish(m); err != nil {
		return err
	}
	for _, name := range gone {
		if err := os.Remove(n.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func writeLines(w *bufio.Writer, each func(func([]byte))) (err error) {
	each(func(s []byte) {
		if _, e := w.Write(append(s[:len(s):len(s)], '\n')); e != nil {
			err = e
		}
	})
	return err
}

// append writes at an offset and returns where it ended, on disk.
func (n *State) append(name string, at int64, write func(w *bufio.Writer) error) (int64, error) {
	f, err := os.OpenFile(n.path(name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return 0, err
	}
	end := at
	err = f.Truncate(at)
	if err == nil {
		_, err = f.Seek(at, io.SeekStart)
	}
	if err == nil {
		w := bufio.NewWriterSize(f, 1<<20)
		err = errors.Join(write(w), w.Flush())
	}
	if err == nil {
		end, err = f.Seek(0, io.SeekCurrent)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return 0, fmt.Errorf("write state: %w", err)
	}
	return end, nil
}

// publish makes a manifest the valid one.
func (n *State) publish(m manifest) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	name := n.path("manifest.json")
	if _, err := n.append("manifest.json.new", 0, func(w *bufio.Writer) error { _, err := w.Write(text); return err }); err != nil {
		return err
	}
	if err := os.Rename(name+".new", name); err != nil {
		return err
	}
	dir, err := os.Open(n.dir)
	if err != nil {
		return err
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return err
	}
	n.manifest = m
	return nil
}
