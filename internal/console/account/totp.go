package account

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// One-time codes as every authenticator program makes them: RFC 6238 with
// HMAC-SHA-1, 30 seconds and six digits (RFC 4226, section 5.3).
const (
	totpStep   = 30 * time.Second
	totpDigits = 6
	totpSecret = 20 // bytes: the length of the hash (RFC 4226, section 4, R6)
	// totpSkew steps before and after now are taken (RFC 6238, section 5.2).
	totpSkew = 1
)

// hotp returns the code of a counter (RFC 4226, section 5.3).
func hotp(secret []byte, counter uint64) string {
	var message [8]byte
	binary.BigEndian.PutUint64(message[:], counter)
	mac := hmac.New(sha1.New, secret)
	mac.Write(message[:])
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%0*d", totpDigits, binary.BigEndian.Uint32(sum[at:])&0x7fffffff%1_000_000)
}

// totp returns the counter that the code belongs to, if it is a code of about
// now and newer than the last one that was taken: a code counts once.
func totp(secret []byte, code string, now time.Time, last int64) (counter int64, ok bool) {
	if len(secret) == 0 || len(code) != totpDigits {
		return 0, false
	}
	at := now.Unix() / int64(totpStep/time.Second)
	for c := at - totpSkew; c <= at+totpSkew; c++ {
		if subtle.ConstantTimeCompare([]byte(hotp(secret, uint64(c))), []byte(code)) == 1 && c > last {
			counter, ok = c, true
		}
	}
	return counter, ok
}

// Key is a secret for one-time codes that is not in use yet.
type Key []byte

// String returns the secret as people type it into a program.
func (k Key) String() string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(k)
}

// ParseKey reads what String wrote.
func ParseKey(text string) (Key, error) {
	k, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(text)
	if err != nil || len(k) != totpSecret {
		return nil, ErrCode
	}
	return k, nil
}

// Link returns the address that authenticator programs open (the form of
// Google Authenticator's wiki, "Key URI Format"), with everything that codes
// are made with, whatever a program takes where nothing is said.
func (k Key) Link(name string) string {
	q := url.Values{"secret": {k.String()}, "issuer": {"Sekisho"}, "algorithm": {"SHA1"},
		"digits": {strconv.Itoa(totpDigits)}, "period": {strconv.Itoa(int(totpStep / time.Second))}}
	return "otpauth://totp/" + url.PathEscape("Sekisho:"+name) + "?" + q.Encode()
}

// Code returns the code that a program shows at a time, for checks of what
// people set up and for tests.
func Code(k Key, at time.Time) string { return hotp(k, uint64(at.Unix()/int64(totpStep/time.Second))) }
