package filehold

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"sekisho/internal/datamap/document"
	"sekisho/internal/event"
)

// store is a document.Store of what a test says.
type store []document.Object

// Walk implements document.Store.
func (s store) Walk(_ context.Context, visit func(document.Object) error) error {
	for _, o := range s {
		if err := visit(o); err != nil {
			return err
		}
	}
	return nil
}

// said is a content: a text, and a trouble.
type said struct {
	text    string
	trouble document.Trouble
}

// Read implements document.Content.
func (c said) Read(ctx context.Context, r *document.Reader, sink document.Sink) (bool, error) {
	if c.trouble != 0 {
		sink.Trouble("", c.trouble, "")
	}
	return false, r.ReadStream(ctx, "x.csv", strings.NewReader(c.text), sink)
}

// Sum implements document.Content.
func (c said) Sum(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, c.text)
	return err
}

func object(name string, id int64, text string, trouble document.Trouble) document.Object {
	return document.Object{Path: document.Name(name), Raw: name, Size: int64(len(text)), Identity: [4]int64{id}, Content: said{text, trouble}}
}

// TestUnreadIsNotGone: who was in a file that cannot be read any more, or lies in a
// folder that cannot, is there until somebody has looked.
func TestUnreadIsNotGone(t *testing.T) {
	w := newWorld(t)
	w.owners["taro@mail.example"] = 7
	read := func(all ...document.Object) []string {
		w.tree.cfg.Store = store(all)
		return w.scan()
	}
	const text = "氏名,メールアドレス\n山田 太郎,taro@mail.example\n"
	other := object("z.csv", 9, "x", 0)
	if got := read(object("a.csv", 1, text, 0), object("d/b.csv", 2, text, 0), other); len(got) != 2 {
		t.Fatalf("at first: %q", got)
	}
	ends := func(got []string, place string) bool {
		return slices.ContainsFunc(got, func(l string) bool { return strings.HasPrefix(l, place+" ") && strings.HasSuffix(l, " of 0") })
	}
	tells := func(got []string, place string) bool {
		return slices.ContainsFunc(got, func(l string) bool { return strings.HasPrefix(l, "SK3201 "+place+" ") })
	}
	for i, trouble := range []document.Trouble{document.Denied, document.Locked, document.Failed, document.Encrypted, document.Damaged} {
		a := object("a.csv", int64(10+i), "", trouble)
		if trouble == document.Denied {
			a.Trouble, a.Content = trouble, nil
		}
		d := document.Object{Path: "d", Raw: "d", Size: -1, Trouble: document.Failed}
		got := read(a, d, other)
		if ends(got, "www/a.csv") || ends(got, "www/d/b.csv") {
			t.Errorf("%v: what was not read was taken for gone: %q", trouble, got)
		}
		if !tells(got, "www/a.csv") {
			t.Errorf("%v: not told: %q", trouble, got)
		}
	}
	if got := read(object("a.csv", 20, "メールアドレス\nsomebody@mail.example\n", document.Damaged), object("d/b.csv", 2, text, 0), other); ends(got, "www/a.csv") {
		t.Errorf("half a file: %q", got)
	}
	hidden := document.Object{Path: ".", Trouble: document.Denied}
	if got := read(hidden, other); ends(got, "www/a.csv") || ends(got, "www/d/b.csv") {
		t.Errorf("what may be hidden was taken for gone: %q", got)
	}
	if got := read(object("a.csv", 21, "x", 0), other); !ends(got, "www/a.csv") || !ends(got, "www/d/b.csv") {
		t.Errorf("what was read and is not there any more: %q", got)
	}
}

// TestNamesThatAreShownAlike: two files whose names are shown alike are two places, and
// one called "." is no folder.
func TestNamesThatAreShownAlike(t *testing.T) {
	w := newWorld(t)
	names := []string{"a\n.csv", "a\x01.csv", "a\xff.csv", "a\ufffd.csv", "\x8c\xda\x8bq.csv", "顧客.csv", "d\n/x.csv", "d\x02/x.csv", ".", "a.csv"}
	var all store
	for i, name := range names {
		all = append(all, object(name, int64(i+1), "メールアドレス\nuser@mail.example\n", 0))
	}
	w.tree.cfg.Store = all
	places := map[string]bool{}
	for _, line := range w.scan() {
		place, _, _ := strings.Cut(line, " ")
		places[place] = true
		if strings.ContainsAny(line, "\n\x01\x02") {
			t.Errorf("a control character in %q", line)
		}
	}
	if len(places) != len(names) || !places["www/a.csv"] || !places["www/顧客.csv"] {
		t.Errorf("%d files are %d places: %v", len(names), len(places), places)
	}
}

// TestBelow: what lies in a folder that could not be looked into is known by its path,
// however many such folders there are.
func TestBelow(t *testing.T) {
	w := newWorld(t)
	const folders = 200_000
	w.tree.closed = map[event.Place]bool{}
	for i := range folders {
		w.tree.closed[event.Place(fmt.Sprintf("www/users/%06d", i))] = true
	}
	for i := range folders {
		if in := event.Place(fmt.Sprintf("www/users/%06d/a/b.csv", i)); !w.tree.below(in) {
			t.Fatalf("%s is not below", in)
		}
	}
	for place, want := range map[event.Place]bool{"www/users/x/a.csv": false, "www/users/0000000/a.csv": false, "www/users/000001": false, "www/~0123abcd": true, "www/users/~0123abcd.csv": false} {
		if w.tree.below(place) != want {
			t.Errorf("%s is below: %v", place, !want)
		}
	}
	w.tree.closed = map[event.Place]bool{"www": true}
	if !w.tree.below("www/users/x/a.csv") || w.tree.below("wwww/x") {
		t.Error("the whole tree")
	}
	if w.tree.closed = nil; w.tree.below("www/~0123abcd") {
		t.Error("nothing is closed")
	}
}
