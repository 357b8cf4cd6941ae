package fault

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"sekisho/internal/lang"
)

// TestTable: every code has its three texts, every text a code, and the codes
// ascend.
func TestTable(t *testing.T) {
	want := map[string]bool{}
	for _, c := range Codes {
		for _, part := range []string{".what", ".try", ".help"} {
			want[c.String()+part] = true
			if !texts.Has(c.String() + part) {
				t.Errorf("%s%s has no text", c, part)
			}
		}
	}
	for _, key := range texts.Keys() {
		if !want[key] {
			t.Errorf("text %s has no code", key)
		}
	}
	if !slices.IsSorted(Codes) {
		t.Error("codes do not ascend")
	}
}

func TestRender(t *testing.T) {
	err := fmt.Errorf("start: %w", New(GateListen, "gate", `"orders-db"`, "address", "127.0.0.1:5432").
		At("sekisho.yaml", 41, "gates[2].listen").Because(errors.New("address already in use")))
	for l, want := range map[lang.Language]string{
		lang.English: `sekisho: gate "orders-db" cannot listen on 127.0.0.1:5432: address already in use
  at   sekisho.yaml:41  gates[2].listen
  try  stop the other server, or listen on a free port (SK2101)
`,
		lang.Japanese: `sekisho: ゲート "orders-db" は 127.0.0.1:5432 で待ち受けられません: address already in use
  場所 sekisho.yaml:41  gates[2].listen
  対処 ほかのサーバーを止めるか、空いているポートにしてください (SK2101)
`,
	} {
		var got strings.Builder
		Render(&got, err, l)
		if got.String() != want {
			t.Errorf("%s:\n got %q\nwant %q", l, got.String(), want)
		}
	}
}

func TestFaults(t *testing.T) {
	if got := Faults(os.ErrNotExist); len(got) != 1 || got[0].Code != Internal || !errors.Is(got[0], os.ErrNotExist) {
		t.Errorf("a foreign error: %v", got)
	}
	list := List{New(ConfigMissing, "key", "a", "hint", "b"), New(Usage, "problem", "x", "hint", "y")}
	if got := Faults(fmt.Errorf("load: %w", list)); len(got) != 2 {
		t.Errorf("a list: %v", got)
	}
	if got, ok := ParseCode("sk2101"); !ok || got != GateListen {
		t.Errorf("ParseCode: %v, %v", got, ok)
	}
	if _, ok := ParseCode("SK0001"); ok {
		t.Error("an unknown code was parsed")
	}
}

// TestRecorded: an event holds every reason, and of more than a line can hold how many
// there are.
func TestRecorded(t *testing.T) {
	two := List{New(ConfigMissing, "key", "a", "hint", "b"), New(ConfigMissing, "key", "c", "hint", "d")}
	if got, want := Recorded(two), Problems(two); got != want || !strings.Contains(got, "; ") {
		t.Errorf("got %q, want %q", got, want)
	}
	var many List
	for range 1000 {
		many = append(many, New(ConfigMissing, "key", "databases[0].protect[0].columns", "hint", "b"))
	}
	one, got := many[0].Error(), Recorded(many)
	n := strings.Count(got, one)
	if want := fmt.Sprintf("; and %d more", 1000-n); n < 10 || !strings.HasSuffix(got, want) || len(got) > mostRecorded+len(want) {
		t.Errorf("%d of 1000 in %d bytes, ends with %q, want %q", n, len(got), got[len(got)-20:], want)
	}
	long := New(ConfigMissing, "key", strings.Repeat("関", mostRecorded), "hint", "b")
	if got := Recorded(List{long, two[0]}); len(got) > mostRecorded+20 || !utf8.ValidString(got) || !strings.HasSuffix(got, "; and 1 more") {
		t.Errorf("%d bytes, valid %v, ends with %q", len(got), utf8.ValidString(got), got[len(got)-20:])
	}
}

func TestPhrase(t *testing.T) {
	for _, tt := range []struct{ en, ja string }{
		{"it must be from 1s to 10m0s", "1s から 10m0s まででなければなりません"},
		{"did you mean \"listen\"?", "\"listen\" のことですか"},
		{"name both files", "両方のファイルを書いてください"},
	} {
		if got, ok := Phrase(lang.Japanese, tt.en); got != tt.ja || !ok {
			t.Errorf("%q: %q, %v", tt.en, got, ok)
		}
		if got, ok := Phrase(lang.English, tt.en); got != tt.en || !ok {
			t.Errorf("English changed: %q", got)
		}
	}
	if got, ok := Phrase(lang.Japanese, "never heard of"); got != "never heard of" || ok {
		t.Errorf("unknown phrase: %q, %v", got, ok)
	}
	for _, p := range phrases() {
		if p.Ja == "" || len(hole.FindAllString(p.Ja, -1)) > len(p.names) {
			t.Errorf("phrase %q has no Japanese, or more holes in it", p.En)
		}
	}
}

// TestFaultsOfAll: of errors that were joined none is lost, whatever they are wrapped
// in; a fault is told once, and its cause is part of it.
func TestFaultsOfAll(t *testing.T) {
	a, b, c := New(NotRunning), New(ConsoleForm), New(ConfigUnreadable)
	a.Err = New(KeysOpen)
	plain := errors.New("the disk is full")
	for _, tt := range []struct {
		err  error
		want []*Error
	}{
		{nil, nil},
		{a, []*Error{a}},
		{errors.Join(a, b), []*Error{a, b}},
		{fmt.Errorf("two: %w", errors.Join(plain, List{b, c}, a, b)), []*Error{b, c, a}},
		{errors.Join(List{a}, fmt.Errorf("one: %w", c)), []*Error{a, c}},
	} {
		if got := Faults(tt.err); !slices.Equal(got, tt.want) {
			t.Errorf("%v: %v, want %v", tt.err, got, tt.want)
		}
	}
	if got := Faults(plain); len(got) != 1 || got[0].Code != Internal || !errors.Is(got[0], plain) {
		t.Errorf("%v", got)
	}
	if got := Problems(errors.Join(b, c)); got != b.Error()+"; "+c.Error() {
		t.Errorf("%q", got)
	}
}
