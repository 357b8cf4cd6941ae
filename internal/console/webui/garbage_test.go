package webui

import (
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// endless counts what is read of a form that never ends.
type endless struct{ n int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	e.n += len(p)
	return len(p), nil
}

// TestGarbage posts to every page what is no form of ours: it is refused, and not
// read beyond its limit. The same person is answered afterwards.
func TestGarbage(t *testing.T) {
	s, f := newServer(t)
	d := enter(t, s, f, "ayame")
	paths := []string{"/join", "/lang", "/passkey/login"} // asking for a passkey takes nothing
	for _, p := range s.pages {
		if method, path := concrete(p); method == "POST" {
			paths = append(paths, path)
		}
	}
	r := rand.New(rand.NewPCG(1, 0x6a7b))
	noise := make([]byte, 4096)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	for _, path := range paths {
		for kind, begin := range map[string]string{
			"application/x-www-form-urlencoded":     "csrf=" + d.csrf + "&name=",
			"multipart/form-data; boundary=x":       "--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n" + d.csrf + "\r\n--x\r\nContent-Disposition: form-data; name=\"name\"; filename=\"f\"\r\n\r\n",
			"multipart/form-data":                   string(noise),
			"application/json":                      `{"name":"`,
			"application/x-www-form-urlencoded; q=": "%zz=%" + string(noise),
			"\x00":                                  string(noise),
		} {
			more := &endless{}
			q := httptest.NewRequest("POST", origin+path, io.MultiReader(strings.NewReader(begin), more))
			q.Header.Set("Content-Type", kind)
			q.Header.Set("Sec-Fetch-Site", "same-origin")
			for _, c := range d.cookies {
				q.AddCookie(c)
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, q)
			if w.Code < 400 || w.Code >= 500 {
				t.Errorf("%s, %q: %d", path, kind, w.Code)
			}
			if more.n > 2*maxForm {
				t.Errorf("%s, %q: %d bytes were read", path, kind, more.n)
			}
		}
	}
	if len(f.cuts)+len(f.cases)+len(f.looks)+len(f.orders)+len(f.lifts)+len(f.sites)+len(f.drafts)+len(f.excepts)+len(f.authorised) != 0 {
		t.Error("garbage did something")
	}
	if resp := d.visit("GET", "/", nil); resp.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %s", resp.Status)
	}
}
