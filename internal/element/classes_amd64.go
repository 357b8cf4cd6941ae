package element

import "golang.org/x/sys/cpu"

// classesAVX2 does what classifyPortable does, for blocks > 0.
//
//go:noescape
func classesAVX2(dst *classes, src *byte, blocks int, lead byte)

// fastest returns the fastest classifier of this machine.
func fastest() classifyFunc {
	if !cpu.X86.HasAVX2 {
		return nil
	}
	return func(dst []classes, src []byte, lead byte) {
		if len(dst) == 0 {
			return
		}
		_ = src[len(dst)*blockSize] // the assembly reads that far
		classesAVX2(&dst[0], &src[0], len(dst), lead)
	}
}
