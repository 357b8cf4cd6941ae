package fault

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

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
