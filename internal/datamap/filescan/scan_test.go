package filescan

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/demo/plant"
	"sekisho/internal/element"
)

func scanned(t testing.TB, cfg Config) *Report {
	t.Helper()
	r, err := Scan(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func object(t testing.TB, r *Report, path string) *Object {
	t.Helper()
	for _, o := range r.Objects {
		if o.Path == path {
			return o
		}
	}
	t.Fatalf("%s is not in the report", path)
	return nil
}

// TestNotes: 203 card numbers in the remarks of 100,000 rows, also in a dump, a
// workbook and a log: exactly the rows that were planted are reported, and no
// number is anywhere in what the scan leaves behind.
func TestNotes(t *testing.T) {
	rows, cards := 100_000, 203
	if testing.Short() {
		rows = 10_000
	}
	all := plant.Notes(rand.New(rand.NewPCG(3, 203)), rows, cards)
	dir, state := t.TempDir(), t.TempDir()
	writeNotes(t, dir, all)
	r := scanned(t, Config{Root: dir, State: state})
	// Row (or line) of the i-th note in each file.
	for _, f := range []struct {
		path  string
		first int
	}{{"notes.csv", 2}, {"shop.sql", 1}, {"notes.xlsx", 2}, {"app.log", 1}} {
		var want, got []int
		for i, n := range all {
			if n.Card {
				want = append(want, f.first+i)
			}
		}
		for _, found := range object(t, r, f.path).Elements {
			if found.Kind != element.CardPAN {
				continue
			}
			for _, p := range found.Places {
				got = append(got, int(p.Row+p.Line))
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: rows with card numbers (-planted +reported)\n%s", f.path, diff)
			for _, n := range all {
				row := f.first + (n.ID-500_000)/7
				if slices.Contains(want, row) != slices.Contains(got, row) {
					t.Logf("%d: %s", row, n.Text)
				}
			}
		}
	}
	for _, total := range r.Totals {
		if total.Kind == element.CardPAN && (total.Count != 4*uint64(cards) || total.Files != 4) {
			t.Errorf("total: %+v", total)
		}
	}
	left := stateText(t, state)
	page, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	left = append(left, page...)
	for _, n := range all {
		if n.Card && (bytes.Contains(left, []byte(n.Digits)) || bytes.Contains(left, []byte(n.Digits[4:12]))) {
			t.Errorf("the number of note %d is in the state or the report", n.ID)
		}
	}
}

func stateText(t testing.TB, dir string) []byte {
	t.Helper()
	var all []byte
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	return all
}

// someFiles writes files with one card number each.
func someFiles(t testing.TB, n int) string {
	t.Helper()
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		d := "4" + plant.DigitsOf(r, 14)
		sub := filepath.Join(dir, fmt.Sprintf("d%d", i%7))
		if err := os.MkdirAll(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("f%03d.txt", i)), []byte("card "+d+plant.CheckDigit(d)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// comparable leaves out what may differ between two scans of the same files.
func comparable(t testing.TB, r *Report) string {
	t.Helper()
	c := *r
	c.Started, c.Finished = time.Time{}, time.Time{}
	for _, o := range c.Objects {
		o.Digest = ""
	}
	text, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestResume: a state cut off at any byte, as a kill or a power cut leaves it,
// gives the report of a scan that was never stopped.
func TestResume(t *testing.T) {
	dir, state := someFiles(t, 60), t.TempDir()
	want := comparable(t, scanned(t, Config{Root: dir, State: state, Workers: 1}))
	name := filepath.Join(state, stateName(dir))
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{0, 1, 30, len(whole) / 3, len(whole) / 2, len(whole) - 1, len(whole)} {
		text := whole[:cut]
		if cut == len(whole)/3 { // and one with a line of rubbish behind
			text = append(bytes.Clone(text), "\x00\x00\x00\n{}\n"...)
		}
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, comparable(t, scanned(t, Config{Root: dir, State: state, Workers: 1}))); diff != "" {
			t.Errorf("cut at %d: (-never stopped +went on)\n%s", cut, diff)
		}
	}
}

// TestStopped: a scan that is stopped says so and gives what it has.
func TestStopped(t *testing.T) {
	dir, state := someFiles(t, 40), t.TempDir()
	ctx, stop := context.WithCancel(context.Background())
	r, err := Scan(ctx, Config{Root: dir, State: state, Workers: 1, Progress: func(Progress) { stop() }})
	if err != nil || !r.Stopped {
		t.Fatalf("stopped %v, %v", r.Stopped, err)
	}
	if r = scanned(t, Config{Root: dir, State: state}); r.Stopped || r.Totals[0].Count != 40 {
		t.Errorf("after it: %+v", r.Totals)
	}
}

// TestIncremental: only what changed is read again, and what is gone is gone.
func TestIncremental(t *testing.T) {
	dir, state := someFiles(t, 5), t.TempDir()
	cfg := Config{Root: dir, State: state, Workers: 1}
	scanned(t, cfg)
	lines := bytes.Count(stateText(t, state), []byte{'\n'})
	scanned(t, cfg)
	if n := bytes.Count(stateText(t, state), []byte{'\n'}); n != lines {
		t.Errorf("nothing changed and %d files were read", n-lines)
	}
	if err := os.WriteFile(filepath.Join(dir, "d1/f001.txt"), []byte("nothing here\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "d2/f002.txt")); err != nil {
		t.Fatal(err)
	}
	r := scanned(t, cfg)
	if n := bytes.Count(stateText(t, state), []byte{'\n'}); n != lines+1 || len(r.Objects) != 3 {
		t.Errorf("one file changed and one is gone: %d were read, %d have findings", n-lines, len(r.Objects))
	}
}

func TestTroubles(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("half.zip", "PK\x03\x04 and no more")
	put("photo.png", "\x89PNG\r\n\x1a\n")
	put("名簿\x82\xa0.txt", "関所 太郎様\n") // a name that is no UTF-8
	if err := os.Symlink(".", filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	sparse, err := os.Create(filepath.Join(dir, "sparse.img"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sparse.WriteAt([]byte("card 4111 1111 1111 1111\n"), 90<<30); err != nil {
		t.Skipf("no sparse files here: %v", err)
	}
	if err := sparse.Close(); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 {
		put("secret.txt", "x")
		if err := os.Chmod(filepath.Join(dir, "secret.txt"), 0); err != nil {
			t.Fatal(err)
		}
	}
	r := scanned(t, Config{Root: dir, State: t.TempDir()})
	got := map[string]uint64{}
	for _, u := range r.Unread {
		got[u.Name] = u.Count
	}
	want := map[string]uint64{"damaged": 1, "picture": 1, "link": 1}
	if os.Getuid() != 0 {
		want["denied"] = 1
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("troubles (-want +got)\n%s", diff)
	}
	object(t, r, "sparse.img")
	if _, err := Scan(context.Background(), Config{Root: filepath.Join(dir, "none"), State: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// TestOwnState: scanning a folder in which the state lies leaves the state out.
func TestOwnState(t *testing.T) {
	dir := someFiles(t, 3)
	state := filepath.Join(dir, "state")
	scanned(t, Config{Root: dir, State: state})
	r := scanned(t, Config{Root: dir, State: state})
	if len(r.Objects) != 3 || len(r.LeftOut) != 1 || r.Files != 3 {
		t.Errorf("%d objects, left out %v, %d files", len(r.Objects), r.LeftOut, r.Files)
	}
}

func TestColumns(t *testing.T) {
	dir := t.TempDir()
	// Pieces of one number in four columns; years are no pieces.
	text := "会員番号,card1,card2,card3,card4,y1,y2,y3,y4\n"
	for i := range 20 {
		text += fmt.Sprintf("%016d,4111,1111,1111,1111,2014,2015,2016,2017\n", 4_000_000_000_000_000+i*37)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.csv"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := scanned(t, Config{Root: dir, State: t.TempDir()})
	o := object(t, r, "a.csv")
	pieces := 0
	for _, f := range o.Elements {
		for _, p := range f.Places {
			if f.Kind == element.CardPAN && p.Column == "card4" {
				pieces++
			}
		}
	}
	if pieces != 20 {
		t.Errorf("%d numbers in pieces were found, want 20: %+v", pieces, o.Elements)
	}
}
