package element

import "golang.org/x/sys/cpu"

// classesAVX2 does what classifyPortable does, for blocks > 0.
//
//go:noescape
func classesAVX2(dst *uint64, src *byte, blocks int, wide *wideForm)

// classesCardsAVX2 does what classifyDigits does, but leaves the other masks as
// they are.
//
//go:noescape
func classesCardsAVX2(dst *uint64, src *byte, blocks int, wide *wideForm)

// triggersAllAsm does what triggersAll does, for blocks > 0, and leaves the new
// carry in k. It needs no more than amd64.
//
//go:noescape
func triggersAllAsm(t, m *uint64, blocks int, k *carry, want *wanted)

// triggersCardsAsm does what triggersCards does, likewise.
//
//go:noescape
func triggersCardsAsm(t, m *uint64, blocks int, k *carry, want *wanted)

// lanes512 are the carries of the last eight blocks, word by word but for the sum,
// and the carries of the addition into each of them.
type lanes512 struct {
	words [8][8]uint64
	sums  uint64
}

// asciiClasses says of each byte of ASCII which classes it is in, a bit each (the
// bits are in columns_amd64.h; + and / are those of base64), then which bytes may be
// the second and the third of a secret.
//
//lint:ignore U1000 classesAVX512 reads it
var asciiClasses = func() (t [3][128]uint8) {
	const escape, sep, joint, token, assign, dot, at, base = 1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80
	for of, bytes := range map[uint8]string{escape: `%&\`, sep: " +-./()", joint: "\"'<,;|\t", assign: ":=", dot: ".", at: "@", base: "+/"} {
		for _, c := range []byte(bytes) {
			t[0][c] |= of
		}
	}
	for i, set := range isToken {
		for c := range t[i] {
			if set.has(byte(c)) {
				t[i][c] |= token
			}
		}
	}
	return t
}()

// classesAVX512 does what classesAVX2 does.
//
//go:noescape
func classesAVX512(dst *uint64, src *byte, blocks int, wide *wideForm)

// classesCardsAVX512 does what classesCardsAVX2 does.
//
//go:noescape
func classesCardsAVX512(dst *uint64, src *byte, blocks int, wide *wideForm)

// triggersAllAVX512 does what triggersAllAsm does, for eight blocks at once: it
// reads and writes up to a multiple of eight, and leaves the new carries in lanes.
//
//go:noescape
func triggersAllAVX512(t, m *uint64, blocks int, k *carry, want *wanted, lanes *lanes512)

// triggersCardsAVX512 does what triggersCardsAsm does, likewise.
//
//go:noescape
func triggersCardsAVX512(t, m *uint64, blocks int, k *carry, want *wanted, lanes *lanes512)

// wordsAVX2 returns which of the 64 bytes at b begin as t says, and which are newlines.
//
//go:noescape
func wordsAVX2(b *byte, t *wordForms) (words, lines uint64)

func wordsFast(b *[blockSize + overhang]byte, t *wordTable) (words, lines uint64) {
	return wordsAVX2(&b[0], &t.forms)
}

// assembly returns the paths in assembly that this machine has, the fastest last.
func assembly() (list []paths) {
	if cpu.X86.HasAVX2 {
		list = append(list, paths{
			all:   path{"AVX2", checked(classesAVX2), checkedTriggers(triggersAllAsm), wordsFast},
			cards: path{"AVX2", checked(classesCardsAVX2), checkedTriggers(triggersCardsAsm), wordsFast},
		})
	}
	if cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VBMI && cpu.X86.HasAVX512VBMI2 {
		list = append(list, paths{
			all:   path{"AVX-512", checked(classesAVX512), inEights(triggersAllAVX512), wordsFast},
			cards: path{"AVX-512", checked(classesCardsAVX512), inEights(triggersCardsAVX512), wordsFast},
		})
	}
	return list
}

func inEights(f func(t, m *uint64, blocks int, k *carry, want *wanted, lanes *lanes512)) triggerFunc {
	return func(t *triggers, m *classes, n int, k *carry, want *wanted) {
		if n == 0 {
			return
		}
		_ = t.joined[n] // the assembly goes on to a multiple of eight, as stride is
		var lanes lanes512
		f(&t.joined[1], &m.digit[1], n, k, want, &lanes)
		l := (n - 1) & 7
		w := &lanes.words
		*k = carry{w[0][l], w[1][l], w[2][l], w[3][l], w[4][l], w[5][l], lanes.sums >> (l + 1) & 1, w[6][l], w[7][l]}
	}
}

func checkedTriggers(f func(t, m *uint64, blocks int, k *carry, want *wanted)) triggerFunc {
	return func(t *triggers, m *classes, n int, k *carry, want *wanted) {
		if n > 0 {
			_ = t.joined[n] // the assembly writes that far
			f(&t.joined[1], &m.digit[1], n, k, want)
		}
	}
}

func checked(f func(dst *uint64, src *byte, blocks int, wide *wideForm)) classifyFunc {
	return func(dst *classes, n int, src []byte, wide *wideForm) {
		if n > 0 {
			_, _ = dst.digit[n], src[n*blockSize+overhang-1] // the assembly goes that far
			f(&dst.digit[1], &src[0], n, wide)
		}
	}
}
