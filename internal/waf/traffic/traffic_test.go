package traffic_test

import (
	"bytes"
	"net/url"
	"strings"
	"testing"

	"sekisho/internal/waf"
	"sekisho/internal/waf/traffic"
)

func value(r *waf.Request, name string) string {
	for _, h := range r.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// Every program and every way to send a body is there, whole.
func TestRecordings(t *testing.T) {
	all, err := traffic.Recordings()
	if err != nil {
		t.Fatal(err)
	}
	clients, ways := map[string]bool{}, map[string]int{}
	for _, one := range all {
		r := one.Request
		clients[one.Client()] = true
		kind, _, _ := strings.Cut(value(r, "Content-Type"), ";")
		ways[r.Method+" "+kind]++
		if value(r, "Transfer-Encoding") != "" {
			ways["chunked"]++
			if !bytes.HasPrefix(r.Body, []byte("{")) && !bytes.HasPrefix(r.Body, []byte("name=")) {
				t.Errorf("%s: the body begins with %.20q", one.Name, r.Body)
			}
		}
		if host := value(r, "Host"); host != "shop.example" {
			t.Errorf("%s: Host %q", one.Name, host)
		}
		if strings.HasSuffix(one.Name, "sjis-contact") {
			form, err := url.ParseQuery(string(r.Body))
			if err != nil || !strings.HasPrefix(form.Get("name"), "\x8eR\x93c") {
				t.Errorf("%s is not in Shift_JIS: %q, %v", one.Name, form.Get("name"), err)
			}
		}
	}
	for _, client := range []string{"chromium", "curl", "go", "nodefetch", "nodehttp", "pythonhttp", "pythonrequests", "pythonurllib", "wget"} {
		if !clients[client] {
			t.Errorf("nothing by %s", client)
		}
	}
	for _, way := range []string{"GET ", "HEAD ", "POST application/x-www-form-urlencoded", "POST multipart/form-data", "POST application/json", "PUT application/json", "PATCH application/json", "chunked"} {
		if ways[way] == 0 {
			t.Errorf("no request that is %q", way)
		}
	}
}
