package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"

	"sekisho/internal/waf"
)

//go:embed corpus/injections.txt
var injections string

//go:embed corpus/ordinary.txt
var ordinary string

//go:embed corpus/odd.txt
var odd string

// handmade sends the injections of corpus/injections.txt, each in its place, and
// what only looks like one.
func (e *evaluation) handmade() error {
	sent, found, published := 0, 0, 0
	err := eachLine(injections, func(line string) error {
		place, text, ok := strings.Cut(line, " ")
		requests := placed(place, text)
		if !ok || requests == nil {
			return fmt.Errorf("corpus/injections.txt: %q names no place", line)
		}
		for _, r := range requests {
			got, want, err := e.both(r)
			if err != nil {
				return err
			}
			theirs, err := e.published.Request(r)
			if err != nil {
				return err
			}
			sent++
			found, published = found+one(got.Attack), published+one(theirs.Attack)
			if e.list && (!got.Attack || theirs.Attack && !got.Attack) {
				fmt.Printf("not found (the whole rule set %d, as published %d): %s\n", want.Score, theirs.Score, line)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Printf("injections by hand: %d sent\nRATIO handmade_detection %.4f\nRATIO handmade_detection_coraza %.4f\n", sent, float64(found)/float64(sent), float64(published)/float64(sent))
	if err := e.harmless("ordinary", ordinary); err != nil {
		return err
	}
	return e.harmless("odd", odd)
}

// harmless sends texts that are no attack.
func (e *evaluation) harmless(name, texts string) error {
	sent, wrong, published := 0, 0, 0
	err := eachLine(texts, func(line string) error {
		for _, r := range []*waf.Request{query(line), form(line)} {
			got, _, err := e.both(r)
			if err != nil {
				return err
			}
			theirs, err := e.published.Request(r)
			if err != nil {
				return err
			}
			sent++
			wrong, published = wrong+one(got.Attack), published+one(theirs.Attack)
			if e.list && got.Attack {
				fmt.Printf("wrongly blocked: %q: %+v\n", line, got.Findings)
			}
		}
		return nil
	})
	fmt.Printf("%s texts: %d sent, %d blocked wrongly, %d by the rule set as published\nRATIO %s_false_positive_percent %.3f\n", name, sent, wrong, published, name, 100*float64(wrong)/float64(sent))
	return err
}

func eachLine(text string, each func(string) error) error {
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); line == "" || strings.HasPrefix(line, "# ") || line == "#" {
			continue
		}
		if err := each(line); err != nil {
			return err
		}
	}
	return nil
}

// placed returns the requests that carry a text in a place, nil for no such place.
func placed(place, text string) []*waf.Request {
	get := func(target string, more ...waf.Header) []*waf.Request {
		return []*waf.Request{{Method: "GET", URI: target, Protocol: "HTTP/1.1", Client: "192.0.2.7", Headers: headers(more...)}}
	}
	post := func(contentType, body string) []*waf.Request {
		return []*waf.Request{{Method: "POST", URI: "/contact", Protocol: "HTTP/1.1", Client: "192.0.2.7", Body: []byte(body), Headers: headers(
			waf.Header{Name: "Content-Type", Value: contentType}, waf.Header{Name: "Content-Length", Value: fmt.Sprint(len(body))})}}
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		panic("bench-web: " + err.Error()) // a text
	}
	const boundary = "----WebKitFormBoundaryq7B1x2y3z4"
	multipart := func(disposition, value string) []*waf.Request {
		return post("multipart/form-data; boundary="+boundary, "--"+boundary+"\r\nContent-Disposition: form-data; "+disposition+"\r\n\r\n"+value+"\r\n--"+boundary+"--\r\n")
	}
	switch place {
	case "query":
		return []*waf.Request{query(text), form(text)}
	case "raw":
		return get("/search?" + text)
	case "json":
		return post("application/json", `{"guest":{"name":"山田","id":`+string(quoted)+`}}`)
	case "nested":
		return post("application/x-www-form-urlencoded", "data="+url.QueryEscape(`{"guest":{"id":`+string(quoted)+`}}`))
	case "cookie":
		return get("/", waf.Header{Name: "Cookie", Value: "sid=1; last=" + url.QueryEscape(text)})
	case "header":
		r := get("/")
		for i := range r[0].Headers {
			if r[0].Headers[i].Name == "User-Agent" {
				r[0].Headers[i].Value = text
			}
		}
		return r
	case "referer":
		return get("/", waf.Header{Name: "Referer", Value: text})
	case "path":
		return get(text)
	case "name":
		return get("/search?" + url.QueryEscape(text) + "=1")
	case "file":
		return multipart(`name="photo"; filename="`+strings.ReplaceAll(text, `"`, `\"`)+`"`, "x")
	case "part":
		return multipart(`name="comment"`, text)
	case "xml":
		return post("application/xml", "<a><b>"+html.EscapeString(text)+"</b></a>")
	}
	return nil
}
