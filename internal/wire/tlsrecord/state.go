package tlsrecord

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"encoding/binary"
	"errors"
	"fmt"
)

// State is what goes on from a connection between two records. It is as secret as
// what the connection carries.
type State struct {
	Suite   uint16 // tls.TLS_AES_128_GCM_SHA256 …; it says the version too
	Server  bool   // this end is the server's
	In, Out Half
}

// Half is one direction.
type Half struct {
	Secret []byte // TLS 1.3: traffic secret; TLS 1.2: write key and write IV
	Next   uint64 // number of the next record under it
}

// Forget overwrites the secrets.
func (s *State) Forget() {
	if s != nil {
		clear(s.In.Secret)
		clear(s.Out.Secret)
	}
}

// clone returns a copy with secrets of its own.
func (s *State) clone() *State {
	c := *s
	c.In.Secret, c.Out.Secret = bytes.Clone(s.In.Secret), bytes.Clone(s.Out.Secret)
	return &c
}

// protection is one direction at work.
type protection struct {
	suite  *suite
	secret []byte
	aead   cipher.AEAD
	iv     [ivSize]byte
	next   uint64
	nonce  [ivSize]byte
	extra  [8 + headerLen]byte // additional data of TLS 1.2
}

func newProtection(s *suite, h Half) (p protection, err error) {
	if len(h.Secret) != s.size {
		return p, fmt.Errorf("tlsrecord: a secret of %d bytes, want %d", len(h.Secret), s.size)
	}
	p.suite, p.secret = s, bytes.Clone(h.Secret)
	err = p.derive()
	p.next = h.Next
	return p, err
}

// derive makes key and IV of the secret: RFC 8446, 7.3. In TLS 1.2 it is both.
func (p *protection) derive() (err error) {
	p.next = 0
	if p.suite.old {
		copy(p.iv[:], p.secret[p.suite.key:])
		p.aead, err = p.suite.aead(p.secret[:p.suite.key])
		return err
	}
	key, err := p.expand("key", p.suite.key)
	if err != nil {
		return err
	}
	iv, err := p.expand("iv", ivSize)
	if err != nil {
		return err
	}
	copy(p.iv[:], iv)
	p.aead, err = p.suite.aead(key)
	clear(key)
	return err
}

// update goes on to the next secret (RFC 8446, 7.2).
func (p *protection) update() error {
	next, err := p.expand("traffic upd", p.suite.size)
	if err != nil {
		return err
	}
	clear(p.secret)
	p.secret = next
	return p.derive()
}

// expand is HKDF-Expand-Label without context (RFC 8446, 7.1).
func (p *protection) expand(label string, length int) ([]byte, error) {
	info := []byte{byte(length >> 8), byte(length), byte(len("tls13 ") + len(label))}
	info = append(append(append(info, "tls13 "...), label...), 0)
	return hkdf.Expand(p.suite.hash, p.secret, string(info), length)
}

// errSpent: a record number would come a second time.
var errSpent = errors.New("tlsrecord: no record number is left")

// open returns what a record protects, in the place of body, and counts the record.
func (p *protection) open(head, body []byte) (inner []byte, a Alert, ok bool) {
	if p.next+1 == 0 {
		return nil, InternalError, false
	}
	if len(body) < p.suite.cost() {
		return nil, BadRecordMAC, false
	}
	// With an explicit nonce the peer chooses it (RFC 5288, 3).
	nonce, text := p.number(body[:p.suite.explicit]), body[p.suite.explicit:]
	inner, err := p.aead.Open(text[:0], nonce, text, p.additional(head, len(text)-overhead))
	if err != nil {
		return nil, BadRecordMAC, false
	}
	p.next++
	return inner, 0, true
}

// seal makes a record in b, which it may overwrite, and counts it. content lies elsewhere.
func (p *protection) seal(b []byte, typ byte, content []byte) ([]byte, error) {
	if p.suite.old {
		return p.protect(b, typ, content)
	}
	b = append(append(append(b[:0], make([]byte, headerLen)...), content...), typ)
	return p.protect(b, typeData, b[headerLen:])
}

// protect is seal without what TLS 1.3 has within. inner may be where it comes to.
func (p *protection) protect(b []byte, typ byte, inner []byte) ([]byte, error) {
	if p.next+1 == 0 {
		return nil, errSpent
	}
	n := len(inner) + p.suite.cost()
	b = append(b[:0], typ, 3, 3, byte(n>>8), byte(n))
	var explicit [8]byte // as crypto/tls: the number, which comes once
	binary.BigEndian.PutUint64(explicit[:], p.next)
	b = append(b, explicit[:p.suite.explicit]...)
	nonce := p.number(explicit[:p.suite.explicit])
	b = p.aead.Seal(b, nonce, inner, p.additional(b[:headerLen], len(inner)))
	p.next++
	return b, nil
}

// number returns the nonce of the next record: RFC 8446, 5.3, and RFC 7905, 2; or
// what stands in the record behind the IV (RFC 5288, 3).
func (p *protection) number(explicit []byte) []byte {
	p.nonce = p.iv
	if len(explicit) > 0 {
		copy(p.nonce[ivSize-len(explicit):], explicit)
		return p.nonce[:]
	}
	for i := range 8 {
		p.nonce[ivSize-1-i] ^= byte(p.next >> (8 * i))
	}
	return p.nonce[:]
}

// additional returns the additional data of the next record, of n bytes of content:
// its header (RFC 8446, 5.2), or number, type, version and n (RFC 5246, 6.2.3.3).
func (p *protection) additional(head []byte, n int) []byte {
	if !p.suite.old {
		return head
	}
	binary.BigEndian.PutUint64(p.extra[:], p.next)
	copy(p.extra[8:], head[:3])
	binary.BigEndian.PutUint16(p.extra[11:], uint16(n))
	return p.extra[:]
}
