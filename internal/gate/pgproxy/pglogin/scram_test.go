package pglogin

import (
	"errors"
	"strings"
	"testing"
)

// The example of RFC 7677 §3: user "user", password "pencil".
const (
	rfcClientNonce = "rOprNGfwEbeRWgbNEkqO"
	rfcFirst       = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
	rfcFinal       = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
	rfcServer      = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
)

func TestSCRAMClientExample(t *testing.T) {
	c := scramClient{password: "pencil", gs2: "n,,", bare: "n=user,r=" + rfcClientNonce, nonce: rfcClientNonce}
	got, err := c.answer([]byte(rfcFirst))
	if err != nil || string(got) != rfcFinal {
		t.Fatalf("got %q and %v, want %q", got, err, rfcFinal)
	}
	if err := c.verify([]byte(rfcServer)); err != nil {
		t.Error(err)
	}
	if err := c.verify([]byte(strings.Replace(rfcServer, "6", "7", 1))); !errors.Is(err, errProof) {
		t.Errorf("a wrong signature: %v", err)
	}
}

func TestSCRAMServerExample(t *testing.T) {
	salt, _ := b64.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	keys, err := deriveKeys("pencil", salt, 4096)
	if err != nil {
		t.Fatal(err)
	}
	v := Verifier{Iterations: 4096, Salt: salt, StoredKey: keys.stored}
	copy(v.ServerKey[:], keys.server)
	s := scramServer{verifier: v, gs2: "n,,", bare: "n=user,r=" + rfcClientNonce, first: rfcFirst,
		nonce: "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"}
	got, err := s.end([]byte(rfcFinal))
	if err != nil || string(got) != rfcServer {
		t.Fatalf("got %q and %v, want %q", got, err, rfcServer)
	}
	for name, bad := range map[string]string{
		"another nonce":   strings.Replace(rfcFinal, "k0,p", "k1,p", 1),
		"another binding": strings.Replace(rfcFinal, "biws", "eSws", 1),
		"another proof":   strings.Replace(rfcFinal, "dHzb", "dHzc", 1),
		"no proof":        strings.Split(rfcFinal, ",p=")[0],
		"a short proof":   strings.Split(rfcFinal, ",p=")[0] + ",p=AAAA",
	} {
		if out, err := s.end([]byte(bad)); err == nil {
			t.Errorf("%s: accepted, %q", name, out)
		}
	}
	s.mock = true
	if _, err := s.end([]byte(rfcFinal)); !errors.Is(err, errProof) {
		t.Errorf("a user that does not exist: %v", err)
	}
}

// TestSCRAMFirstMessages covers the GS2 header (RFC 5802 §7).
func TestSCRAMFirstMessages(t *testing.T) {
	bound := []byte("hash of the certificate")
	tests := []struct {
		name, msg string
		binding   []byte
		plus      bool
		want      string
	}{
		{"no binding", "n,,n=,r=abc", nil, false, ""},
		{"binding not wanted", "n,,n=,r=abc", bound, false, ""},
		{"binding not offered", "y,,n=,r=abc", nil, false, ""},
		{"the offer was taken away", "y,,n=,r=abc", bound, false, "somebody took the offer away"},
		{"binding", "p=tls-server-end-point,,n=,r=abc", bound, true, ""},
		{"another binding", "p=tls-unique,,n=,r=abc", bound, true, "tls-server-end-point"},
		{"plus without binding", "n,,n=,r=abc", bound, true, "tls-server-end-point"},
		{"binding without plus", "p=tls-server-end-point,,n=,r=abc", bound, false, "without its mechanism"},
		{"authzid", "n,a=root,n=,r=abc", nil, false, "authorization identity"},
		{"extension", "n,,m=x,n=,r=abc", nil, false, `attribute 'n'`},
		{"no nonce", "n,,n=,r=", nil, false, "no nonce"},
		{"nothing", "", nil, false, "no GS2 header"},
		{"cut", "n,", nil, false, "authorization identity"},
	}
	for _, tt := range tests {
		s := scramServer{verifier: Verifier{Iterations: 4096, Salt: []byte("salt")}, binding: tt.binding, plus: tt.plus}
		_, err := s.begin([]byte(tt.msg))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestSCRAMClientRefuses(t *testing.T) {
	for name, msg := range map[string]string{
		"a nonce that is not ours": "r=other,s=AAAA,i=4096",
		"our nonce alone":          "r=abc,s=AAAA,i=4096",
		"no salt":                  "r=abcdef,s=,i=4096",
		"no iterations":            "r=abcdef,s=AAAA,i=0",
		"too many iterations":      "r=abcdef,s=AAAA,i=999999999",
		"an extension":             "m=x,r=abcdef,s=AAAA,i=4096",
	} {
		c := scramClient{password: "x", nonce: "abc"}
		if _, err := c.answer([]byte(msg)); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if c.serverSignature != nil || c.verify([]byte("v=")) == nil {
			t.Errorf("%s: an empty signature is accepted", name)
		}
	}
}

// FuzzSCRAM: no message makes either side panic, and what both sides say to each other fits.
func FuzzSCRAM(f *testing.F) {
	f.Add("pencil", "n,,n=,r=abc", "c=biws,r=abc,p=AAAA")
	f.Fuzz(func(t *testing.T, password, first, final string) {
		v := Verifier{Iterations: 1, Salt: []byte("salt")}
		s := scramServer{verifier: v}
		if _, err := s.begin([]byte(first)); err == nil {
			if _, err := s.end([]byte(final)); err == nil {
				t.Fatal("a proof without the password")
			}
		}
		hostile := scramClient{password: password, nonce: "abc"}
		if len(first) < 1<<10 && !strings.Contains(first, "i=") {
			_, _ = hostile.answer([]byte(first))
		}
		_ = hostile.verify([]byte(final))
		k, err := deriveKeys(password, v.Salt, 1)
		if err != nil {
			t.Skip()
		}
		v.StoredKey = k.stored
		copy(v.ServerKey[:], k.server)
		s, c := scramServer{verifier: v}, scramClient{password: password}
		challenge, err := s.begin(c.begin())
		if err != nil {
			t.Fatal(err)
		}
		answer, err := c.answer(challenge)
		if err != nil {
			t.Fatal(err)
		}
		last, err := s.end(answer)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.verify(last); err != nil {
			t.Fatal(err)
		}
	})
}
