package waf_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"sekisho/internal/waf"
)

// BenchmarkRequest judges ordinary requests, each with a text of its own.
func BenchmarkRequest(b *testing.B) {
	engine, err := waf.New(waf.Config{})
	if err != nil {
		b.Fatal(err)
	}
	const variants = 50
	ja := "このたびは貴社の宿泊プランについてお伺いしたくご連絡いたしました。来月の三連休に大人二名と子ども一名で伺う予定です。"
	ascii := "I would like to ask about your plans for the coming holidays. We would prefer a room with a view of the sea. "
	long := func(text string, i int) string {
		var s strings.Builder
		for n := 0; s.Len() < 1800; n++ {
			fmt.Fprintf(&s, "%s(%d-%d)", text, i, n)
		}
		return s.String()
	}
	form := func(text string) func(i int) *waf.Request {
		return func(i int) *waf.Request {
			v := url.Values{"name": {"山田 太郎"}, "email": {"taro@example.jp"}, "subject": {"お問い合わせ"}, "comment": {long(text, i)}}
			return ordinary("POST", "/contact", "application/x-www-form-urlencoded", v.Encode())
		}
	}
	for name, make := range map[string]func(i int) *waf.Request{
		"form_ja": form(ja), "form_ascii": form(ascii),
		"json": func(i int) *waf.Request {
			return ordinary("POST", "/api/bookings", "application/json", fmt.Sprintf(`{"guest":{"name":"山田 太郎","note":%q},"nights":%d,"rooms":["和室","洋室"]}`, long(ja, i), i%7))
		},
		"get": func(i int) *waf.Request {
			return ordinary("GET", "/plans?area="+url.QueryEscape("札幌")+fmt.Sprintf("&page=%d&sort=price", i), "", "")
		},
	} {
		var all []*waf.Request
		for i := range variants {
			all = append(all, make(i))
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if v, err := engine.Request(all[i%variants]); err != nil || v.Attack {
					b.Fatal(v, err)
				}
			}
		})
	}
}

// ordinary is a request as a browser sends it.
func ordinary(method, target, contentType, body string) *waf.Request {
	r := &waf.Request{Method: method, URI: target, Protocol: "HTTP/1.1", Client: "192.0.2.7", Body: []byte(body), Headers: []waf.Header{
		{Name: "Host", Value: "shop.example.jp"}, {Name: "User-Agent", Value: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"},
		{Name: "Accept", Value: "text/html,*/*"}, {Name: "Accept-Language", Value: "ja"}, {Name: "Accept-Encoding", Value: "gzip"},
	}}
	if body != "" {
		r.Headers = append(r.Headers, waf.Header{Name: "Content-Type", Value: contentType}, waf.Header{Name: "Content-Length", Value: fmt.Sprint(len(body))})
	}
	return r
}
