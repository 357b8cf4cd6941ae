package revproxy

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sekisho/internal/policy/site"
	"sekisho/internal/seed"
)

// view is what a server takes a request for.
type view struct {
	Method  string      `json:"method"`
	Path    string      `json:"path"`
	Fields  [][2]string `json:"fields"` // of query and body, in no order
	Cookies [][2]string `json:"cookies"`
	Host    string      `json:"host"`
}

// ours is the gate's view of a request.
func ours(t *testing.T, text string) (v view, whole bool) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	v = view{Method: r.Method, Path: r.URL.Path, Host: r.Host}
	all, whole := fields(r, body, false)
	for _, f := range all {
		v.Fields = append(v.Fields, [2]string{f.Name, f.Value})
	}
	for _, c := range r.Cookies() {
		v.Cookies = append(v.Cookies, [2]string{c.Name, c.Value})
	}
	return v, whole
}

// asGo is the view of a server written with net/http.
func asGo(rw http.ResponseWriter, r *http.Request) {
	v := view{Method: r.Method, Path: r.URL.Path, Host: r.Host}
	add := func(values url.Values) {
		for name, list := range values {
			for _, value := range list {
				v.Fields = append(v.Fields, [2]string{name, value})
			}
		}
	}
	add(r.URL.Query())
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	switch kind {
	case "application/json":
		var value any
		d := json.NewDecoder(r.Body)
		d.UseNumber()
		if d.Decode(&value) == nil {
			v.Fields = flat(v.Fields, "", value)
		}
	case "multipart/form-data":
		if r.ParseMultipartForm(1<<20) == nil {
			add(r.MultipartForm.Value)
		}
	default:
		if r.ParseForm() == nil {
			add(r.PostForm)
		}
	}
	for _, c := range r.Cookies() {
		v.Cookies = append(v.Cookies, [2]string{c.Name, c.Value})
	}
	_ = json.NewEncoder(rw).Encode(v) // a recording client reads it
}

// flat appends the scalars of a JSON value by their names with dots.
func flat(all [][2]string, name string, value any) [][2]string {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if name != "" {
				key = name + "." + key
			}
			all = flat(all, key, inner)
		}
	case []any:
		for _, inner := range v {
			all = flat(all, name, inner)
		}
	case nil:
	case string:
		all = append(all, [2]string{name, v})
	default:
		all = append(all, [2]string{name, fmt.Sprint(v)})
	}
	return all
}

// inNode is the view of a server of Node, with what it has of its own.
const inNode = `
const http = require('http');
function flat(all, name, v) {
  if (v === null) return;
  if (Array.isArray(v)) { for (const one of v) flat(all, name, one); return; }
  if (typeof v === 'object') { for (const key of Object.keys(v)) flat(all, name ? name + '.' + key : key, v[key]); return; }
  all.push([name, String(v)]);
}
const server = http.createServer((req, res) => {
  const chunks = [];
  req.on('data', c => chunks.push(c));
  req.on('end', async () => {
    const body = Buffer.concat(chunks), type = (req.headers['content-type'] || '').split(';')[0];
    const u = new URL(req.url.replace(/^\/\/+/, '/'), 'http://x');
    let path; try { path = decodeURIComponent(u.pathname); } catch { path = null; }
    const v = {method: req.method, path, host: req.headers.host, fields: [...u.searchParams], cookies: []};
    try {
      if (type === 'application/x-www-form-urlencoded') v.fields.push(...new URLSearchParams(body.toString()));
      if (type === 'application/json') flat(v.fields, '', JSON.parse(body.toString()));
      if (type === 'multipart/form-data')
        for (const [name, value] of await new Response(body, {headers: {'content-type': req.headers['content-type']}}).formData())
          if (typeof value === 'string') v.fields.push([name, value]);
    } catch (e) {}
    for (const pair of (req.headers.cookie || '').split(';')) {
      const at = pair.indexOf('=');
      if (at > 0) v.cookies.push([pair.slice(0, at).trim(), pair.slice(at + 1).trim()]);
    }
    res.end(JSON.stringify(v));
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
`

func nodeUpstream(t *testing.T) string {
	t.Helper()
	bin, err := exec.LookPath("node")
	if err != nil {
		t.Skip("SKIPPED: node is missing, so its view is not compared: sudo apt-get install -y nodejs")
	}
	cmd := exec.CommandContext(t.Context(), bin, "-e", inNode)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }) // it ends by the signal
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return "http://127.0.0.1:" + strings.TrimSpace(port)
}

// nginxUpstream says what nginx takes for method, path and host.
func nginxUpstream(t *testing.T) string {
	t.Helper()
	bin, err := exec.LookPath("nginx")
	if err != nil {
		if bin = "/usr/sbin/nginx"; exec.Command(bin, "-v").Run() != nil {
			t.Skip("SKIPPED: nginx is missing, so its view is not compared: sudo apt-get install -y nginx-light")
		}
	}
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	if len(socket) > 100 {
		t.Skipf("SKIPPED: the temporary directory %s is too long for a socket; set TMPDIR to a shorter one", dir)
	}
	conf := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 64; }
http { access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s1;
  server { listen unix:%[2]s; merge_slashes on; location / { add_header X-Method $request_method always; add_header X-Host $host always; return 200 "$uri"; } } }`, dir, socket)
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), bin, "-p", dir, "-c", filepath.Join(dir, "conf"), "-e", filepath.Join(dir, "error.log"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }) // it ends by the signal
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(patience); ; <-again.C {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
			break
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(dir, "error.log"))
			t.Fatalf("nginx does not listen: %s", log)
		}
	}
	// The gate speaks TCP: a door before the socket.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", socket)
			if err != nil {
				in.Close()
				continue
			}
			go func() { _, _ = io.Copy(out, in); out.Close() }()
			go func() { _, _ = io.Copy(in, out); in.Close() }()
		}
	}()
	return "http://" + l.Addr().String()
}

// odd are requests of which servers make different things.
func odd() []string {
	var all []string
	for _, target := range []string{
		"/", "/a", "/a/", "//a//b", "/a;v=1/b", "/a%2Fb", "/a%252Fb", "/A/b", "/%61", "/%E6%9C%AD%E5%B9%8C", "/a%20b", "/a+b", "/%83%5C", "/a%3Fb", "/a%3Bb", "/a%25", "/...", "/..a/b..",
		"/a/../b", "/a/%2e%2e/b", "/a/.%2e/b", "/a\\..\\b", "/a/..;/b", "/a/%00b", "/./a", "/a/.", "/a/..", "/a#b", "/?", "/??", "/?a", "/?a=", "/?=a", "/?&&a=1&&", "/?a=1&a=2", "/?a=1;b=2", "/?a=1%3Bb=2",
		"/?a=%zz", "/?a=%", "/?a=%e3%81%82", "/?a=あ", "/?a+b=c+d", "/?a%3Db=c", "/?a=b=c", "/?%61=%62", "/?a[]=1&a[0]=2", "/?a.b=1", "/?a=%00b", "/?a=%0d%0ab", "/?a=%EF%BC%91", "/?a=%C0%AF", "/?a=%u3042", "/?a=b?c", "/?a='\"<>",
	} {
		all = append(all, "GET "+target+" HTTP/1.1\r\n"+common+"\r\n")
	}
	post := func(kind, body string, more ...string) {
		all = append(all, "POST /p?q=1 HTTP/1.1\r\n"+common+"Content-Type: "+kind+"\r\n"+strings.Join(more, "")+fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body))
		chunks := fmt.Sprintf("%x\r\n%s\r\n", len(body), body)
		if body == "" {
			chunks = ""
		}
		all = append(all, "POST /p?q=1 HTTP/1.1\r\n"+common+"Content-Type: "+kind+"\r\nTransfer-Encoding: chunked\r\n\r\n"+chunks+"0\r\n\r\n")
	}
	for _, body := range []string{"", "a=1&b=2", "a=1&a=2", "a=1;b=2", "a=%zz", "a=%E3%81%82+b", "=x", "a", "a=b=c&&c=", "a=%00", "a[b]=c", "a=\xff\xfe"} {
		post("application/x-www-form-urlencoded", body)
	}
	for _, body := range []string{`{}`, `{"a":1}`, `{"a":1,"a":2}`, `{"a":{"b":[1,2,{"c":"x"}]}}`, `[1,"a"]`, `"a"`, `{"a":true,"b":false,"c":null}`, `{"a":"\u3042\ud83d\ude00"}`, `{"a":"\/"}`,
		`{"a":1}garbage`, `{'a':1}`, `{"a":1,}`, "\xef\xbb\xbf{\"a\":1}", `{"a":"` + "\n" + `"}`, `{"a":01}`, `{a:1}`, `{"a":1}//x`, `{"":1}`, `{"a.b":1}`, `{"A":1,"a":2}`, `{"a":12345678}`, `{"a":0.5}`} {
		post("application/json", body)
	}
	part := func(header, value string) string {
		return "--b\r\nContent-Disposition: form-data; " + header + "\r\n\r\n" + value + "\r\n"
	}
	for _, body := range []string{
		part(`name="a"`, "1") + "--b--\r\n", part(`name="a"`, "1") + part(`name="a"`, "2") + "--b--\r\n", part(`name="あ"`, "札幌\r\n二行") + "--b--\r\n", part(`name=a`, "1") + "--b--\r\n",
		part(`name="f"; filename="x.txt"`, "file") + part(`name="a"`, "1") + "--b--\r\n", part(`name="f"; filename=""`, "x") + "--b--\r\n", part(`filename="x"; name="a"`, "1") + "--b--\r\n",
		part(`name="a"; filename*=UTF-8''x`, "1") + "--b--\r\n", part(`name="a"; name="c"`, "1") + "--b--\r\n", part(`name="a\"c"`, "1") + "--b--\r\n", part(`NAME="a"`, "1") + "--b--\r\n", part(`name="a";name*=UTF-8''c`, "1") + "--b--\r\n",
		"preamble\r\n" + part(`name="a"`, "1") + "--b--\r\nepilogue", part(`name="a"`, "1") + "--b--\r\n" + part(`name="c"`, "2") + "--b--\r\n", strings.ReplaceAll(part(`name="a"`, "1"), "\r\n", "\n") + "--b--\n",
		part(`name="a"`, "1"), part(`name="a"`, "") + "--b--\r\n", part(`name=""`, "1") + "--b--\r\n", "--b\r\nContent-Disposition:form-data;name=\"a\"\r\n\r\n1\r\n--b--", "--b\r\ncontent-disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=utf-16\r\n\r\n1\r\n--b--",
		"--b\r\nContent-Disposition: form-data;\r\n name=\"a\"\r\n\r\n1\r\n--b--\r\n", "--b \r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n", part(`name="%61"`, "1") + "--b--\r\n", part(`name="a[]"`, "1") + "--b--\r\n",
	} {
		post("multipart/form-data; boundary=b", body)
		post(`multipart/form-data; boundary="b"`, body)
	}
	post("multipart/form-data; boundary=b; boundary=c", part(`name="a"`, "1")+"--b--\r\n")
	post("multipart/form-data", part(`name="a"`, "1")+"--b--\r\n")
	post("application/x-www-form-urlencoded; charset", "a=1")
	post("application/json; charset=utf-8; x", `{"a":1}`)
	for _, cookie := range []string{"a=1", "a=1; b=2", "a=1;b=2", "a=1; a=2", `a="1"`, "a=1=2", "a", "=a", "a=%31", "a=あ", "a=1;  b=2 ", "a=1,b=2", "a b=1"} {
		all = append(all, "GET /c HTTP/1.1\r\n"+common+"Cookie: "+cookie+"\r\n\r\n")
	}
	return append(all, "GET /c HTTP/1.1\r\n"+common+"Cookie: a=1\r\nCookie: b=2\r\n\r\n", "HEAD /h HTTP/1.1\r\n"+common+"\r\n", "PURGE /h HTTP/1.1\r\n"+common+"\r\n", "get /h HTTP/1.1\r\n"+common+"\r\n")
}

// drawn are requests put together from pieces that servers read differently.
func drawn(t *testing.T, n int) []string {
	random := rand.New(rand.NewPCG(seed.For(t), 1))
	pieces := []string{"a", "b", "/", "//", "/.", "/..", "%2e", "%2F", "%5c", "\\", ";", "=", "&", "?", "+", "%20", "%3D", "%26", "%", "%zz", "%00", "あ", "%E3%81%82", "[", "]", ".", "%25", "'", "\"", ":", "@", "#", "%0a", "*", "~", "1"}
	some := func(most int) string {
		var b strings.Builder
		for range random.IntN(most) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		return b.String()
	}
	var all []string
	for range n {
		target := "/" + some(6)
		if random.IntN(2) == 0 {
			target += "?" + some(10)
		}
		if random.IntN(2) == 0 {
			all = append(all, "GET "+target+" HTTP/1.1\r\n"+common+"\r\n")
			continue
		}
		body := some(12)
		all = append(all, "POST "+target+" HTTP/1.1\r\n"+common+fmt.Sprintf("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	}
	return all
}

// Whatever an upstream takes a request for, the gate has taken it for that too,
// or has refused it.
func TestViewsAgree(t *testing.T) {
	for name, start := range map[string]func(*testing.T) string{"go": nil, "node": nodeUpstream, "nginx": nginxUpstream} {
		t.Run(name, func(t *testing.T) {
			target := ""
			if start != nil {
				target = start(t)
			}
			var reached int
			w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) { reached++; asGo(rw, r) }, func(c *Config) {
				c.Hosts[0].Firewall, c.Hosts[0].Cards = Enforce, Off
				c.Firewall = nil
				// Whoever types a field must not be shown another one.
				rules, err := site.Compile(&site.Source{Parameters: []site.Parameter{{Name: "never-sent", Type: "integer"}}})
				if err != nil {
					t.Fatal(err)
				}
				c.Rules = func() *site.Rules { return rules }
				if target != "" {
					u, err := url.Parse(target)
					if err != nil {
						t.Fatal(err)
					}
					c.Hosts[0].Upstream = u
				}
			})
			passed, refused := 0, 0
			for _, text := range append(odd(), drawn(t, 400)...) {
				status, answer, header := w.answer(t, text)
				if status != 200 {
					if status != 0 && status < 400 || status == 502 && name != "node" {
						t.Errorf("%q: status %d", text, status)
					}
					refused++
					continue
				}
				passed++
				mine, _ := ours(t, text)
				var theirs view
				switch {
				case name == "nginx":
					theirs = view{Method: header.Get("X-Method"), Path: answer, Host: header.Get("X-Host")}
					if mine.Method == "HEAD" {
						theirs.Path = mine.Path
					}
				case mine.Method == "HEAD":
					continue
				default:
					if err := json.Unmarshal([]byte(answer), &theirs); err != nil {
						t.Fatalf("%q: %q: %v", text, answer, err)
					}
				}
				for _, problem := range differ(mine, theirs) {
					t.Errorf("%q: %s\nwe see   %q\nit sees  %q", text, problem, mine, theirs)
				}
			}
			if passed < 200 || refused < 50 {
				t.Errorf("%d requests passed and %d were refused: the test compares too little", passed, refused)
			}
		})
	}
}

// answer sends a request and returns the answer whole; status 0 when there is
// none: Node refuses bytes beyond ASCII in a query and closes before it has read
// the body, which may reset its own refusal.
func (w *world) answer(t testing.TB, text string) (int, string, http.Header) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, text) // it may be closed before it was all read
	method, _, _ := strings.Cut(text, " ")
	a, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return 0, "", nil
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		return 0, "", nil
	}
	return a.StatusCode, string(body), a.Header
}

// differ returns what of theirs is not in mine.
func differ(mine, theirs view) (problems []string) {
	if mine.Method != theirs.Method {
		problems = append(problems, "another method")
	}
	if theirs.Path != "" && plain(theirs.Path) != plain(mine.Path) && plain(sameAs(theirs.Path)) != plain(sameAs(mine.Path)) {
		problems = append(problems, "another path")
	}
	if host, _, _ := strings.Cut(mine.Host, ":"); theirs.Host != mine.Host && theirs.Host != host {
		problems = append(problems, "another host")
	}
	have := map[[2]string]bool{}
	for _, f := range mine.Fields {
		have[[2]string{plain(f[0]), plain(f[1])}] = true
		have[[2]string{plain(strings.TrimPrefix(f[0], "?")), plain(f[1])}] = true // as policy/site compares names
	}
	for _, f := range theirs.Fields {
		if !have[[2]string{plain(f[0]), plain(f[1])}] {
			problems = append(problems, fmt.Sprintf("a field %q that we do not see", f))
		}
	}
	// The first is the session's; nginx tells of none, and none is without a value.
	if len(mine.Cookies) > 0 && mine.Cookies[0][1] != "" && (theirs.Fields != nil || theirs.Cookies != nil) {
		c := mine.Cookies[0]
		i := slices.IndexFunc(theirs.Cookies, func(o [2]string) bool { return o[0] == c[0] })
		if i < 0 || strings.Trim(theirs.Cookies[i][1], `"`) != strings.Trim(c[1], `"`) && utf8.ValidString(c[1]) {
			problems = append(problems, fmt.Sprintf("another cookie %q", c))
		}
	}
	return problems
}

// plain leaves out what is no UTF-8, of which every decoder makes something else.
func plain(text string) string {
	return string(bytes.ReplaceAll(bytes.ToValidUTF8([]byte(text), nil), []byte("\uFFFD"), nil))
}
