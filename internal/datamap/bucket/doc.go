// Package bucket is a bucket of an S3-compatible object storage as a document.Store:
// it lists the objects below a prefix and reads each once, from the front.
//
// It asks with ListObjectsV2 and GetObject alone and changes nothing; older versions of
// objects are not read. An object that changes while it is read is read again by the
// next scan.
//
// Requests are signed as AWS Signature Version 4 says (Amazon S3 API Reference,
// "Authenticating Requests: Using the Authorization Header"); without keys they are
// anonymous. Addresses are path-style (https://host/bucket/key), which every such
// storage understands.
package bucket

import (
	"context"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"crypto/sha256"

	"sekisho/internal/datamap/document"
)

// Config says which bucket is read.
type Config struct {
	Endpoint string // https://s3.ap-northeast-1.amazonaws.com, or a storage of one's own
	Bucket   string
	Prefix   string // of keys; "" for all
	Region   string // "" means us-east-1
	// Access and Secret are the keys; both empty: anonymous. Token goes with temporary
	// ones.
	Access, Secret, Token string
	// BytesPerSecond bounds the reading; 0 means no bound.
	BytesPerSecond int64
	// Client sends the requests; nil means one with sensible limits.
	Client *http.Client
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// ErrAddress is returned for what is no address of a bucket.
var ErrAddress = errors.New("write s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION")

// Parse reads an address s3://BUCKET[/PREFIX]?endpoint=URL[&region=REGION].
func Parse(address string) (cfg Config, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "s3" || u.Host == "" || u.User != nil {
		return cfg, ErrAddress
	}
	q := u.Query()
	cfg = Config{Bucket: u.Host, Prefix: strings.TrimPrefix(u.Path, "/"), Endpoint: q.Get("endpoint"), Region: q.Get("region")}
	if cfg.Endpoint == "" {
		if cfg.Region == "" {
			return cfg, ErrAddress
		}
		cfg.Endpoint = "https://s3." + cfg.Region + ".amazonaws.com"
	}
	e, err := url.Parse(cfg.Endpoint)
	if err != nil || e.Scheme != "https" && e.Scheme != "http" || e.Host == "" {
		return cfg, ErrAddress
	}
	return cfg, nil
}

// Store is a bucket.
type Store struct {
	cfg      Config
	base     *url.URL
	patience time.Duration
}

// New touches no network.
func New(cfg Config) (*Store, error) {
	base, err := url.Parse(cfg.Endpoint)
	if err != nil || base.Host == "" || cfg.Bucket == "" {
		return nil, ErrAddress
	}
	if cfg.Region == "" {
		cfg.Region = "us-east-1"
	}
	if cfg.Client == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.ResponseHeaderTimeout = time.Minute
		t.DisableCompression = true // what is stored counts
		cfg.Client = &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Store{cfg, base, patience}, nil
}

// listing is the answer of ListObjectsV2, as far as it matters.
type listing struct {
	Contents              keys
	IsTruncated           bool
	NextContinuationToken string
}

// key is one object of a listing.
type key struct {
	Key          string
	Size         int64
	ETag         string
	LastModified time.Time
}

// maxKeys is ten times what a page has (ListObjectsV2, max-keys).
const maxKeys = 10_000

// keys are the objects of a page; what is over maxKeys is not kept.
type keys struct {
	all  []key
	over bool
}

// UnmarshalXML implements xml.Unmarshaler.
func (k *keys) UnmarshalXML(d *xml.Decoder, start xml.StartElement) error {
	if k.over = k.over || len(k.all) >= maxKeys; k.over {
		return d.Skip()
	}
	var one key
	if err := d.DecodeElement(&one, &start); err != nil {
		return err
	}
	k.all = append(k.all, one)
	return nil
}

// maxListing bounds one page of a listing: 1,000 keys of 1,024 bytes, escaped.
const maxListing = 16 << 20

// Walk implements document.Store.
func (s *Store) Walk(ctx context.Context, visit func(document.Object) error) error {
	token := ""
	asked := map[[32]byte]bool{} // for pages, by the sum of their token
	for {
		page, err := s.list(ctx, token)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return visit(document.Object{Path: ".", Trouble: troubleOf(err)})
		}
		for _, c := range page.Contents.all {
			if strings.HasSuffix(c.Key, "/") && c.Size == 0 {
				continue // a folder as consoles make it
			}
			sum := sha256.Sum256([]byte(c.ETag))
			o := document.Object{Path: document.Name(c.Key), Raw: c.Key, Size: c.Size, Modified: c.LastModified,
				Identity: [4]int64{c.Size, c.LastModified.UnixNano(), int64(binary.BigEndian.Uint64(sum[:])), 1},
				Content:  &content{s, c.Key, c.ETag, c.Size}}
			if err := visit(o); err != nil {
				return err
			}
		}
		if !page.IsTruncated {
			return nil
		}
		token = page.NextContinuationToken
		sum := sha256.Sum256([]byte(token))
		if token == "" || asked[sum] { // no way on, or one that leads back: what is behind it was not seen
			return visit(document.Object{Path: ".", Trouble: document.Failed})
		}
		asked[sum] = true
	}
}

func (s *Store) list(ctx context.Context, token string) (*listing, error) {
	q := url.Values{"list-type": {"2"}}
	if s.cfg.Prefix != "" {
		q.Set("prefix", s.cfg.Prefix)
	}
	if token != "" {
		q.Set("continuation-token", token)
	}
	body, err := s.get(ctx, "", q, nil)
	if err != nil {
		return nil, err
	}
	defer body.Close() // of a reader
	page := &listing{}
	if err := xml.NewDecoder(io.LimitReader(body, maxListing)).Decode(page); err != nil {
		return nil, fmt.Errorf("list of the bucket: %w", err)
	}
	if page.Contents.over {
		return nil, errors.New("list of the bucket: a page of more than 10,000 keys")
	}
	return page, nil
}

// Status is an answer other than the one wanted.
type Status int

// Error implements error.
func (e Status) Error() string { return "the storage answers " + strconv.Itoa(int(e)) }

// get asks for a key, or with "" for the bucket.
func (s *Store) get(ctx context.Context, key string, q url.Values, header map[string]string) (io.ReadCloser, error) {
	u := *s.base
	u.Path = path.Join("/", s.base.Path, s.cfg.Bucket) + "/" + key
	if key == "" {
		u.Path = strings.TrimSuffix(u.Path, "/")
	}
	u.RawPath = escape(u.Path, true) // a key may be any text
	u.RawQuery = canonicalQuery(q)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask for an object: %w", err)
	}
	r.URL.Path, r.URL.RawPath = u.Path, u.RawPath
	for name, value := range header {
		r.Header.Set(name, value)
	}
	if s.cfg.Access != "" {
		sign(r, &s.cfg, s.cfg.Now().UTC())
	}
	answer, err := s.cfg.Client.Do(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		answer.Body.Close() // of a reader
		return nil, Status(answer.StatusCode)
	}
	return answer.Body, nil
}

func troubleOf(err error) document.Trouble {
	var s Status
	if errors.As(err, &s) {
		switch s {
		case http.StatusForbidden, http.StatusUnauthorized:
			return document.Denied
		case http.StatusNotFound, http.StatusPreconditionFailed:
			return document.Vanished
		case http.StatusBadRequest:
			return document.Encrypted // with a key of the customer's (SSE-C)
		}
	}
	return document.Failed
}

// content is one object.
type content struct {
	s    *Store
	key  string
	etag string
	size int64
}

// open asks for the object as it was listed.
func (c *content) open(ctx context.Context) (io.ReadCloser, error) {
	header := map[string]string{}
	if c.etag != "" {
		header["If-Match"] = c.etag
	}
	return c.s.get(ctx, c.key, nil, header)
}

// Read implements document.Content.
func (c *content) Read(ctx context.Context, r *document.Reader, sink document.Sink) (bool, error) {
	body, err := c.open(ctx)
	if ctx.Err() != nil {
		return true, ctx.Err()
	}
	if err != nil {
		sink.Trouble("", troubleOf(err), "")
		return true, nil
	}
	defer body.Close() // of a reader
	in := c.watched(ctx, body)
	err = r.ReadStream(ctx, path.Base(c.key), in, sink)
	if err != nil {
		return true, err
	}
	io.CopyN(io.Discard, in, 1<<20) // formats do not look for the end; in remembers it
	if ctx.Err() != nil {
		return true, ctx.Err()
	}
	if what := in.wrong(); what != "" {
		sink.Trouble("", document.Failed, what)
		return true, nil
	}
	return false, nil
}

// sumBytes is how much of an object tells its content from another's, with its size: as
// of files (package filescan), so that copies are known across stores.
const sumBytes = 1 << 30

// Sum implements document.Content.
func (c *content) Sum(ctx context.Context, w io.Writer) error {
	body, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer body.Close() // of a reader
	in := c.watched(ctx, body)
	if _, err := io.Copy(w, io.LimitReader(in, sumBytes)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%d", c.size)
	return err
}

// counted holds a stream back, ends it where the storage's word says that it ends or when
// it hardly comes, and remembers how it ended.
type counted struct {
	ctx   context.Context
	r     io.Reader
	n     int64
	size  int64 // as it was listed
	rate  int64
	began time.Time
	err   error // not io.EOF
	ended bool  // with io.EOF

	slow  *time.Timer // ends the body; it runs while we wait for bytes
	left  time.Duration
	since int64 // bytes since there was patience in full
	every time.Duration
}

// patience is how long a body may take for leastBytes of it: a storage that sends less
// holds the scan up, and never-ending bodies would hold it for ever.
const (
	patience   = 2 * time.Minute
	leastBytes = 64 << 10
)

var (
	errLong = errors.New("longer than the storage said")
	errSlow = errors.New("the storage hardly sends anything")
)

// watched is the body of an object.
func (c *content) watched(ctx context.Context, body io.ReadCloser) *counted {
	in := &counted{ctx: ctx, r: body, size: c.size, rate: c.s.cfg.BytesPerSecond, began: time.Now(), every: c.s.patience, left: c.s.patience}
	in.slow = time.AfterFunc(time.Hour, func() { body.Close() }) // what waits for it gets an error
	in.slow.Stop()
	return in
}

// wrong says what is wrong with a body that was read.
func (c *counted) wrong() string {
	switch {
	case errors.Is(c.err, errLong), errors.Is(c.err, errSlow):
		return c.err.Error()
	case c.err != nil:
		return "the connection ended too early"
	case c.ended && c.n < c.size:
		return "shorter than the storage said"
	}
	return ""
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	asked := time.Now()
	c.slow.Reset(c.left)
	n, err := c.r.Read(p)
	inTime := c.slow.Stop()
	c.n, c.since, c.left = c.n+int64(n), c.since+int64(n), c.left-time.Since(asked)
	if c.since >= leastBytes {
		c.since, c.left = 0, c.every
	}
	switch {
	case c.n > c.size:
		n -= int(min(c.n-c.size, int64(n)))
		err = errLong
	case err != io.EOF && (!inTime || c.left <= 0):
		err = errSlow
	}
	if c.ended = err == io.EOF; err != nil && !c.ended {
		c.err = err
	}
	if c.rate > 0 {
		due := time.Duration(float64(c.n)/float64(c.rate)*float64(time.Second)) - time.Since(c.began)
		if due > 10*time.Millisecond {
			timer := time.NewTimer(due)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-c.ctx.Done():
				return n, c.ctx.Err()
			}
		}
	}
	return n, err
}
