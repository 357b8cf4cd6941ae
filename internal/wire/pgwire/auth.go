package pgwire

// Authentication requests (AUTH_REQ_* in src/include/libpq/protocol.h).
const (
	AuthOK           uint32 = 0
	AuthKerberosV5   uint32 = 2
	AuthCleartext    uint32 = 3
	AuthMD5          uint32 = 5
	AuthGSS          uint32 = 7
	AuthGSSContinue  uint32 = 8
	AuthSSPI         uint32 = 9
	AuthSASL         uint32 = 10
	AuthSASLContinue uint32 = 11
	AuthSASLFinal    uint32 = 12
)

// Authentication is an Authentication… message.
type Authentication struct {
	Kind uint32
	// Data is the salt of AuthMD5 (4 bytes), the token of AuthGSSContinue,
	// the mechanism list of AuthSASL, the SASL data of AuthSASLContinue and
	// AuthSASLFinal; empty otherwise.
	Data []byte
}

// DecodeAuthentication decodes the body of an authentication request.
func DecodeAuthentication(body []byte) (Authentication, error) {
	c := cursor{b: body}
	a := Authentication{Kind: c.uint32()}
	a.Data = c.b
	ok := !c.bad
	switch a.Kind {
	case AuthOK, AuthKerberosV5, AuthCleartext, AuthGSS, AuthSSPI:
		ok = ok && len(a.Data) == 0
	case AuthMD5:
		ok = ok && len(a.Data) == 4
	case AuthSASL:
		for len(c.b) > 0 && c.b[0] != 0 {
			c.text()
		}
		c.byte()
		ok = c.end()
	}
	if !ok {
		return Authentication{}, malformed("Authentication")
	}
	return a, nil
}

// EachMechanism calls f with every SASL mechanism that AuthSASL offers.
func (a *Authentication) EachMechanism(f func(name []byte)) {
	c := cursor{b: a.Data}
	for len(c.b) > 0 && c.b[0] != 0 && !c.bad {
		f(c.text())
	}
}

// AppendAuthentication appends an authentication request.
func AppendAuthentication(dst []byte, kind uint32, data []byte) []byte {
	dst, at := begin(dst, TypeAuthentication)
	dst = appendUint32(dst, kind)
	return finish(append(dst, data...), at)
}

// SASLInitial is a SASLInitialResponse. Data is nil when the client sent none.
type SASLInitial struct {
	Mechanism []byte
	Data      []byte
}

// DecodeSASLInitial decodes the body of a 'p' message that answers AuthSASL.
// The body of every other 'p' message is the data itself (a password ends with
// a NUL).
func DecodeSASLInitial(body []byte) (SASLInitial, error) {
	c := cursor{b: body}
	s := SASLInitial{Mechanism: c.text(), Data: c.value()}
	if !c.end() {
		return SASLInitial{}, malformed("SASLInitialResponse")
	}
	return s, nil
}

// AppendSASLInitial appends a SASLInitialResponse.
func AppendSASLInitial(dst []byte, mechanism string, data []byte) []byte {
	dst, at := begin(dst, TypePassword)
	dst = append(append(dst, mechanism...), 0)
	dst = appendUint32(dst, uint32(len(data)))
	return finish(append(dst, data...), at)
}

// AppendPassword appends a 'p' message with data as its body: a SASLResponse,
// a GSSResponse, or a password, which must end with a NUL.
func AppendPassword(dst, data []byte) []byte {
	dst, at := begin(dst, TypePassword)
	return finish(append(dst, data...), at)
}
