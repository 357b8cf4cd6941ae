package waf

import (
	"strings"

	"github.com/corazawaf/coraza/v3/collection"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"

	"sekisho/internal/waf/crs"
)

// request looks at all values of a request, as the judge has read them.
func (g *glance) request(v plugintypes.TransactionVariables) {
	g.all(crs.Args, v.ArgsGet(), v.ArgsPost(), v.ArgsPath())
	g.all(crs.ArgsNames, v.ArgsGetNames(), v.ArgsPostNames())
	g.all(crs.Cookies, v.RequestCookies())
	g.all(crs.CookiesNames, v.RequestCookiesNames())
	g.all(crs.Filename, v.RequestFilename(), v.RequestBasename())
	g.all(crs.URI, v.RequestURI(), v.RequestURIRaw(), v.QueryString())
	g.all(crs.Line, v.RequestLine())
	g.all(crs.Body, v.RequestBody())
	g.all(crs.HeadersNames, v.RequestHeadersNames())
	g.all(crs.Files, v.Files(), v.FilesNames())
	g.all(crs.PartHeaders, v.MultipartPartHeaders())
	g.all(crs.XML, v.XML(), v.RequestXML())
	for _, m := range v.RequestHeaders().FindAll() {
		kind := crs.Headers
		if strings.EqualFold(m.Key(), "cookie") {
			kind = crs.CookieHeader
		}
		g.value(kind, m.Value())
	}
}

func (g *glance) all(kind crs.Kind, from ...collection.Collection) {
	for _, c := range from {
		for _, m := range c.FindAll() {
			g.value(kind, m.Value())
		}
	}
}
