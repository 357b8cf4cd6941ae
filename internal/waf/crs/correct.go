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
func correct(r *seclang.Rule) {
	if r.ID/1000 != 942 || !slices.Contains(r.Transforms, "utf8tounicode") {
		return
	}
	r.Transforms = slices.DeleteFunc(r.Transforms, func(t string) bool { return t == "utf8tounicode" })
	r.Text = strings.Replace(r.Text, "t:utf8toUnicode,", "", 1)
}
