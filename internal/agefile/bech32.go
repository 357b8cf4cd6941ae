package agefile

import "strings"

// letters are the digits of Bech32 (BIP 173).
const letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// bech32 reads the bytes of a text that begins with prefix (BIP 173, without its
// limit of length).
func bech32(text, prefix string) ([]byte, error) {
	rest, ok := strings.CutPrefix(text, prefix+"1")
	if !ok || len(rest) < 6 {
		return nil, ErrRecipient
	}
	sum := uint32(1)
	mix := func(v uint32) {
		top := sum >> 25
		sum = sum&0x1FFFFFF<<5 ^ v
		for i, g := range [...]uint32{0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3} {
			if top>>i&1 == 1 {
				sum ^= g
			}
		}
	}
	for _, c := range []byte(prefix) {
		mix(uint32(c >> 5))
	}
	mix(0)
	for _, c := range []byte(prefix) {
		mix(uint32(c & 31))
	}
	var out []byte
	acc, bits := uint32(0), 0
	for i := range len(rest) {
		v := strings.IndexByte(letters, rest[i])
		if v < 0 {
			return nil, ErrRecipient
		}
		mix(uint32(v))
		if i >= len(rest)-6 { // the check digits
			continue
		}
		acc = acc<<5 | uint32(v)
		if bits += 5; bits >= 8 {
			bits -= 8
			out = append(out, byte(acc>>bits))
			acc &= 1<<bits - 1
		}
	}
	if sum != 1 || bits >= 5 || acc != 0 {
		return nil, ErrRecipient
	}
	return out, nil
}
