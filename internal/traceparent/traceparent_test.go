package traceparent

import (
	"net/url"
	"strings"
	"testing"
)

const (
	id    = "4bf92f3577b34da6a3ce929d0e0e4736"
	whole = "00-" + id + "-00f067aa0ba902b7-01"
	other = "00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01"
)

func TestOf(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"version 00", whole, id},
		{"a later version", "cc" + whole[2:], id},
		{"a later version with more", "01" + whole[2:] + "-what-comes", id},
		{"a later version that runs on", "01" + whole[2:] + "x", ""},
		{"version 00 with more", whole + "-00", ""},
		{"the version that is none", "ff" + whole[2:], ""},
		{"upper case", strings.ToUpper(whole), ""},
		{"a trace of zeros", "00-" + strings.Repeat("0", 32) + whole[35:], ""},
		{"a parent of zeros", whole[:36] + strings.Repeat("0", 16) + "-01", ""},
		{"no flags", whole[:52], ""},
		{"flags that are none", whole[:53] + "zz", ""},
		{"a version that is none", "0x" + whole[2:], ""},
		{"no digit in the trace", "00-" + id[:31] + "g" + whole[35:], ""},
		{"no digit in the parent", whole[:51] + "g-01", ""},
		{"other dashes", strings.ReplaceAll(whole, "-", "_"), ""},
		{"nothing", "", ""},
	} {
		if got := Of(c.value).String(); got != c.want {
			t.Errorf("%s: Of(%q) = %q, want %q", c.name, c.value, got, c.want)
		}
	}
}

func TestNamed(t *testing.T) {
	for text, want := range map[string]string{
		id: id, strings.ToUpper(id): id, " " + whole + "\n": id,
		id[:31]: "", id + "0": "", strings.Repeat("0", 32): "", strings.Repeat("x", 32): "", "": "",
	} {
		if got := Named(text).String(); got != want {
			t.Errorf("Named(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestInSQL(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"as the specification shows it", "SELECT * FROM FOO /*action='%2Fparam*d',controller='index',framework='spring',\ntraceparent='" + whole + "',\ntracestate='congo%3Dt61rcWkgMzE%2Crojo%3D00f067aa0ba902b7'*/", id},
		{"alone", "SELECT 1/*traceparent='" + whole + "'*/", id},
		{"before the semicolon", "SELECT 1 /*traceparent='" + whole + "'*/ ; \r\n", id},
		{"after the semicolon", "SELECT 1; /*traceparent='" + whole + "'*/\n", id},
		{"at the beginning", "\n/*dddbs='shop',traceparent='" + whole + "'*/ SELECT 1", id},
		{"at both ends", "/*traceparent='" + other + "'*/ SELECT 1 /*traceparent='" + whole + "'*/", id},
		{"at the beginning, with another at the end", "/*traceparent='" + whole + "'*/ SELECT 1 /*route='x'*/", id},
		{"escaped", "SELECT 1 /*traceparent='" + strings.ReplaceAll(whole, "-", "%2D") + "'*/", id},
		{"without quotes", "SELECT 1 /* traceparent=" + whole + " */", id},
		{"spaces", "SELECT 1 /* a = 'b' , traceparent = '" + whole + "' */", id},
		{"a value with a quote before it", `SELECT 1 /*name='it%20\'s',traceparent='` + whole + "'*/", id},
		{"with something like a comment in a string", "SELECT '/*' /*traceparent='" + whole + "'*/", id},
		{"only a comment", "/*traceparent='" + whole + "'*/", id},
		{"in the middle", "SELECT /*traceparent='" + whole + "'*/ 1", ""},
		{"in a string at the end", "SELECT '/*traceparent=" + whole + "*/'", ""},
		{"another key", "SELECT 1 /*xtraceparent='" + whole + "'*/", ""},
		{"not a value", "SELECT 1 /*traceparent='00-" + id + "'*/", ""},
		{"broken escape", "SELECT 1 /*traceparent='" + whole[:50] + "%zz'*/", ""},
		{"no pairs", "SELECT 1 /* traceparent */", ""},
		{"too long", "SELECT 1 /*a='" + strings.Repeat("x", maxComment) + "',traceparent='" + whole + "'*/", ""},
		{"too long at the beginning", "/*traceparent='" + whole + "',a='" + strings.Repeat("x", maxComment) + "'*/ SELECT 1", ""},
		{"one that never begins", "SELECT 1 */", ""},
		{"one that never ends", "/*traceparent='" + whole + "'", ""},
		{"no comment", "SELECT 1", ""},
		{"the shortest", "/*/", ""},
		{"empty", "/**/", ""},
		{"nothing", "", ""},
	} {
		if got := InSQL([]byte(c.text)).String(); got != c.want {
			t.Errorf("%s: InSQL(%.80q) = %q, want %q", c.name, c.text, got, c.want)
		}
	}
}

func TestInName(t *testing.T) {
	for name, want := range map[string]string{
		whole: id, "web " + whole: id, "web=" + whole: id, "web-" + whole: id, "予約 " + whole: id, "'" + whole + "'": id,
		whole[:54]: "", whole + "0": "", "0" + whole: "", "web": "", "": "", ("traceparent=" + whole)[:63]: "", strings.ToUpper(whole): "", "g" + strings.Repeat("-", 60): "",
	} {
		if got := InName(name).String(); got != want {
			t.Errorf("InName(%q) = %q, want %q", name, got, want)
		}
	}
}

// A statement without a comment costs no memory, and neither does its length.
func TestInSQLAllocatesNothing(t *testing.T) {
	text := []byte("SELECT id, name FROM customers WHERE id = $1 -- " + strings.Repeat("*", 1<<16))
	if n := testing.AllocsPerRun(100, func() { InSQL(text) }); n != 0 {
		t.Errorf("%v allocations for a statement without a comment", n)
	}
}

// Whatever stands before it, a comment at the end is read; what is read is a
// trace that stands in the text.
func FuzzInSQL(f *testing.F) {
	for _, text := range []string{"", "SELECT 1", "/*", "*/", "/*/", "SELECT 1;", "/*traceparent='" + other + "'*/ SELECT 1", "SELECT 1 -- /* x */", "traceparent=%", "/*,=,traceparent=*/"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if got := InSQL(append(append([]byte{}, text...), " /*traceparent='"+whole+"'*/ ;"...)).String(); got != id {
			t.Fatalf("%q before the comment: %q", text, got)
		}
		got := InSQL(text)
		if got == (ID{}) {
			return
		}
		plain, err := url.PathUnescape(string(text))
		if err == nil && !strings.Contains(plain, got.String()) {
			t.Fatalf("%s is not in %q", got, text)
		}
	})
}
