package bucket

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/datamap/document"
	"sekisho/internal/element"
)

// TestSignature is the two examples of the Amazon S3 API Reference ("Signature
// Calculations for the Authorization Header", GET Object and GET Bucket).
func TestSignature(t *testing.T) {
	cfg := &Config{Access: "AKIAIOSFODNN7EXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", Region: "us-east-1"}
	at := time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct{ url, ranges, want string }{
		{"https://examplebucket.s3.amazonaws.com/test.txt", "bytes=0-9", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
		{"https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J", "", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
	} {
		r, err := http.NewRequest(http.MethodGet, c.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.ranges != "" {
			r.Header.Set("Range", c.ranges)
		}
		sign(r, cfg, at)
		if _, got, _ := strings.Cut(r.Header.Get("Authorization"), "Signature="); got != c.want {
			t.Errorf("%s: signature %s, want %s", c.url, got, c.want)
		}
	}
}

// storage is a small S3 that answers like the real one: pages of two keys, ETags,
// If-Match, errors by status; it checks that requests are signed and only read.
type storage struct {
	t       *testing.T
	objects map[string]string
	denied  string
	secret  string
	onGet   func(key string)
	loops   bool            // the listing leads back to its beginning
	cut     map[string]bool // objects whose connection ends too early
}

func (s *storage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		s.t.Errorf("%s: the bucket is to be read only", r.Method)
	}
	if s.secret != "" {
		again := r.Clone(context.Background())
		again.URL.Host = r.Host
		given := r.Header.Get("Authorization")
		for name := range again.Header {
			if n := strings.ToLower(name); !strings.Contains(given, n) || n == "authorization" {
				again.Header.Del(name)
			}
		}
		at, _ := time.Parse("20060102T150405Z", r.Header.Get("x-amz-date"))
		again.Header.Del("Authorization")
		sign(again, &Config{Access: "key", Secret: s.secret, Region: "tokyo"}, at)
		if again.Header.Get("Authorization") != given {
			w.WriteHeader(http.StatusForbidden)
			return
		}
	}
	key, ok := strings.CutPrefix(r.URL.Path, "/store/lists/")
	if !ok {
		s.list(w, r.URL.Query())
		return
	}
	if s.onGet != nil {
		s.onGet(key)
	}
	text, there := s.objects[key]
	switch {
	case key == s.denied:
		w.WriteHeader(http.StatusForbidden)
	case !there:
		w.WriteHeader(http.StatusNotFound)
	case r.Header.Get("If-Match") != etag(text):
		w.WriteHeader(http.StatusPreconditionFailed)
	case s.cut[key]:
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		io.WriteString(w, text[:len(text)/2])
	default:
		io.WriteString(w, text)
	}
}

func etag(text string) string {
	sum := md5.Sum([]byte(text))
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func (s *storage) list(w http.ResponseWriter, q url.Values) {
	type entry struct {
		Key, ETag    string
		Size         int
		LastModified time.Time
	}
	var answer struct {
		XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
		Contents              []entry
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
	}
	var keys []string
	for k := range s.objects {
		if strings.HasPrefix(k, q.Get("prefix")) && k > q.Get("continuation-token") {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	if len(keys) > 2 {
		keys = keys[:2]
		answer.IsTruncated, answer.NextContinuationToken = true, keys[1]
	}
	if s.loops {
		answer.IsTruncated = true
		if answer.NextContinuationToken == "" {
			answer.NextContinuationToken = " " // before all keys
		}
	}
	for _, k := range keys {
		answer.Contents = append(answer.Contents, entry{k, etag(s.objects[k]), len(s.objects[k]), time.Unix(1700000000, 0).UTC()})
	}
	xml.NewEncoder(w).Encode(answer)
}

// taker remembers what was read.
type taker struct {
	part  string
	lines []string
}

func (s *taker) Text(string, element.Encoding) io.WriteCloser { return &text{s: s} }

func (s *taker) Table(string) document.Table { panic("the test has no tables") }

func (s *taker) Trouble(_ string, t document.Trouble, _ string) {
	s.lines = append(s.lines, s.part+" trouble "+t.String())
}

type text struct {
	bytes.Buffer
	s *taker
}

func (x *text) Close() error {
	x.s.lines = append(x.s.lines, x.s.part+" "+strings.TrimSpace(x.String()))
	return nil
}

func TestBucket(t *testing.T) {
	const odd = "顧客/a b+c=%25#?.txt" // a key may be any text
	s := &storage{t: t, secret: "secret", denied: "d.txt", objects: map[string]string{
		"a.txt": "one\n", odd: "two\n", "b/": "", "d.txt": "no\n", "gone.txt": "g\n", "new.txt": "old\n", "other/x.txt": "x\n"}}
	server := httptest.NewServer(s)
	defer server.Close()
	store, err := New(Config{Endpoint: server.URL + "/store", Bucket: "lists", Region: "tokyo", Access: "key", Secret: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	s.onGet = func(key string) {
		if key == "new.txt" {
			s.objects[key] = "new\n"
		}
		if key == "d.txt" { // of the same page
			delete(s.objects, "gone.txt")
		}
	}
	sink := &taker{}
	reader := &document.Reader{Temp: t.TempDir()}
	sums := map[string]string{}
	err = store.Walk(t.Context(), func(o document.Object) error {
		sink.part = o.Path
		_, err := o.Content.Read(t.Context(), reader, sink)
		var sum bytes.Buffer
		if o.Content.Sum(t.Context(), &sum) == nil {
			sums[o.Path] = sum.String()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a.txt one", "d.txt trouble denied", "gone.txt trouble vanished", "new.txt trouble vanished", "other/x.txt x", odd + " two"}
	slices.Sort(sink.lines)
	slices.Sort(want)
	if d := cmp.Diff(want, sink.lines); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if sums["a.txt"] != "one\n4" {
		t.Errorf("sum %q", sums["a.txt"])
	}
	store.cfg.Secret = "wrong"
	err = store.Walk(t.Context(), func(o document.Object) error {
		if o.Path != "." || o.Trouble != document.Denied {
			return fmt.Errorf("with a wrong key: %+v", o)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestHostileBucket: a listing that leads back to its beginning, an object that is cut off,
// and half a file end, and say so; the rest is read.
func TestHostileBucket(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for range 5000 {
		fmt.Fprintln(z, "関所", rand.Text())
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	s := &storage{t: t, loops: true, cut: map[string]bool{"cut.txt": true}, objects: map[string]string{
		"a.txt": "one\n", "cut.txt": strings.Repeat("two\n", 100_000), "half.gz": packed.String()[:packed.Len()/2], "z.txt": "three\n"}}
	server := httptest.NewServer(s)
	defer server.Close()
	store, err := New(Config{Endpoint: server.URL + "/store", Bucket: "lists"})
	if err != nil {
		t.Fatal(err)
	}
	reader := &document.Reader{Temp: t.TempDir()}
	got := map[string]int{}
	err = store.Walk(t.Context(), func(o document.Object) error {
		if o.Trouble != 0 {
			got[o.Path+" "+o.Trouble.String()]++
			return nil
		}
		sink := &taker{part: o.Path}
		_, err := o.Content.Read(t.Context(), reader, sink)
		for _, l := range sink.lines {
			got[o.Path+l[len(o.Path):min(len(l), len(o.Path)+17)]]++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{". failed", "a.txt one", "cut.txt trouble failed", "half.gz trouble damaged", "z.txt three"} {
		if got[want] == 0 {
			t.Errorf("no %q in %v", want, got)
		}
	}
	if got["a.txt one"] > 2 {
		t.Errorf("the first page was read %d times", got["a.txt one"])
	}
}

// liar is a storage that lists what it does not have.
type liar struct {
	pages int            // of 1,000 keys each, all empty objects
	sizes map[string]int // what is listed; what comes is the name eight times
	over  bool           // a page has too many keys
}

func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, ok := strings.CutPrefix(r.URL.Path, "/lists/")
	entry := func(key string, size int) {
		fmt.Fprintf(w, "<Contents><Key>%s</Key><Size>%d</Size><ETag>x</ETag></Contents>", key, size)
	}
	switch {
	case !ok:
		page := 0
		fmt.Sscan(r.URL.Query().Get("continuation-token"), &page)
		fmt.Fprint(w, "<ListBucketResult>")
		for key, size := range l.sizes {
			entry(key, size)
		}
		if page < l.pages {
			for i := range 1000 {
				entry(fmt.Sprintf("k%09d", page*1000+i), 0)
			}
		}
		if l.over {
			io.WriteString(w, strings.Repeat("<Contents/>", maxKeys+1))
		}
		fmt.Fprintf(w, "<IsTruncated>%v</IsTruncated><NextContinuationToken>%d</NextContinuationToken></ListBucketResult>", page < l.pages-1, page+1)
	case strings.HasPrefix(key, "endless"):
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat(key+"\n", 1000)); err != nil {
				return
			}
		}
	case strings.HasPrefix(key, "hangs"):
		io.WriteString(w, key)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	case strings.HasPrefix(key, "k"):
	default:
		io.WriteString(w, strings.Repeat(key, 8))
	}
}

// TestLyingBucket: objects that are longer or shorter than they are listed, that never
// end or never come, and pages without an end are told, and end.
func TestLyingBucket(t *testing.T) {
	l := &liar{sizes: map[string]int{"right.txt": 72, "short.txt": 100, "long.txt": 20, "endless.txt": 1 << 20}}
	server := httptest.NewServer(l)
	defer server.Close()
	read := func(patience time.Duration) (lines []string) {
		store, err := New(Config{Endpoint: server.URL, Bucket: "lists"})
		if err != nil {
			t.Fatal(err)
		}
		store.patience = patience
		reader := &document.Reader{Temp: t.TempDir()}
		err = store.Walk(t.Context(), func(o document.Object) error {
			if o.Trouble != 0 {
				lines = append(lines, o.Path+" "+o.Trouble.String())
				return nil
			}
			sink := &taker{part: o.Path}
			changed, err := o.Content.Read(t.Context(), reader, sink)
			failed := slices.Contains(sink.lines, o.Path+" trouble failed")
			if failed != changed {
				t.Errorf("%s: failed %v, to be read again %v", o.Path, failed, changed)
			}
			lines = append(lines, fmt.Sprintf("%s failed=%v", o.Path, failed))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(lines)
		return lines
	}
	want := []string{"endless.txt failed=true", "long.txt failed=true", "right.txt failed=false", "short.txt failed=true"}
	if d := cmp.Diff(want, read(time.Hour)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	l.sizes = map[string]int{"hangs.txt": 100}
	if d := cmp.Diff([]string{"hangs.txt failed=true"}, read(time.Millisecond)); d != "" {
		t.Errorf("what never comes (-want +got):\n%s", d)
	}
	l.sizes, l.over = nil, true
	if d := cmp.Diff([]string{". failed"}, read(time.Hour)); d != "" {
		t.Errorf("a page of too many keys (-want +got):\n%s", d)
	}
}

// TestMillionKeys: nothing is kept of a key that was visited.
func TestMillionKeys(t *testing.T) {
	pages := 50
	if os.Getenv("SEKISHO_LONG") != "" {
		pages = 1000
	}
	server := httptest.NewServer(&liar{pages: pages})
	defer server.Close()
	store, err := New(Config{Endpoint: server.URL, Bucket: "lists"})
	if err != nil {
		t.Fatal(err)
	}
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, n := heap(), 0
	last := ""
	if err := store.Walk(t.Context(), func(o document.Object) error {
		if n++; o.Path <= last {
			t.Errorf("%s after %s", o.Path, last)
		}
		last = o.Path
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if grown := heap() - before; n != pages*1000 || grown > 8<<20 {
		t.Errorf("%d keys, want %d; %d MiB are kept", n, pages*1000, grown>>20)
	}
}

func TestParse(t *testing.T) {
	got, err := Parse("s3://lists/customers/2026?endpoint=https://minio.example:9000&region=tokyo")
	if err != nil || got.Bucket != "lists" || got.Prefix != "customers/2026" || got.Endpoint != "https://minio.example:9000" || got.Region != "tokyo" {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = Parse("s3://lists?region=ap-northeast-1"); err != nil || got.Endpoint != "https://s3.ap-northeast-1.amazonaws.com" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"s3://lists", "s3://?endpoint=https://x", "s3://key:secret@lists?region=x", "https://lists", "s3://lists?endpoint=ftp://x"} {
		if _, err := Parse(bad); !errors.Is(err, ErrAddress) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
