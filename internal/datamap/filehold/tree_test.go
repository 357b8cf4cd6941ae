package filehold

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sekisho/internal/datamap/filescan"
	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/event/eventtest"
	"sekisho/internal/subject"

	_ "sekisho/internal/seed"
)

// numbers gives numbers in order.
type numbers map[string]uint32

func (n numbers) AssignBytes(_ context.Context, kind subject.KeyKind, keys [][]byte, out []uint32) error {
	if kind != subject.UUID {
		return fmt.Errorf("kind %d", kind)
	}
	for i, k := range keys {
		if _, ok := n[string(k)]; !ok {
			n[string(k)] = uint32(len(n) + 1)
		}
		out[i] = n[string(k)]
	}
	return nil
}

// world is a tree in the making and what was recorded of it.
type world struct {
	t      testing.TB
	root   string
	rec    *eventtest.Recorder
	owners map[string]uint32 // canonical identifier → customer
	tree   *Tree

	watch    Watcher // nil: none
	contents *Contents
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, root: t.TempDir(), rec: &eventtest.Recorder{}, owners: map[string]uint32{}}
	w.tree = New(w.config(nil))
	return w
}

func (w *world) config(held map[event.Place]map[event.SubjectSource]bool) Config {
	return Config{Tree: "www", Name: w.root, Store: filescan.Folder{Root: w.root}, Watch: w.watch, Contents: w.contents, Recorder: w.rec, Numbers: numbers{}, Held: held, Temp: w.t.TempDir(),
		Owners: func(dst []Subject, k element.Kind, value []byte) []Subject {
			if n, ok := w.owners[string(subject.Canonical(nil, k, value))]; ok {
				dst = append(dst, Subject{"shop.customers", n})
			}
			return dst
		},
		Hash: func(parts ...[]byte) (sum [16]byte) {
			h := sha256.New()
			for _, p := range parts {
				fmt.Fprintf(h, "%d:%s", len(p), p)
			}
			full := h.Sum(nil)
			copy(sum[:], full)
			return sum
		}}
}

func (w *world) write(name, text string) {
	w.t.Helper()
	name = filepath.Join(w.root, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) remove(name string) {
	w.t.Helper()
	if err := os.Remove(filepath.Join(w.root, name)); err != nil {
		w.t.Fatal(err)
	}
}

// scan reads the tree and returns what it recorded, a line an event.
func (w *world) scan() []string {
	w.t.Helper()
	w.rec.Reset()
	if _, err := w.tree.Scan(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, b := range w.rec.Bodies() {
		switch b := b.(type) {
		case *event.HoldingScan:
			out = append(out, fmt.Sprintf("%s %s %v %v of %d", b.Table, b.Source, b.Elements, string(b.Subjects.Append(nil)), b.Rows))
		case *event.Finding:
			out = append(out, fmt.Sprintf("%s %s %s", b.Code, b.Place, b.Detail))
		}
	}
	slices.Sort(out)
	return out
}

const list = "氏名,メールアドレス,電話\n山田 太郎,taro@mail.example,090-1234-5678\n鈴木 花子,HANAKO@mail.example,\n佐藤 次郎,,\n"

func TestHoldingsOfAFile(t *testing.T) {
	w := newWorld(t)
	w.owners["taro@mail.example"], w.owners["hanako@mail.example"] = 7, 9
	w.write("old/list.csv", list)
	w.write("empty.txt", "nothing here\n")
	want := []string{
		"www/old/list.csv files.unknown name 1 of 1",
		"www/old/list.csv shop.customers name,email 9 of 2",
		"www/old/list.csv shop.customers name,phone,email 7 of 2",
	}
	if diff := cmp.Diff(want, w.scan()); diff != "" {
		t.Fatalf("first reading (-want +got):\n%s", diff)
	}
	if got := w.scan(); len(got) != 0 {
		t.Errorf("nothing changed, and recorded: %v", got)
	}
	// A copy holds the same subjects, the unknown one included.
	w.write("copy.csv", list)
	want = []string{
		"www/copy.csv files.unknown name 1 of 1",
		"www/copy.csv shop.customers name,email 9 of 2",
		"www/copy.csv shop.customers name,phone,email 7 of 2",
	}
	if diff := cmp.Diff(want, w.scan()); diff != "" {
		t.Errorf("a copy (-want +got):\n%s", diff)
	}
	// Deleted files hold nothing from now on; the ledger keeps what they held.
	w.remove("old/list.csv")
	want = []string{"www/old/list.csv files.unknown   of 0", "www/old/list.csv shop.customers   of 0"}
	if diff := cmp.Diff(want, w.scan()); diff != "" {
		t.Errorf("a deletion (-want +got):\n%s", diff)
	}
	// A record that is known meanwhile is no unknown subject any more.
	w.write("copy.csv", list+"渡辺 三郎,saburo@mail.example,\n")
	if got := w.scan(); !slices.Contains(got, "www/copy.csv files.unknown name,email 2 of 2") {
		t.Errorf("a new record: %v", got)
	}
	w.owners["saburo@mail.example"] = 11
	if got := w.scan(); !slices.Contains(got, "www/copy.csv shop.customers name,email 9,11 of 3") || !slices.Contains(got, "www/copy.csv files.unknown name 1 of 1") {
		t.Errorf("known meanwhile: %v", got)
	}
}

// TestNameAndBirthDate: a record without any number belongs to the one customer of that
// name and birth date, in whatever form they are written; without one it is one unknown
// subject everywhere.
func TestNameAndBirthDate(t *testing.T) {
	w := newWorld(t)
	w.owners[string(subject.Canonical(nil, subject.NameBirth, subject.AppendNameBirth(nil, []byte("高橋 一郎"), []byte("1980-02-03"))))] = 7
	w.write("a.csv", "氏名,生年月日\n髙橋　一郎,昭和55年2月3日\n鈴木 花子,1991/12/24\n")
	w.write("b.csv", "name,birth_date,note\n鈴木花子,平成3年12月24日,window seat\n")
	want := []string{
		"www/a.csv files.unknown name,birthdate 1 of 1",
		"www/a.csv shop.customers name,birthdate 7 of 1",
		"www/b.csv files.unknown name,birthdate 1 of 1",
	}
	if diff := cmp.Diff(want, w.scan()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRestart: what was deleted while nobody looked is found gone, and a folder
// that is not there deletes nothing.
func TestRestart(t *testing.T) {
	w := newWorld(t)
	held := map[event.Place]map[event.SubjectSource]bool{"www/a.csv": {"shop.customers": true}, "www/b.csv": {Unknown: true}}
	w.tree = New(w.config(held))
	if _, err := w.tree.Scan(context.Background()); err == nil {
		t.Fatal("an empty folder was taken for a deletion of everything")
	}
	w.write("b.csv", list)
	got := w.scan()
	if !slices.Contains(got, "www/a.csv shop.customers   of 0") || slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "www/b.csv") && strings.HasSuffix(s, "of 0") }) {
		t.Errorf("after a restart: %v", got)
	}
}

func TestNothingIsSilent(t *testing.T) {
	w := newWorld(t)
	w.write("half.zip", "PK\x03\x04 this is no archive")
	w.write("山田太郎様.txt", "カード番号 4111 1111 1111 1111\n")
	got := w.scan()
	if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "SK3201 www/half.zip ") }) {
		t.Errorf("half an archive: %v", got)
	}
	for _, line := range got {
		if strings.Contains(line, "山田") || strings.Contains(line, "4111") {
			t.Errorf("personal data in %q", line)
		}
	}
	if len(got) < 2 {
		t.Errorf("recorded only %v", got)
	}
	if again := w.scan(); len(again) != 0 {
		t.Errorf("said again: %v", again)
	}
}

// TestSubjectsAreWhatIsThere: whatever is written, moved and deleted, what was
// recorded last of each place is what a plain reading of it gives.
func TestSubjectsAreWhatIsThere(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		for i := range 20 {
			w.owners[fmt.Sprintf("user%d@mail.example", i)] = uint32(i)
		}
		files := map[string]map[int]bool{}
		recorded := map[event.Place]map[uint32]bool{}
		for range rapid.IntRange(1, 6).Draw(rt, "readings") {
			for range rapid.IntRange(0, 4).Draw(rt, "writes") {
				name := rapid.SampledFrom([]string{"a.csv", "b/c.txt", "b/d.ndjson", "e.log"}).Draw(rt, "name")
				if files[name] != nil && rapid.Bool().Draw(rt, "remove") {
					w.remove(name)
					delete(files, name)
					continue
				}
				users := rapid.SliceOfDistinct(rapid.IntRange(0, 19), rapid.ID[int]).Draw(rt, "users")
				files[name] = map[int]bool{}
				var text strings.Builder
				text.WriteString("email\n")
				for _, u := range users {
					files[name][u] = true
					fmt.Fprintf(&text, "user%d@mail.example\n", u)
				}
				w.write(name, text.String())
			}
			if len(files) == 0 {
				w.write("keep", "x")
			}
			w.scan()
			for _, b := range eventtest.Of[*event.HoldingScan](w.rec) {
				if b.Part == 1 {
					recorded[b.Table] = map[uint32]bool{}
				}
				for _, r := range b.Subjects {
					for n := r.First; n <= r.Last; n++ {
						recorded[b.Table][n] = true
					}
				}
			}
			maps.DeleteFunc(recorded, func(_ event.Place, s map[uint32]bool) bool { return len(s) == 0 })
			want := map[event.Place]map[uint32]bool{}
			for name, users := range files {
				if len(users) > 0 {
					want[event.Place("www/"+name)] = map[uint32]bool{}
					for u := range users {
						want[event.Place("www/"+name)][uint32(u)] = true
					}
				}
			}
			if diff := cmp.Diff(want, recorded); diff != "" {
				rt.Fatalf("what is there (-), what was recorded last (+):\n%s", diff)
			}
		}
	})
}
