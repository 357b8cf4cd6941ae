package exit

import "testing"

func TestShown(t *testing.T) {
	for name, want := range map[string][2]string{
		"www.example.co.jp": {"www.example.co.jp", "example.co.jp"},
		"example.co.jp":     {"example.co.jp", "example.co.jp"},
		"co.jp":             {"co.jp", "co.jp"},
		"localhost":         {"localhost", "localhost"},
		"a.b.corp.internal": {"a.b.corp.internal", "corp.internal"},
		"4e6f727468706f6c65206f662074686520736561.t.evil.example": {":x.t.evil.example", "evil.example"},
		"09012345678.evil.example":                                {":x.evil.example", "evil.example"},
		"r4.cdn-12.example.com":                                   {"r4.cdn-12.example.com", "example.com"},
		"a.b.c.d.e.f.g.h.i.j.example.com":                         {"….c.d.e.f.g.h.i.j.example.com", "example.com"},
		"09012345678":                                             {":x", ":x"},
		"":                                                        {"", ""},
	} {
		if shown, base := Shown(name); shown != want[0] || base != want[1] {
			t.Errorf("%s: %q, %q; want %q", name, shown, base, want)
		}
	}
}
