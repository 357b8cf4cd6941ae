package waf

import (
	"math/bits"
	"slices"
	"strings"
	"sync"

	"github.com/corazawaf/coraza/v3/collection"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"

	"sekisho/internal/waf/crs"
)

// groups are the kinds of places that the same rules look at. A group has a
// look of its own: a body or a path need not be asked what is asked of values.
var groups = [...]crs.Kind{
	crs.Args | crs.ArgsNames | crs.Cookies | crs.CookiesNames | crs.XML,
	crs.Headers | crs.CookieHeader | crs.HeadersNames,
	crs.Filename,
	crs.URI | crs.Line | crs.Body | crs.Files | crs.PartHeaders,
	crs.ResponseBody,
}

// looks are the first looks at all places.
type looks struct {
	all  [len(groups)]*look
	pool sync.Pool // of *glances
}

func newLooks(searches []crs.Search) *looks {
	l := &looks{}
	for i, kinds := range groups {
		l.all[i] = newLook(searches, kinds)
	}
	l.pool.New = func() any {
		g := &glances{}
		for i, of := range l.all {
			g.all[i] = newGlance(of)
			for kind := groups[i]; kind != 0; kind &= kind - 1 {
				g.of[bits.TrailingZeros(uint(kind))] = g.all[i]
			}
		}
		return g
	}
	return l
}

// glances are one look at a request or response.
type glances struct {
	all [len(groups)]*glance
	of  [bits.UintSize]*glance // by number of the kind
}

func (l *looks) begin() *glances {
	g := l.pool.Get().(*glances)
	for _, one := range g.all {
		one.begin()
	}
	return g
}

// end returns the rules that were chosen, ascending.
func (l *looks) end(g *glances) []int {
	var ids []int
	for _, one := range g.all {
		ids = one.rules(ids)
	}
	l.pool.Put(g)
	slices.Sort(ids)
	return slices.Compact(ids)
}

// request returns the rules that may match a request, ascending.
func (l *looks) request(v plugintypes.TransactionVariables) []int {
	g := l.begin()
	g.request(v)
	return l.end(g)
}

// response returns the rules that may match the body of a response, ascending.
func (l *looks) response(body []byte) []int {
	g := l.begin()
	g.of[bits.TrailingZeros(uint(crs.ResponseBody))].bytes(crs.ResponseBody, body)
	return l.end(g)
}

// request looks at all values of a request, as the judge has read them.
func (g *glances) request(v plugintypes.TransactionVariables) {
	g.see(crs.Args, v.ArgsGet(), v.ArgsPost(), v.ArgsPath())
	g.see(crs.ArgsNames, v.ArgsGetNames(), v.ArgsPostNames())
	g.see(crs.Cookies, v.RequestCookies())
	g.see(crs.CookiesNames, v.RequestCookiesNames())
	g.see(crs.Filename, v.RequestFilename(), v.RequestBasename())
	g.see(crs.URI, v.RequestURI(), v.RequestURIRaw(), v.QueryString())
	g.see(crs.Line, v.RequestLine())
	g.see(crs.Body, v.RequestBody())
	g.see(crs.HeadersNames, v.RequestHeadersNames())
	g.see(crs.Files, v.Files(), v.FilesNames())
	g.see(crs.PartHeaders, v.MultipartPartHeaders())
	g.see(crs.XML, v.XML(), v.RequestXML())
	for _, m := range v.RequestHeaders().FindAll() {
		kind := crs.Headers
		if strings.EqualFold(m.Key(), "cookie") {
			kind = crs.CookieHeader
		}
		g.of[bits.TrailingZeros(uint(kind))].value(kind, m.Value())
	}
}

func (g *glances) see(kind crs.Kind, from ...collection.Collection) {
	one := g.of[bits.TrailingZeros(uint(kind))]
	for _, c := range from {
		for _, m := range c.FindAll() {
			one.value(kind, m.Value())
		}
	}
}
