package lang

import (
	"strings"
	"testing"
)

func TestDetect(t *testing.T) {
	for _, tt := range []struct {
		env  map[string]string
		want Language
	}{
		{nil, English},
		{map[string]string{"LANG": "ja_JP.UTF-8"}, Japanese},
		{map[string]string{"LANG": "ja_JP.UTF-8", "LC_ALL": "C"}, English},
		{map[string]string{"LANG": "en_GB.UTF-8", "LC_MESSAGES": "ja"}, Japanese},
		{map[string]string{"LANG": "fr_FR.UTF-8"}, English},
		{map[string]string{"LC_ALL": "", "LANG": "ja-JP"}, Japanese},
	} {
		if got := Detect(func(k string) string { return tt.env[k] }); got != tt.want {
			t.Errorf("Detect(%v) = %s, want %s", tt.env, got, tt.want)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"a: {en: x}\n", "must have exactly ja and en"},
		{"a: {en: x, ja: y, fr: z}\n", "must have exactly ja and en"},
		{"a: {en: 'x {n}', ja: y}\n", "ja has [], en has [{n}]"},
		{"a: {en: x, ja: y}\na: {en: x, ja: y}\n", "already"},
	} {
		if _, err := Load([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Load(%q) = %v, want %q", tt.text, err, tt.want)
		}
	}
}

func TestText(t *testing.T) {
	c := MustLoad([]byte("hit:\n  en: '{n} of {all}'\n  ja: '{all}名中{n}名'\n"))
	if got := c.In(Japanese).Text("hit", "n", 1, "all", Count(12345)); got != "12,345名中1名" {
		t.Errorf("ja: %q", got)
	}
	if got := c.In(English).Text("hit", "n", 1, "all", 2); got != "1 of 2" {
		t.Errorf("en: %q", got)
	}
	if got := c.In(English).Text("miss"); got != "!miss!" {
		t.Errorf("missing key: %q", got)
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}
