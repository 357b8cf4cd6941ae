// Package crs knows the OWASP Core Rule Set as far as a first look at a
// request must: for each rule that searches values, where it looks, through
// which transformations, and which literals a value needs for the rule to
// match at all. It judges nothing; rules whose condition cannot be told by
// literals are left to the judge, and [Table.Rest] names them.
//
// The table is derived from the rule set by the program in gen and kept in
// table.txt, so that a change of the rule set shows as a change of the table;
// a test holds the two together.
//
//go:generate go run ./gen
package crs

import (
	"strings"

	"sekisho/internal/waf/required"
)

// Kind is a set of places of a request or response where values stand.
type Kind uint32

// The places, named after the variables of the rule language.
const (
	Args Kind = 1 << iota // ARGS and its parts
	ArgsNames
	Cookies
	CookiesNames
	Filename // REQUEST_FILENAME, REQUEST_BASENAME
	URI      // REQUEST_URI, REQUEST_URI_RAW, QUERY_STRING
	Line     // REQUEST_LINE
	Body     // REQUEST_BODY
	Headers  // REQUEST_HEADERS but for Cookie
	CookieHeader
	HeadersNames
	Files // FILES, FILES_NAMES
	PartHeaders
	XML
	ResponseBody
)

var kindNames = []struct {
	name string
	kind Kind
}{
	{"args", Args}, {"args-names", ArgsNames}, {"cookies", Cookies}, {"cookies-names", CookiesNames},
	{"filename", Filename}, {"uri", URI}, {"line", Line}, {"body", Body}, {"headers", Headers},
	{"cookie-header", CookieHeader}, {"headers-names", HeadersNames}, {"files", Files},
	{"part-headers", PartHeaders}, {"xml", XML}, {"response-body", ResponseBody},
}

// String writes the names of a set with commas.
func (k Kind) String() string {
	var names []string
	for _, n := range kindNames {
		if k&n.kind != 0 {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, ",")
}

// kindOf returns where a target of a rule looks; 0 for one that is no plain
// search of values.
func kindOf(target string) Kind {
	name, key, _ := strings.Cut(target, ":")
	switch name {
	case "ARGS", "ARGS_GET", "ARGS_POST":
		return Args
	case "ARGS_NAMES", "ARGS_GET_NAMES", "ARGS_POST_NAMES":
		return ArgsNames
	case "REQUEST_COOKIES":
		return Cookies
	case "REQUEST_COOKIES_NAMES":
		return CookiesNames
	case "REQUEST_FILENAME", "REQUEST_BASENAME":
		return Filename
	case "REQUEST_URI", "REQUEST_URI_RAW", "QUERY_STRING":
		return URI
	case "REQUEST_LINE":
		return Line
	case "REQUEST_BODY":
		return Body
	case "REQUEST_HEADERS":
		switch key {
		case "":
			return Headers | CookieHeader
		case "Cookie":
			return CookieHeader
		}
		return Headers
	case "REQUEST_HEADERS_NAMES":
		return HeadersNames
	case "FILES", "FILES_NAMES":
		return Files
	case "MULTIPART_PART_HEADERS":
		return PartHeaders
	case "XML":
		return XML
	case "RESPONSE_BODY":
		return ResponseBody
	}
	return 0
}

// Search is one rule that a first look can answer for.
type Search struct {
	// ID is the number of the rule, Paranoia the level it belongs to (1 to 4).
	ID, Paranoia int
	// Kinds are where it looks; more than the rule does, never less.
	Kinds Kind
	// Chains are the lists of transformations after which it looks: one, or
	// every beginning of it, the empty one too, for a rule with multiMatch.
	Chains [][]string
	// Library is "sqli" or "xss" for a rule that asks libinjection, and then
	// there is no formula.
	Library string
	// Formula is what a value needs.
	Formula *required.Formula
	// Erase, with Erased, are the bytes to remove from a value that satisfies
	// the formula, and what it needs then; Erased is nil for none.
	Erase  required.Bytes
	Erased *required.Formula
	// Expression is the regular expression to confirm with, "" for none; Bytes
	// says that its characters are bytes (rsc.io/binaryregexp).
	Expression string
	Bytes      bool
}

// Table is what is known of a rule set.
type Table struct {
	// Version is that of the rule set, "OWASP_CRS/4.25.0".
	Version  string
	Searches []Search
	// Rest are the numbers of the rules of requests and responses that only
	// the judge can answer for, ascending.
	Rest []int
}
