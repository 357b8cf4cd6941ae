package account

import (
	"errors"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestHOTP has the vectors of RFC 4226, appendix D, and of RFC 6238, appendix
// B, cut to six digits.
func TestHOTP(t *testing.T) {
	secret := []byte("12345678901234567890")
	for i, want := range strings.Fields("755224 287082 359152 969429 338314 254676 287922 162583 399871 520489") {
		if got := hotp(secret, uint64(i)); got != want {
			t.Errorf("HOTP %d: %s, want %s", i, got, want)
		}
	}
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if c, ok := totp(secret, want, time.Unix(at, 0), 0); !ok || c != at/30 {
			t.Errorf("TOTP at %d: %d, %v", at, c, ok)
		}
		if _, ok := totp(secret, want, time.Unix(at+61, 0), 0); ok {
			t.Errorf("TOTP at %d is taken a minute later", at)
		}
	}
	k := Key(secret)
	if again, err := ParseKey(k.String()); err != nil || string(again) != string(secret) {
		t.Errorf("%q: %v", again, err)
	}
}

// TestLink: a program that takes the link as it stands makes the codes that
// are taken here.
func TestLink(t *testing.T) {
	k := Key("12345678901234567890")
	u, err := url.Parse(k.Link("a&b"))
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Sekisho:a&b" {
		t.Fatalf("%v, %v", u, err)
	}
	want := url.Values{"secret": {"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}, "issuer": {"Sekisho"}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"}}
	if got := u.Query(); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	period, err := strconv.ParseInt(u.Query().Get("period"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1111111111, 0)
	code := hotp(k, uint64(at.Unix()/period))
	if strconv.Itoa(len(code)) != u.Query().Get("digits") || code != Code(k, at) {
		t.Errorf("code %q", code)
	}
	if _, ok := totp(k, code, at, 0); !ok {
		t.Errorf("the code %q of the link's period is not taken", code)
	}
}

// TestPasswordForm: what was kept fits its password; what was changed fits
// nothing.
func TestPasswordForm(t *testing.T) {
	kept, err := cheap.sum(&numbered{}, password)
	if err != nil || !fits(kept, password) || fits(kept, password+"x") {
		t.Errorf("%s: %v", kept, err)
	}
	for _, bad := range []string{"", "x", strings.Replace(kept, "v=19", "v=18", 1), strings.Replace(kept, "t=1", "t=0", 1),
		strings.Replace(kept, "argon2id", "argon2i", 1), kept[:len(kept)-2], strings.Replace(kept, "m=64", "m=99999999", 1)} {
		if fits(bad, password) {
			t.Errorf("%q fits", bad)
		}
	}
}

func TestPasskeysNeedAName(t *testing.T) {
	for origin, want := range map[string]bool{"http://localhost:8600": true, "https://console.example.jp": true, "http://127.0.0.1:8600": false, "https://[::1]": false, "": false} {
		p, err := newPasskeys(origin)
		if err != nil || (p != nil) != want {
			t.Errorf("%q: %v, %v", origin, p != nil, err)
		}
	}
	o := newOffice(t)
	if _, err := o.LoginPasskey(t.Context(), "never begun", []byte("{}"), "192.0.2.1"); !errors.Is(err, ErrWrong) {
		t.Errorf("%v", err)
	}
}
