package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"sekisho/internal/waf"
	"sekisho/internal/waf/regression"
	"sekisho/internal/waf/traffic"
)

// asker is an engine, or the rule set run whole.
type asker interface {
	Request(*waf.Request) (waf.Verdict, error)
	Response(*waf.Request, *waf.Response) (waf.Verdict, error)
}

// evaluation holds the three that are compared.
type evaluation struct {
	engine, whole, published asker
	list                     bool
	// onlyWhole counts what the whole rule set blocks and the engine does not.
	onlyWhole, asked int
}

func evaluate(data string, list, only bool) error {
	e := &evaluation{list: list}
	var err error
	if e.engine, err = waf.New(waf.Config{}); err != nil {
		return err
	}
	if e.whole, err = waf.Whole(waf.Config{}); err != nil {
		return err
	}
	if e.published, err = waf.Published(waf.Config{}); err != nil {
		return err
	}
	if err := e.handmade(); err != nil || only {
		return err
	}
	if err := e.recorded(); err != nil {
		return err
	}
	if err := e.regression(); err != nil {
		return err
	}
	if err := e.attacks(filepath.Join(data, "attacks", "*.txt")); err != nil {
		return err
	}
	if err := e.japanese(filepath.Join(data, "japanese-text", "sentences.jsonl")); err != nil {
		return err
	}
	fmt.Printf("RATIO coraza_only_blocks %d\n", e.onlyWhole)
	fmt.Printf("both ways: %d requests\n", e.asked)
	return nil
}

// both asks the engine and the whole rule set and keeps count of what only
// the latter blocks.
func (e *evaluation) both(r *waf.Request) (got, want waf.Verdict, err error) {
	if got, err = e.engine.Request(r); err != nil {
		return
	}
	if want, err = e.whole.Request(r); err != nil {
		return
	}
	e.asked++
	if want.Attack && !got.Attack {
		e.onlyWhole++
		fmt.Printf("only the whole rule set blocks: %s %s %q: %+v\n", r.Method, r.URI, r.Body, want.Findings)
	}
	return
}

// regression runs the rule set's own tests of the rules of level 1. The phases
// 1, 2 and 4 are served; rules of phase 3 and 5 have no test at this level.
func (e *evaluation) regression() error {
	cases, err := regression.Cases()
	if err != nil {
		return err
	}
	// The tests are written for some limits that are off by default.
	config := waf.Config{Settings: regression.Settings()}
	limited := &evaluation{list: e.list}
	if limited.engine, err = waf.New(config); err != nil {
		return err
	}
	if limited.whole, err = waf.Whole(config); err != nil {
		return err
	}
	defer func() { e.asked, e.onlyWhole = e.asked+limited.asked, e.onlyWhole+limited.onlyWhole }()
	total, passed, whole := 0, 0, 0
	for i := range cases {
		c := &cases[i]
		got, want, err := limited.both(c.Request)
		if err != nil {
			return err
		}
		if c.Response != nil {
			for _, one := range []struct {
				by   asker
				into *waf.Verdict
			}{{limited.engine, &got}, {limited.whole, &want}} {
				v, err := one.by.Response(c.Request, c.Response)
				if err != nil {
					return err
				}
				one.into.Findings = append(one.into.Findings, v.Findings...)
			}
		}
		if c.Level() != 1 {
			continue
		}
		total++
		if c.Passes(got) {
			passed++
		} else if e.list {
			fmt.Printf("regression test %s does not pass\n", c.Name)
		}
		if c.Passes(want) {
			whole++
		}
	}
	fmt.Printf("regression tests of level 1: %d, passed %d, by the whole rule set %d\n", total, passed, whole)
	fmt.Printf("RATIO crs_regression_share %.4f\n", float64(passed)/float64(total))
	return nil
}

// attacks sends every payload of the lists as a query and as a form.
func (e *evaluation) attacks(pattern string) error {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		fmt.Printf("SKIPPED: no attacks at %s\n", pattern)
		return nil
	}
	sent, found, published := 0, 0, 0
	for _, name := range names {
		err := lines(name, func(line string) error {
			for _, r := range []*waf.Request{query(line), form(line)} {
				got, _, err := e.both(r)
				if err != nil {
					return err
				}
				theirs, err := e.published.Request(r)
				if err != nil {
					return err
				}
				if sent++; e.list && theirs.Attack && !got.Attack {
					fmt.Printf("found only by the rule set as published: %q: %+v\n", line, theirs.Findings)
				}
				found += one(got.Attack)
				published += one(theirs.Attack)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	fmt.Printf("attacks: %d sent\n", sent)
	fmt.Printf("RATIO detection %.4f\nRATIO detection_coraza %.4f\n", float64(found)/float64(sent), float64(published)/float64(sent))
	return nil
}

// longPost is the size of the long posts, in bytes.
const longPost = 2000

// japanese sends ordinary Japanese sentences, alone and as long posts.
func (e *evaluation) japanese(name string) error {
	if _, err := os.Stat(name); err != nil {
		fmt.Printf("SKIPPED: no Japanese text at %s\n", name)
		return nil
	}
	sent, wrong, published := 0, 0, 0
	send := func(text string) error {
		for _, r := range []*waf.Request{query(text), form(text)} {
			got, _, err := e.both(r)
			if err != nil {
				return err
			}
			theirs, err := e.published.Request(r)
			if err != nil {
				return err
			}
			if sent++; got.Attack && e.list {
				fmt.Printf("wrongly blocked: %q: %+v\n", text, got.Findings)
			}
			wrong += one(got.Attack)
			published += one(theirs.Attack)
		}
		return nil
	}
	var long strings.Builder
	err := lines(name, func(line string) error {
		var s struct {
			Text string `json:"text"`
		}
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			return err
		}
		if long.WriteString(s.Text); long.Len() > longPost {
			if err := send(long.String()); err != nil {
				return err
			}
			long.Reset()
		}
		return send(s.Text)
	})
	if err != nil {
		return err
	}
	fmt.Printf("Japanese posts: %d sent, %d wrongly blocked, %d by the rule set as published\n", sent, wrong, published)
	fmt.Printf("RATIO japanese_false_positive_percent %.3f\n", 100*float64(wrong)/float64(sent))
	return nil
}

// recorded sends what ordinary programs were recorded to send.
func (e *evaluation) recorded() error {
	all, err := traffic.Recordings()
	if err != nil {
		return err
	}
	methods, wrong, published := 0, 0, 0
	for i := range all {
		got, _, err := e.both(all[i].Request)
		if err != nil {
			return err
		}
		theirs, err := e.published.Request(all[i].Request)
		if err != nil {
			return err
		}
		published += one(theirs.Attack)
		switch {
		case !got.Attack:
		case len(got.Findings) == 1 && got.Findings[0].Rule == unusualMethod:
			methods++
		default:
			if wrong++; e.list {
				fmt.Printf("wrongly blocked: %s: %+v\n", all[i].Name, got.Findings)
			}
		}
	}
	fmt.Printf("recorded requests: %d sent, %d blocked for their method alone (rule %d), %d others blocked wrongly, %d by the rule set as published\n", len(all), methods, unusualMethod, wrong, published)
	fmt.Printf("RATIO recorded_false_positive_percent %.3f\n", 100*float64(methods+wrong)/float64(len(all)))
	return e.named(all)
}

// unusualMethod refuses PUT, PATCH and DELETE, unless a site names them.
const unusualMethod = waf.RuleMethods

// named sends the same to a site that names the methods of its application.
func (e *evaluation) named(all []traffic.Recording) error {
	named := evaluation{list: e.list}
	methods := append(waf.UsualMethods(), "PUT", "PATCH", "DELETE")
	usual, err := waf.New(waf.Config{})
	if err != nil {
		return err
	}
	if named.engine, err = usual.Allowing(methods); err != nil {
		return err
	}
	if named.whole, err = waf.Whole(waf.Config{Methods: methods}); err != nil {
		return err
	}
	wrong := 0
	for i := range all {
		got, _, err := named.both(all[i].Request)
		if err != nil {
			return err
		}
		wrong += one(got.Attack)
	}
	e.asked, e.onlyWhole = e.asked+named.asked, e.onlyWhole+named.onlyWhole
	fmt.Printf("recorded requests, at a site that names its methods: %d blocked wrongly\n", wrong)
	fmt.Printf("RATIO recorded_methods_named_false_positive_percent %.3f\n", 100*float64(wrong)/float64(len(all)))
	return nil
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func lines(name string, each func(string) error) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if s.Text() == "" {
			continue
		}
		if err := each(s.Text()); err != nil {
			return err
		}
	}
	return s.Err()
}

func headers(more ...waf.Header) []waf.Header {
	return append([]waf.Header{
		{Name: "Host", Value: "shop.example.jp"},
		{Name: "User-Agent", Value: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"},
		{Name: "Accept", Value: "text/html,*/*"},
		{Name: "Accept-Language", Value: "ja"},
	}, more...)
}

func query(value string) *waf.Request {
	return &waf.Request{Method: "GET", URI: "/search?q=" + url.QueryEscape(value), Protocol: "HTTP/1.1", Client: "192.0.2.7", Headers: headers()}
}

func form(value string) *waf.Request {
	body := "name=%E5%B1%B1%E7%94%B0&comment=" + url.QueryEscape(value)
	return &waf.Request{Method: "POST", URI: "/contact", Protocol: "HTTP/1.1", Client: "192.0.2.7", Body: []byte(body), Headers: headers(
		waf.Header{Name: "Content-Type", Value: "application/x-www-form-urlencoded"},
		waf.Header{Name: "Content-Length", Value: fmt.Sprint(len(body))})}
}
