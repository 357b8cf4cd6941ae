package bucket

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// emptySum is the SHA-256 of no bytes: our requests have no bodies.
const emptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// sign adds the Authorization header of AWS Signature Version 4 to a request without a
// body. Every header that is set is signed.
func sign(r *http.Request, cfg *Config, at time.Time) {
	stamp, day := at.Format("20060102T150405Z"), at.Format("20060102")
	r.Header.Set("x-amz-date", stamp)
	r.Header.Set("x-amz-content-sha256", emptySum)
	if cfg.Token != "" {
		r.Header.Set("x-amz-security-token", cfg.Token)
	}
	names := []string{"host"}
	values := map[string]string{"host": r.URL.Host}
	for name, all := range r.Header {
		name = strings.ToLower(name)
		names = append(names, name)
		values[name] = strings.Join(strings.Fields(strings.Join(all, ",")), " ")
	}
	slices.Sort(names)
	var headers strings.Builder
	for _, name := range names {
		headers.WriteString(name + ":" + values[name] + "\n")
	}
	signed := strings.Join(names, ";")
	canonical := strings.Join([]string{r.Method, escape(r.URL.Path, true), r.URL.RawQuery, headers.String(), signed, emptySum}, "\n")
	sum := sha256.Sum256([]byte(canonical))
	scope := day + "/" + cfg.Region + "/s3/aws4_request"
	text := strings.Join([]string{"AWS4-HMAC-SHA256", stamp, scope, hex.EncodeToString(sum[:])}, "\n")
	key := []byte("AWS4" + cfg.Secret)
	for _, part := range []string{day, cfg.Region, "s3", "aws4_request", text} {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part)) // never fails (hash.Hash)
		key = h.Sum(nil)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+cfg.Access+"/"+scope+",SignedHeaders="+signed+",Signature="+hex.EncodeToString(key))
}

// escape is URI encoding as the signature defines it: all but the unreserved characters
// of RFC 3986, in upper case; slashes stay in paths.
func escape(s string, slash bool) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 || c == '/' && slash {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

// canonicalQuery is a query in the order and spelling that is signed.
func canonicalQuery(q url.Values) string {
	var all []string
	for name, values := range q {
		for _, v := range values {
			all = append(all, escape(name, false)+"="+escape(v, false))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "&")
}
