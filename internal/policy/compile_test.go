package policy

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBadFiles: one file per rule of the format; its first line is a comment
// with the expected path and text.
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 15 {
		t.Fatalf("bad files: %d, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		want := strings.TrimPrefix(first, "# ")
		src, err := Parse(text)
		if err == nil {
			_, err = Compile(src)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", file, err, want)
		}
	}
}

func TestDigest(t *testing.T) {
	parse := func(text string) *Policy {
		src, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		p, err := Compile(src)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	a := parse("generation: 1\ndefault: deny\npurposes: {x: one, a: two}\n")
	b := parse("# a comment\npurposes: {a: two, x: one}\ndefault: 'deny'\ngeneration: 1\n")
	c := parse("generation: 1\ndefault: allow\npurposes: {x: one, a: two}\n")
	d := parse("generation: 2\ndefault: allow\n")
	if a.Digest() != b.Digest() || a.Digest() == c.Digest() || len(a.Digest()) != 64 {
		t.Errorf("digests: %s %s %s", a.Digest(), b.Digest(), c.Digest())
	}
	if got := string(shop(t).Digest()); got != frozenShop {
		t.Errorf("the canonical form changed: digest %s, want %s", got, frozenShop)
	}
	if a.Supersedes(b) != nil || d.Supersedes(a) != nil || a.Supersedes(nil) != nil {
		t.Error("the same, a newer or a first policy was refused")
	}
	e := c.Supersedes(a)
	if e == nil || !strings.Contains(e.Try, "2") || a.Supersedes(d) == nil {
		t.Errorf("a change without a new generation was taken: %v", e)
	}
}

func TestOpen(t *testing.T) {
	p := Open()
	if d := p.Decide(read("x", "192.0.2.1", customers, 1)); d.Refused() || d.Rule != "default" {
		t.Errorf("open policy: %+v", d)
	}
	if d := p.Decide(with(read("x", "192.0.2.1", ""), func(r *Request) { r.Channel = Program })); !d.Refused() {
		t.Errorf("open policy opens COPY PROGRAM: %+v", d)
	}
}

func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("testdata/shop.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("generation: 1\nrules: [{name: a, elements: ['*'], action: allow}]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		src, err := Parse(text)
		if err != nil {
			return
		}
		p, err := Compile(src)
		if err != nil {
			if e := (*Error)(nil); !errors.As(err, &e) || e.Path == "" || e.Try == "" {
				t.Fatalf("error without place or advice: %v", err)
			}
			return
		}
		// A policy decides the same twice, and a refusal always has a rule.
		r := read("shop_app", "10.0.0.5", customers, 1, 5)
		if a, b := p.Decide(r), p.Decide(r); a.Action != b.Action || a.Rule != b.Rule || a.Rule == "" {
			t.Fatalf("%+v and %+v", a, b)
		}
	})
}
