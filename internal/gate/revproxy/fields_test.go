package revproxy

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/policy/site"
)

// A field is seen however often and however badly it is written, or the request
// is known not to have been read whole.
func TestFields(t *testing.T) {
	const form, inJSON, parted = "application/x-www-form-urlencoded", "application/json; charset=utf-8", "multipart/form-data; boundary=b"
	type all = []site.Field
	part := func(name, value string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	for _, c := range []struct {
		name, target, kind, body string
		more                     bool
		want                     all
		whole                    bool
	}{
		{"a query", "/?id=1&q=%E6%9C%AD+x", "", "", false, all{{Name: "id", Value: "1"}, {Name: "q", Value: "札 x"}}, true},
		{"twice", "/?id=1&id=0+or+1", "", "", false, all{{Name: "id", Value: "1"}, {Name: "id", Value: "0 or 1"}}, true},
		{"escaped wrongly", "/?id=0%20or%201%zz", "", "", false, all{{Name: "id", Value: "0 or 1%zz"}}, true},
		{"a semicolon", "/?id=1;or", "", "", false, all{{Name: "id", Value: "1;or"}, {Name: "id", Value: "1"}, {Name: "or"}}, true},
		{"too many", "/?" + strings.Repeat("a&", maxFields) + "id=1", "", "", false, nil, false},
		{"a form", "/", form, "id=1", false, all{{Name: "id", Value: "1"}}, true},
		{"a form that goes on", "/", form, "id=1", true, all{{Name: "id", Value: "1"}}, false},
		{"JSON", "/", inJSON, `{"a":{"b":[1,"x"]},"c":true,"d":null}`, false, all{{Name: "a.b", Value: "1"}, {Name: "a.b", Value: "x"}, {Name: "c", Value: "true"}}, true},
		{"JSON with a key twice", "/", inJSON, `{"id":"0 or 1","id":1}`, false, all{{Name: "id", Value: "0 or 1"}, {Name: "id", Value: "1"}}, true},
		{"two values", "/", inJSON, `{"id":1}{"id":"0 or 1"}`, false, all{{Name: "id", Value: "1"}}, false},
		{"half a value", "/", inJSON, `{"id":1`, false, all{{Name: "id", Value: "1"}}, false},
		{"nested too deep", "/", inJSON, strings.Repeat("[", 40) + "1" + strings.Repeat("]", 40), false, nil, false},
		{"parts", "/", parted, part("id", "1") + part("id", "2") + "--b--\r\n", false, all{{Name: "id", Value: "1"}, {Name: "id", Value: "2"}}, true},
		{"parts after the end", "/", parted, part("a", "1") + "--b--\r\n" + part("id", "2") + "--b--\r\n", false, all{{Name: "a", Value: "1"}}, false},
		{"a file to some", "/", parted, "--b\r\nContent-Disposition: form-data; name=\"id\"; filename*=UTF-8''x\r\n\r\n0 or 1\r\n--b--\r\n", false, nil, false},
		{"a name twice", "/", parted, "--b\r\nContent-Disposition: form-data; name=\"id\"; name=\"x\"\r\n\r\n0 or 1\r\n--b--\r\n", false, nil, false},
		{"a bad parameter of the type", "/", "application/x-www-form-urlencoded; charset", "id=1", false, all{{Name: "id", Value: "1"}}, true},
		{"half a part", "/", parted, part("id", "1") + "--b\r\nContent", false, all{{Name: "id", Value: "1"}}, false},
		{"a long part", "/", parted, part("id", strings.Repeat("1", maxValue+1)) + "--b--\r\n", false, nil, false},
		{"another type", "/?id=1", "text/plain", "id=2", false, all{{Name: "id", Value: "1"}}, true},
	} {
		r := httptest.NewRequest("POST", c.target, nil)
		r.Header.Set("Content-Type", c.kind)
		got, whole := fields(r, []byte(c.body), c.more)
		if whole != c.whole {
			t.Errorf("%s: whole %v, want %v", c.name, whole, c.whole)
		}
		if diff := cmp.Diff(c.want, got); diff != "" && c.want != nil {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func FuzzFields(f *testing.F) {
	f.Add("a=1&b=%zz", "application/json", `{"a":[1,{"b":"c"}]}`)
	f.Add("", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--")
	f.Fuzz(func(t *testing.T, query, kind, body string) {
		r := httptest.NewRequest("POST", "/", nil)
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", kind)
		if all, _ := fields(r, []byte(body), false); len(all) > maxFields {
			t.Fatalf("%d fields", len(all))
		}
	})
}
