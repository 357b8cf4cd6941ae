// Package regression has the regression tests of the OWASP Core Rule Set as
// requests, for tests and for the evaluation of the web application firewall.
// It contains no rule and no judge of its own.
package regression

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	tests "github.com/corazawaf/coraza-coreruleset/v4/tests"
	"github.com/goccy/go-yaml"

	"sekisho/internal/waf"
	"sekisho/internal/waf/crs"
)

// Case is one stage of one regression test.
type Case struct {
	// Name is "942100-3": the rule under test and the number of the test.
	Name string
	// Rule is the rule under test.
	Rule    int
	Request *waf.Request
	// Response is what the test has its server answer, nil for none.
	Response *waf.Response
	// Expect are rules that have to match, Refuse those that must not.
	Expect, Refuse []int
}

type file struct {
	RuleID int `yaml:"rule_id"`
	Tests  []struct {
		TestID int `yaml:"test_id"`
		Stages []struct {
			Input  input  `yaml:"input"`
			Output output `yaml:"output"`
		} `yaml:"stages"`
	} `yaml:"tests"`
}

type input struct {
	Method   string        `yaml:"method"`
	URI      string        `yaml:"uri"`
	Version  *string       `yaml:"version"`
	Headers  yaml.MapSlice `yaml:"headers"`
	Data     string        `yaml:"data"`
	Encoded  string        `yaml:"encoded_request"`
	Complete *bool         `yaml:"autocomplete_headers"`
}

type output struct {
	Status int `yaml:"status"`
	Log    struct {
		Expect []int `yaml:"expect_ids"`
		Refuse []int `yaml:"no_expect_ids"`
	} `yaml:"log"`
}

// Cases returns all regression tests that ask for rules, in the order of
// the rule set.
func Cases() ([]Case, error) {
	var all []Case
	err := fs.WalkDir(tests.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		text, err := fs.ReadFile(tests.FS, path)
		if err != nil {
			return err
		}
		var f file
		if err := yaml.Unmarshal(text, &f); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for _, t := range f.Tests {
			for _, s := range t.Stages {
				if s.Output.Log.Expect == nil && s.Output.Log.Refuse == nil {
					continue
				}
				c := Case{Name: fmt.Sprintf("%d-%d", f.RuleID, t.TestID), Rule: f.RuleID, Expect: s.Output.Log.Expect, Refuse: s.Output.Log.Refuse}
				if c.Request, err = s.Input.request(); err != nil {
					return fmt.Errorf("%s: %w", c.Name, err)
				}
				c.Response = reflected(c.Request)
				all = append(all, c)
			}
		}
		return nil
	})
	return all, err
}

func (in *input) request() (*waf.Request, error) {
	if in.Encoded != "" {
		raw, err := base64.StdEncoding.DecodeString(in.Encoded)
		if err != nil {
			return nil, err
		}
		return parse(raw), nil
	}
	r := &waf.Request{Method: in.Method, URI: in.URI, Protocol: "HTTP/1.1", Body: []byte(in.Data), Client: "192.0.2.1"}
	if r.Method == "" {
		r.Method = "GET"
	}
	if in.Version != nil {
		r.Protocol = *in.Version
	}
	if r.URI == "" {
		r.URI = "/"
	}
	has := map[string]bool{}
	for _, h := range in.Headers {
		name := fmt.Sprint(h.Key)
		has[strings.ToLower(name)] = true
		value := ""
		if h.Value != nil {
			value = fmt.Sprint(h.Value)
		}
		r.Headers = append(r.Headers, waf.Header{Name: name, Value: value})
	}
	if in.Data != "" && (in.Complete == nil || *in.Complete) {
		if !has["content-type"] {
			r.Headers = append(r.Headers, waf.Header{Name: "Content-Type", Value: "application/x-www-form-urlencoded"})
		}
		if !has["content-length"] && !has["transfer-encoding"] {
			r.Headers = append(r.Headers, waf.Header{Name: "Content-Length", Value: strconv.Itoa(len(in.Data))})
		}
	}
	return r, nil
}

// parse reads a request as it stands on the wire, however wrong it is.
func parse(raw []byte) *waf.Request {
	head, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	lines := bufio.NewScanner(bytes.NewReader(head))
	r := &waf.Request{Protocol: "HTTP/1.1", Body: body, Client: "192.0.2.1"}
	for first := true; lines.Scan(); first = false {
		if first {
			words := strings.SplitN(lines.Text(), " ", 3)
			r.Method = words[0]
			if len(words) > 1 {
				r.URI = words[1]
			}
			if len(words) > 2 {
				r.Protocol = words[2]
			}
			continue
		}
		name, value, _ := strings.Cut(lines.Text(), ":")
		r.Headers = append(r.Headers, waf.Header{Name: name, Value: strings.TrimSpace(value)})
	}
	return r
}

// reflected returns the response that a test asks its server for: a request of
// /reflect describes it in JSON (the test server "albedo").
func reflected(r *waf.Request) *waf.Response {
	if !strings.HasPrefix(r.URI, "/reflect") {
		return nil
	}
	var spec struct {
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers"`
		Body    string            `json:"body"`
		Encoded string            `json:"encodedBody"`
	}
	if json.NewDecoder(bytes.NewReader(r.Body)).Decode(&spec) != nil {
		return nil
	}
	a := &waf.Response{Status: spec.Status, Body: []byte(spec.Body)}
	if spec.Encoded != "" {
		body, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, strings.NewReader(spec.Encoded)))
		if err != nil {
			return nil
		}
		a.Body = body
	}
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	has := false
	for name, value := range spec.Headers {
		has = has || strings.EqualFold(name, "content-type")
		a.Headers = append(a.Headers, waf.Header{Name: name, Value: value})
	}
	if !has {
		a.Headers = append(a.Headers, waf.Header{Name: "Content-Type", Value: "text/plain; charset=utf-8"})
	}
	return a
}

// Passes reports whether a verdict is what the test asks for.
func (c *Case) Passes(v waf.Verdict) bool {
	found := func(id int) bool {
		return slices.ContainsFunc(v.Findings, func(f waf.Finding) bool { return f.Rule == id })
	}
	return !slices.ContainsFunc(c.Expect, func(id int) bool { return !found(id) }) && !slices.ContainsFunc(c.Refuse, found)
}

// Settings are those that the tests are written for: limits of sizes and
// numbers that are off unless somebody sets them.
func Settings() map[string]string {
	return map[string]string{
		"arg_length": "400", "arg_name_length": "100", "combined_file_sizes": "65535", "max_file_size": "64100",
		"max_num_args": "255", "total_arg_length": "64000", "crs_validate_utf8_encoding": "1",
	}
}

// levels are the levels of paranoia of all rules.
var levels = sync.OnceValues(func() (map[int]int, error) {
	rules, err := crs.Published(coreruleset.FS)
	if err != nil {
		return nil, err
	}
	m := map[int]int{}
	for _, r := range rules {
		m[r.ID] = r.Paranoia
	}
	return m, nil
})

// Level returns the level of paranoia of the rule under test, 0 for a rule
// that has none.
func (c *Case) Level() int {
	m, err := levels()
	if err != nil {
		return 0
	}
	return m[c.Rule]
}
