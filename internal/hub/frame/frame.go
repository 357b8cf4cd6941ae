// Package frame is what a hub and a remote gate say to each other: JSON over
// HTTP/2 with certificates of the hub's own authority on both sides.
//
//	POST /v1/join      Join → Joined     once, with a token instead of a certificate
//	POST /v1/renew     Renew → Renewed   before the certificate ends
//	GET  /v1/stream    → Frames          one a line, for ever: orders, policies, signs of life
//	POST /v1/receipts  Receipts          answers to an order
//	POST /v1/order     Order             in force at the gate, and not known to the hub
//	GET  /v1/seen      → Seen            under which address the hub sees the gate
//	GET  /v1/heads     → Heads           how far the gate's record is at the hub
//	POST /v1/lines     lines → Taken     of its ledger, after those heads; on disk when it answers
//
// It holds the shapes and the token only; package hub serves, package site
// asks.
package frame

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Frame is one line of the stream.
type Frame struct {
	Order string `json:"order,omitempty"` // signed text; empty: a sign of life
	// Generation is in the first frame the one that follows, 0 for none.
	Generation uint64 `json:"generation,omitempty"`
	// Policy is a policy of what leaves, signed.
	Policy string `json:"policy,omitempty"`
}

const (
	// Beat is the time between two signs of life in a quiet stream.
	Beat = 3 * time.Second
	// Silence is after how long without any frame the other side is gone.
	Silence = 10 * time.Second
	// MaxBody is the largest body of a request, in bytes.
	MaxBody = 8 << 20
)

// Join asks to become a remote gate.
type Join struct {
	Site    string `json:"site"`
	Secret  string `json:"secret"`
	Request string `json:"request"` // certificate request, PEM
	Key     string `json:"key"`     // verifies receipts
}

// Joined is the answer.
type Joined struct {
	Tenant string `json:"tenant"`
	Cert   string `json:"certificate"` // PEM
	Root   string `json:"root"`        // PEM
	Orders string `json:"orders"`      // verifies orders
}

// Renew asks for a new certificate under the old one.
type Renew struct {
	Request string `json:"request"`
}

// Renewed is the answer.
type Renewed struct {
	Cert string `json:"certificate"`
}

// Receipts answer an order.
type Receipts struct {
	Generation uint64   `json:"generation"`
	Receipts   []string `json:"receipts"`         // signed texts
	Failed     []Failed `json:"failed,omitempty"` // gates that did not take it
}

// Order is the order in force at a gate, as the hub signed it.
type Order struct {
	Text string `json:"text"`
}

// Failed is a gate that did not take an order.
type Failed struct {
	Gate    string `json:"gate"`
	Problem string `json:"problem"`
}

// Head is the end of a chain of a gate's ledger, as the hub holds it.
type Head struct {
	Source string `json:"source"`
	Worker uint16 `json:"worker"`
	Seq    uint64 `json:"seq"`
}

// Heads are those of a site.
type Heads struct {
	Heads []Head `json:"heads"`
}

// Seen is the address that a request came from.
type Seen struct {
	Address string `json:"address"`
}

// Taken says how many lines a request had; the hub has them all on disk.
type Taken struct {
	Lines int `json:"lines"`
}

// MaxLines is the largest body of lines, in bytes. A line has at most 64 KiB.
const MaxLines = 1 << 20

// Of returns a name as the whole firm has it: NAME@SITE. Names in configurations
// have no @.
func Of(name, site string) string {
	if site == "" {
		return name
	}
	return name + "@" + site
}

// SiteOf returns whose name it is: empty for the hub's own.
func SiteOf(name string) string {
	_, site, _ := strings.Cut(name, "@")
	return site
}

// ways are the first words of places that are no databases: the name comes second.
var ways = []string{"egress/", "resolver/", "web/"}

// SiteOfPlace returns whose place it is: "osaka" of "shop@osaka/public.customers"
// and of "egress/out@osaka", empty for the hub's own. An @ further on belongs to
// the name of a table or file.
func SiteOfPlace(place string) string {
	for _, way := range ways {
		if rest, ok := strings.CutPrefix(place, way); ok {
			place = rest
			break
		}
	}
	name, _, _ := strings.Cut(place, "/")
	return SiteOf(name)
}

// SiteOfSubjects returns whose subjects a source numbers: "osaka" of
// "shop@osaka.customers", empty for the hub's own.
func SiteOfSubjects(source string) string {
	name, _, _ := strings.Cut(source, ".")
	return SiteOf(name)
}

// Token lets one gate join, once.
type Token struct {
	Hub    string `json:"hub"` // https://host:port
	Site   string `json:"site"`
	Secret string `json:"secret"`
	Root   string `json:"root"` // SHA-256 of the authority's certificate, hex
}

const tokenHead = "sekisho-join-1."

// String is the token as people carry it. It is secret until it is used.
func (t *Token) String() string {
	text, err := json.Marshal(t)
	if err != nil {
		panic("frame: " + err.Error()) // strings always encode
	}
	return tokenHead + base64.RawURLEncoding.EncodeToString(text)
}

// ParseToken reads a token. Its error holds nothing of it.
func ParseToken(text string) (*Token, error) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), tokenHead)
	raw, err := base64.RawURLEncoding.DecodeString(rest)
	t := new(Token)
	if !ok || err != nil || json.Unmarshal(raw, t) != nil || t.Hub == "" || t.Site == "" || t.Secret == "" || t.Root == "" {
		return nil, errors.New("this is no token of `sekisho hub token`")
	}
	return t, nil
}
