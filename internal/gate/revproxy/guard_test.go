package revproxy

import (
	"strings"
	"testing"
)

// A card number in a form is found however the form was written.
func TestCardInAForm(t *testing.T) {
	const kind = "application/x-www-form-urlencoded; charset=UTF-8"
	g := newGuard()
	for _, c := range []struct {
		body string
		want bool
	}{
		{"n=4111+1111+1111+1111", true},
		{"n=4111111111111111&name=%E5%B1%B1%E7%94%B0", true},
		{"n=%34%31%31%31%31%31%31%31%31%31%31%31%31%31%31%31", true},
		{"n=%2534%2531%2531%2531111111111111", true}, // encoded twice
		{"n=%EF%BC%94%EF%BC%91%EF%BC%91%EF%BC%91111111111111", true},
		{"%FF%FEn=1&n=4111111111111111", true}, // not a mark of UTF-16
		{"%00n%00=&n=4111111111111111", true},
		{"%1B%24B=1&n=4111111111111111", true}, // not an escape sequence
		{"n=%8F%5C&m=4111111111111111", true},  // Shift_JIS
		{"n=4111111111111112", false},
		{"n=%E4%B8%80&m=09012345678&c=%", false},
		{"", false},
	} {
		if got := g.whole(g.plain(kind, []byte(c.body))); got != c.want {
			t.Errorf("%q: %v, want %v", c.body, got, c.want)
		}
	}
}

// Whatever writing of digits the scanner reads is looked at, and the shortest
// number in it.
func TestFewDigits(t *testing.T) {
	g := newGuard()
	for _, four := range []string{"4", "４", "\x82\x53", `\u0034`, `\uff14`, "%34", "%EF%BC%94", "&#52;", "&#x34;", "&#65300;"} {
		for _, rest := range []string{"222222222222", "222-222-222-222", "2222 2222 2222"} {
			if text := four + rest; !mayHold([]byte(text)) {
				t.Errorf("%q is not looked at", text)
			}
		}
		if number := four + "111" + strings.Repeat("1111", 3); !g.whole([]byte(number)) {
			t.Errorf("%q is not found", number)
		}
	}
	if text := "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"; mayHold([]byte(text)) {
		t.Errorf("%q is looked at", text)
	}
}
