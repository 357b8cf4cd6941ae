package indicator

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// Options says what a list does not say itself.
type Options struct {
	List  string    // name of the list
	Until time.Time // end of indicators that have none of their own. Required
}

// Problem is a line that could not be read.
type Problem struct {
	Line int // from 1; for STIX the number of the object
	Err  error
}

// Read reads a list in any of the formats, told apart by how they begin:
//
//   - a STIX 2.1 bundle: its indicators with simple patterns (domain-name,
//     ipv4-addr, ipv6-addr, url; OR between comparisons), valid_until, revoked;
//   - CSV whose first line has a column "value" (or indicator, ioc, domain, ip,
//     url) and perhaps until (or expires, valid_until) and note (or
//     description, comment);
//   - plain text, one value a line, "#" begins a comment, which is its note.
//
// Lines that are no indicator are returned as problems; a list in which nothing
// can be read is an error.
func Read(text []byte, o Options) ([]Indicator, []Problem, error) {
	if o.Until.IsZero() {
		return nil, nil, errors.New("a list needs an end for indicators that have none")
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	var all []Indicator
	var problems []Problem
	var err error
	first, _, _ := bytes.Cut(text, []byte("\n"))
	switch {
	case bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")):
		all, problems, err = readSTIX(text, o)
	case columns(string(first)) != nil:
		all, problems, err = readCSV(text, o)
	default:
		all, problems = readPlain(text, o)
	}
	if err == nil && len(all) == 0 && len(problems) > 0 {
		err = fmt.Errorf("nothing in the list could be read; line %d: %w", problems[0].Line, problems[0].Err)
	}
	if err == nil && len(all) > Most {
		err = fmt.Errorf("%d indicators are more than %d", len(all), Most)
	}
	return all, problems, err
}

func (o *Options) indicator(value, until, note string) (Indicator, error) {
	kind, value, err := Parse(value)
	i := Indicator{Kind: kind, Value: value, Until: o.Until, Note: strings.TrimSpace(note), List: o.List}
	if until = strings.TrimSpace(until); until != "" && err == nil {
		i.Until, err = parseTime(until)
	}
	return i, err
}

func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: write 2006-01-02 or 2006-01-02T15:04:05Z", text)
}

func readPlain(text []byte, o Options) (all []Indicator, problems []Problem) {
	n := 0
	for line := range bytes.Lines(text) {
		n++
		value, note, _ := strings.Cut(string(line), "#")
		if value = strings.TrimSpace(value); value == "" {
			continue
		}
		i, err := o.indicator(value, "", note)
		if err != nil {
			problems = append(problems, Problem{n, err})
			continue
		}
		all = append(all, i)
	}
	return all, problems
}

// columns returns the places of value, until and note in the head of a CSV
// file, -1 for none, or nil when the line is no head.
func columns(head string) []int {
	at := []int{-1, -1, -1}
	for i, name := range strings.Split(head, ",") {
		switch strings.ToLower(strings.Trim(strings.TrimSpace(name), `"`)) {
		case "value", "indicator", "ioc", "domain", "ip", "url":
			at[0] = i
		case "until", "expires", "valid_until":
			at[1] = i
		case "note", "description", "comment":
			at[2] = i
		}
	}
	if at[0] < 0 {
		return nil
	}
	return at
}

func readCSV(text []byte, o Options) (all []Indicator, problems []Problem, err error) {
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = -1
	head, err := r.Read()
	if err != nil {
		return nil, nil, err
	}
	at := columns(strings.Join(head, ","))
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return all, problems, nil
		}
		if err != nil {
			return nil, nil, err // where the next line begins is not known
		}
		line, _ := r.FieldPos(0)
		var field [3]string
		for k, i := range at {
			if i >= 0 && i < len(row) {
				field[k] = row[i]
			}
		}
		if strings.TrimSpace(field[0]) == "" {
			continue
		}
		i, err := o.indicator(field[0], field[1], field[2])
		if err != nil {
			problems = append(problems, Problem{line, err})
			continue
		}
		all = append(all, i)
	}
}

// stixTerm is one comparison of a STIX pattern (STIX 2.1 §9), and nothing that
// needs more than one observation.
var stixTerm = regexp.MustCompile(`^(domain-name|ipv4-addr|ipv6-addr|url):value\s*=\s*'((?:[^'\\]|\\.)*)'$`)

func readSTIX(text []byte, o Options) (all []Indicator, problems []Problem, err error) {
	var bundle struct {
		Type    string            `json:"type"`
		Objects []json.RawMessage `json:"objects"`
	}
	if err := json.Unmarshal(text, &bundle); err != nil {
		return nil, nil, err
	}
	if bundle.Type != "bundle" {
		return nil, nil, fmt.Errorf("a JSON list must be a STIX bundle, not %q", bundle.Type)
	}
	for n, raw := range bundle.Objects {
		var obj struct {
			Type, Name, Pattern string
			PatternType         string `json:"pattern_type"`
			ValidUntil          string `json:"valid_until"`
			Revoked             bool
		}
		if err := json.Unmarshal(raw, &obj); err != nil {
			problems = append(problems, Problem{n + 1, err})
			continue
		}
		if obj.Type != "indicator" || obj.Revoked || obj.PatternType != "" && obj.PatternType != "stix" {
			continue
		}
		values, err := stixValues(obj.Pattern)
		for _, v := range values {
			i, bad := o.indicator(v, obj.ValidUntil, obj.Name)
			if err = errors.Join(err, bad); bad == nil {
				all = append(all, i)
			}
		}
		if err != nil {
			problems = append(problems, Problem{n + 1, err})
		}
	}
	return all, problems, nil
}

func stixValues(pattern string) ([]string, error) {
	p := strings.TrimSpace(pattern)
	if strings.Count(p, "[") != 1 || !strings.HasPrefix(p, "[") || !strings.HasSuffix(p, "]") {
		return nil, fmt.Errorf("pattern %q is more than one observation of one destination", pattern)
	}
	var values []string
	for term := range strings.SplitSeq(p[1:len(p)-1], " OR ") {
		m := stixTerm.FindStringSubmatch(strings.TrimSpace(term))
		if m == nil {
			return nil, fmt.Errorf("pattern %q compares more than one destination's name, address or URL", pattern)
		}
		values = append(values, strings.NewReplacer(`\'`, `'`, `\\`, `\`).Replace(m[2]))
	}
	return values, nil
}
