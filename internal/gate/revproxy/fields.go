package revproxy

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"

	"sekisho/internal/policy/site"
)

const (
	maxFields = 1000 // of a request
	maxNested = 32   // levels of JSON
)

// fields returns the fields of a query and of a form or a JSON body. What cannot
// be read is left out: the firewall judges it as it is.
func fields(r *http.Request, body []byte) []site.Field {
	all := queried(nil, r.URL.RawQuery)
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return all
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		return queried(all, string(body))
	case "application/json":
		var v any
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		if d.Decode(&v) == nil {
			return nested(all, "", v, 0)
		}
	case "multipart/form-data":
		return parts(all, body, params["boundary"])
	}
	return all
}

func queried(all []site.Field, query string) []site.Field {
	values, _ := url.ParseQuery(query) // the pairs that can be read
	for name, of := range values {
		for _, v := range of {
			if len(all) < maxFields {
				all = append(all, site.Field{Name: name, Value: v})
			}
		}
	}
	return all
}

// nested appends the scalars of a JSON value by their names with dots; the
// members of a list have that of the list.
func nested(all []site.Field, name string, v any, depth int) []site.Field {
	if depth > maxNested || len(all) >= maxFields {
		return all
	}
	switch v := v.(type) {
	case map[string]any:
		for key, of := range v {
			if name != "" {
				key = name + "." + key
			}
			all = nested(all, key, of, depth+1)
		}
	case []any:
		for _, of := range v {
			all = nested(all, name, of, depth+1)
		}
	case string:
		all = append(all, site.Field{Name: name, Value: v})
	case json.Number:
		all = append(all, site.Field{Name: name, Value: v.String()})
	case bool:
		all = append(all, site.Field{Name: name, Value: strconv.FormatBool(v)})
	}
	return all
}

// parts appends the fields of a multipart form that are no files.
func parts(all []site.Field, body []byte, boundary string) []site.Field {
	const longest = 64 << 10 // of a field
	for r := multipart.NewReader(bytes.NewReader(body), boundary); len(all) < maxFields; {
		part, err := r.NextPart()
		if err != nil {
			return all
		}
		if part.FileName() != "" || part.FormName() == "" {
			continue
		}
		value, err := io.ReadAll(io.LimitReader(part, longest))
		if err != nil {
			return all
		}
		all = append(all, site.Field{Name: part.FormName(), Value: string(value)})
	}
	return all
}
