package element

import "golang.org/x/sys/cpu"

// classesAVX2 does what classifyPortable does, for blocks > 0.
//
//go:noescape
func classesAVX2(dst *classes, src *byte, blocks int, wide *wideForm)

// classesCardsAVX2 does what classifyDigits does, but leaves the other masks as
// they are.
//
//go:noescape
func classesCardsAVX2(dst *classes, src *byte, blocks int, wide *wideForm)

// triggersAllAsm does what triggersAll does, for blocks > 0, and leaves the new
// carry in k. It needs no more than amd64.
//
//go:noescape
func triggersAllAsm(t *triggers, m *classes, blocks int, k *carry, want *wanted)

// triggersCardsAsm does what triggersCards does, likewise.
//
//go:noescape
func triggersCardsAsm(t *triggers, m *classes, blocks int, k *carry, want *wanted)

// fastest returns the fastest paths of this machine for everything and for card
// numbers alone; their functions are nil when there is no assembly for it.
func fastest() (all, cards path) {
	if !cpu.X86.HasAVX2 {
		return path{}, path{}
	}
	return path{checked(classesAVX2), checkedTriggers(triggersAllAsm)}, path{checked(classesCardsAVX2), checkedTriggers(triggersCardsAsm)}
}

func checkedTriggers(f func(t *triggers, m *classes, blocks int, k *carry, want *wanted)) triggerFunc {
	return func(t []triggers, m []classes, k *carry, want *wanted) {
		if len(t) == 0 {
			return
		}
		_ = m[len(t)+1] // the assembly reads that far
		f(&t[0], &m[0], len(t), k, want)
	}
}

func checked(f func(dst *classes, src *byte, blocks int, wide *wideForm)) classifyFunc {
	return func(dst []classes, src []byte, wide *wideForm) {
		if len(dst) == 0 {
			return
		}
		_ = src[len(dst)*blockSize+overhang-1] // the assembly reads that far
		f(&dst[0], &src[0], len(dst), wide)
	}
}
