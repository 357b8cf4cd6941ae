package pglogin

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// SCRAM-SHA-256 (RFC 5802, RFC 7677) as PostgreSQL speaks it (src/backend/libpq/auth-scram.c,
// src/interfaces/libpq/fe-auth-scram.c): no authzid, no extensions, the user name in the exchange is ignored, the
// only channel binding is tls-server-end-point (RFC 5929).

const (
	scramKeyBytes      = sha256.Size
	scramNonceBytes    = 18      // SCRAM_RAW_NONCE_LEN
	scramMaxIterations = 1 << 22 // PostgreSQL sets no limit; a hostile server must not burn our processor
	bindingType        = "p=tls-server-end-point"
)

var b64 = base64.StdEncoding

// errProof: the proof or the signature is wrong, so the password is.
var errProof = errors.New("SCRAM: the proof does not fit")

func scramError(what string) error { return errors.New("SCRAM: " + what) }

func hmacSum(key []byte, parts ...string) []byte {
	m := hmac.New(sha256.New, key)
	for _, p := range parts {
		m.Write([]byte(p))
	}
	return m.Sum(nil)
}

func xor(a, b []byte) []byte {
	out := make([]byte, len(a))
	subtle.XORBytes(out, a, b)
	return out
}

func nonce() string {
	var b [scramNonceBytes]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return b64.EncodeToString(b[:])
}

// attribute takes "x=value" from the beginning of a comma-separated message.
func attribute(msg string, name byte) (value, rest string, err error) {
	if len(msg) < 2 || msg[0] != name || msg[1] != '=' {
		return "", "", fmt.Errorf("SCRAM: attribute %q expected", name)
	}
	value, rest, _ = strings.Cut(msg[2:], ",")
	return value, rest, nil
}

// prepare is the part of SASLprep (RFC 4013) that changes characters. PostgreSQL uses a password that SASLprep
// refuses as it is, so a refusal is no error.
func prepare(password string) string {
	for i := 0; i < len(password); i++ {
		if password[i] >= 0x80 {
			return saslprep(password)
		}
	}
	return password
}

func saslprep(password string) string {
	mapped := strings.Map(func(r rune) rune {
		switch {
		case r == 0x00a0, r == 0x1680, r >= 0x2000 && r <= 0x200b, r == 0x202f, r == 0x205f, r == 0x3000:
			return ' ' // C.1.2, non-ASCII space
		case r == 0x00ad, r == 0x034f, r == 0x1806, r >= 0x180b && r <= 0x180d, r == 0x200c, r == 0x200d,
			r == 0x2060, r >= 0xfe00 && r <= 0xfe0f, r == 0xfeff:
			return -1 // B.1, commonly mapped to nothing
		}
		return r
	}, password)
	return norm.NFKC.String(mapped)
}

// scramServer authenticates a client.
type scramServer struct {
	verifier Verifier
	mock     bool   // there is no such user: fail at the end, as for a wrong password
	binding  []byte // tls-server-end-point of our certificate; nil: no channel binding was offered
	plus     bool   // the client chose channel binding

	gs2, bare, first, nonce string
}

// begin takes client-first-message and returns server-first-message.
func (s *scramServer) begin(msg []byte) ([]byte, error) {
	text := string(msg)
	flag, rest, ok := strings.Cut(text, ",")
	if !ok {
		return nil, scramError("no GS2 header")
	}
	switch {
	case s.plus && flag != bindingType:
		return nil, scramError("the mechanism needs tls-server-end-point")
	case !s.plus && flag == "y" && s.binding != nil:
		return nil, scramError("the client thinks that channel binding is not offered: somebody took the offer away")
	case !s.plus && flag != "n" && flag != "y":
		return nil, scramError("channel binding without its mechanism")
	}
	authzid, bare, ok := strings.Cut(rest, ",")
	if !ok || authzid != "" {
		return nil, scramError("an authorization identity is not supported")
	}
	s.gs2, s.bare = text[:len(text)-len(bare)], bare
	_, rest, err := attribute(bare, 'n') // PostgreSQL takes the user from the start-up packet
	if err != nil {
		return nil, err
	}
	clientNonce, _, err := attribute(rest, 'r')
	if err != nil || clientNonce == "" {
		return nil, scramError("no nonce")
	}
	s.nonce = clientNonce + nonce()
	s.first = "r=" + s.nonce + ",s=" + b64.EncodeToString(s.verifier.Salt) + ",i=" + strconv.Itoa(s.verifier.Iterations)
	return []byte(s.first), nil
}

// end takes client-final-message and returns server-final-message.
func (s *scramServer) end(msg []byte) ([]byte, error) {
	text := string(msg)
	at := strings.LastIndex(text, ",p=")
	if at < 0 {
		return nil, scramError("no proof")
	}
	proof, err := b64.DecodeString(text[at+3:])
	if err != nil || len(proof) != scramKeyBytes {
		return nil, scramError("a proof that is none")
	}
	binding, rest, err := attribute(text[:at], 'c')
	if err != nil {
		return nil, err
	}
	want := append([]byte(s.gs2), s.bindingData()...)
	if got, err := b64.DecodeString(binding); err != nil || !bytes.Equal(got, want) {
		return nil, scramError("the channel binding does not fit")
	}
	if got, _, err := attribute(rest, 'r'); err != nil || got != s.nonce {
		return nil, scramError("the nonce does not fit")
	}
	auth := s.bare + "," + s.first + "," + text[:at]
	clientKey := xor(proof, hmacSum(s.verifier.StoredKey[:], auth))
	stored := sha256.Sum256(clientKey)
	if subtle.ConstantTimeCompare(stored[:], s.verifier.StoredKey[:]) != 1 || s.mock {
		return nil, errProof
	}
	return []byte("v=" + b64.EncodeToString(hmacSum(s.verifier.ServerKey[:], auth))), nil
}

func (s *scramServer) bindingData() []byte {
	if s.plus {
		return s.binding
	}
	return nil
}

// scramClient logs in to a server.
type scramClient struct {
	password string
	binding  []byte // tls-server-end-point of the server's certificate, if the mechanism uses it
	tls      bool   // we could bind, and the server does not offer it

	gs2, bare, nonce string
	serverSignature  []byte
}

// begin returns client-first-message.
func (c *scramClient) begin() []byte {
	switch {
	case c.binding != nil:
		c.gs2 = bindingType + ",,"
	case c.tls:
		c.gs2 = "y,,"
	default:
		c.gs2 = "n,,"
	}
	c.nonce = nonce()
	c.bare = "n=,r=" + c.nonce
	return []byte(c.gs2 + c.bare)
}

// answer takes server-first-message and returns client-final-message.
func (c *scramClient) answer(msg []byte) ([]byte, error) {
	first := string(msg)
	fullNonce, rest, err := attribute(first, 'r')
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(fullNonce, c.nonce) || len(fullNonce) == len(c.nonce) {
		return nil, scramError("the server's nonce is not an extension of ours")
	}
	saltText, rest, err := attribute(rest, 's')
	if err != nil {
		return nil, err
	}
	salt, err := b64.DecodeString(saltText)
	if err != nil || len(salt) == 0 {
		return nil, scramError("a salt that is none")
	}
	iterText, _, err := attribute(rest, 'i')
	if err != nil {
		return nil, err
	}
	iterations, err := strconv.Atoi(iterText)
	if err != nil || iterations < 1 || iterations > scramMaxIterations {
		return nil, scramError("a number of iterations that is none")
	}
	keys, err := deriveKeys(c.password, salt, iterations)
	if err != nil {
		return nil, err
	}
	final := "c=" + b64.EncodeToString(append([]byte(c.gs2), c.binding...)) + ",r=" + fullNonce
	auth := c.bare + "," + first + "," + final
	c.serverSignature = hmacSum(keys.server, auth)
	proof := xor(keys.client, hmacSum(keys.stored[:], auth))
	return []byte(final + ",p=" + b64.EncodeToString(proof)), nil
}

// verify takes server-final-message: the server knows the password too.
func (c *scramClient) verify(msg []byte) error {
	value, _, err := attribute(string(msg), 'v')
	if err != nil {
		return err
	}
	got, err := b64.DecodeString(value)
	if err != nil || c.serverSignature == nil || !hmac.Equal(got, c.serverSignature) {
		return errProof
	}
	return nil
}

type scramKeys struct {
	client, server []byte
	stored         [scramKeyBytes]byte
}

func deriveKeys(password string, salt []byte, iterations int) (scramKeys, error) {
	salted, err := pbkdf2.Key(sha256.New, prepare(password), salt, iterations, scramKeyBytes)
	if err != nil {
		return scramKeys{}, fmt.Errorf("SCRAM: %w", err)
	}
	k := scramKeys{client: hmacSum(salted, "Client Key"), server: hmacSum(salted, "Server Key")}
	k.stored = sha256.Sum256(k.client)
	return k, nil
}

// endPointHash is tls-server-end-point (RFC 5929 §4.1): the hash of the certificate by its signature's own hash,
// SHA-256 in place of MD5 and SHA-1; nil where the signature has no hash of its own (Ed25519).
func endPointHash(cert *x509.Certificate) []byte {
	h := crypto.SHA256
	switch cert.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		h = crypto.SHA384
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		h = crypto.SHA512
	case x509.PureEd25519, x509.UnknownSignatureAlgorithm:
		return nil
	}
	sum := h.New()
	sum.Write(cert.Raw)
	return sum.Sum(nil)
}
