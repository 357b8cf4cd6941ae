package strictyaml

import (
	"errors"
	"strings"
	"testing"
)

type rules struct {
	Names []string       `yaml:"names"`
	Count int            `yaml:"count"`
	By    map[string]int `yaml:"by"`
}

func TestUnmarshal(t *testing.T) {
	var r rules
	if err := Unmarshal([]byte("names: [a, b]\ncount: 3\nby: {x: 1}\n"), &r); err != nil || len(r.Names) != 2 || r.Count != 3 || r.By["x"] != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	for text, want := range map[string]string{
		"names: [a]\nother: 1\n": "unknown field",
		"count: 1\ncount: 2\n":   "already defined",
		"names: [a":              "1:8",
		"names: " + strings.Repeat("[", maxNesting+1) + "\n": "line 1: the text could be nested too deep",
		"count: 1\nnames: " + strings.Repeat("- ", 100):      "line 2: the text could be nested too deep",
	} {
		if err := Unmarshal([]byte(text), new(rules)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
	if err := Unmarshal([]byte("names:\n ! 0"), new(rules)); !errors.Is(err, ErrTag) {
		t.Errorf("a tag that does not fit: %v", err)
	}
}

// FuzzUnmarshal: no text ends the process.
func FuzzUnmarshal(f *testing.F) {
	for _, text := range []string{"names: [a, b]\ncount: 3\n", "names:\n ! 0", "by: {? [a]: 1}", "names: &a [*a]", "- - - - x", "a: !!binary x", "<<: *x"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var first, second rules
		if a, b := Unmarshal(text, &first), Unmarshal(text, &second); (a == nil) != (b == nil) {
			t.Errorf("%v, then %v", a, b)
		}
	})
}
