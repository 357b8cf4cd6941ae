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

// fastest returns the fastest classifiers of this machine for everything and
// for card numbers alone, nil when there is no assembly for it.
func fastest() (all, cards classifyFunc) {
	if !cpu.X86.HasAVX2 {
		return nil, nil
	}
	return checked(classesAVX2), checked(classesCardsAVX2)
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
