package crs

import (
	"slices"
	"strings"

	"sekisho/internal/waf/seclang"
)

// correct changes what is wrong for Japanese sites in a rule as published.
//
// The rules of SQL injection (942…) that put t:utf8toUnicode before
// t:urlDecodeUni keep the low byte of every character and give that to
// libinjection: Japanese prose becomes random bytes, and some of it looks like
// SQL. Without the first step they see the characters, and in exchange an
// engine looks at values with full-width letters folded to ASCII.
//
// Rule 942360 looks for words of SQL that nothing but signs stands before, and
// takes every character of Japanese for a sign: 「宛名はDrop Coffeeで」. It sees the
// signs of ASCII; what is written in full width is folded to them.
//
// Rule 932130 takes <(…) for a substitution of the shell whatever stands in it: a
// bow, <(_ _)>, and <小> (赤/白). It asks for what a command can
// begin with, there or behind what ends another, or for a redirection, which is a
// command by itself: <(<.env). A file's name must end one, as no face does: <(>_<)>.
func correct(r *seclang.Rule) {
	switch r.ID {
	case 942360:
		replace(r, `|^[^A-Z_a-z]+[\s\x0b]*?(`, `|^[\x00-@\x5b-\x5e\x60\x7b-\x7f]+(`)
	case 932130:
		replace(r, `|[<>]\([^\)]+\)|`, `|[<>]\((?:`+command+`[^\)]*|`+redirection+`)\)|`)
	}
	if r.ID/1000 != 942 || !slices.Contains(r.Transforms, "utf8tounicode") {
		return
	}
	r.Transforms = slices.DeleteFunc(r.Transforms, func(t string) bool { return t == "utf8tounicode" })
	r.Text = strings.Replace(r.Text, "t:utf8toUnicode,", "", 1)
}

// The two that a substitution of the shell may hold, for rule 932130.
const (
	command     = `(?:[^\)]*[\s\x0b|&])?(?:[!-\(\*./:?A-\]\x60-~]|[0-9]{1,9}[A-Z_a-z])`
	redirection = `[^\)]*[<>][\s\x0b|&]*[$*./?A-\\\x60-{~][^\s\x0b<>\)]*[\s\x0b|&;]*`
)

// replace puts one part of a rule's argument in place of another. A test sees that
// it was there: the rule set changes.
func replace(r *seclang.Rule, part, by string) {
	r.Argument, r.Text = strings.Replace(r.Argument, part, by, 1), strings.Replace(r.Text, part, by, 1)
}
