#include "textflag.h"

// Bytes of 0x0f, and of newlines.
DATA fifteen<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
DATA fifteen<>+8(SB)/8, $0x0f0f0f0f0f0f0f0f
DATA fifteen<>+16(SB)/8, $0x0f0f0f0f0f0f0f0f
DATA fifteen<>+24(SB)/8, $0x0f0f0f0f0f0f0f0f
GLOBL fifteen<>(SB), RODATA|NOPTR, $32
DATA newline<>+0(SB)/8, $0x0a0a0a0a0a0a0a0a
DATA newline<>+8(SB)/8, $0x0a0a0a0a0a0a0a0a
DATA newline<>+16(SB)/8, $0x0a0a0a0a0a0a0a0a
DATA newline<>+24(SB)/8, $0x0a0a0a0a0a0a0a0a
GLOBL newline<>(SB), RODATA|NOPTR, $32

// HALVES leaves in x what the tables low and high say of the bytes of x.
#define HALVES(x, low, high) \
	VPAND   Y15, x, Y3; \
	VPSRLW  $4, x, x; \
	VPAND   Y15, x, x; \
	VPSHUFB Y3, low, Y3; \
	VPSHUFB x, high, x; \
	VPAND   Y3, x, x

// WORDS leaves in w a bit for each of the 32 bytes at from that may begin a word, and
// in l those that are newlines.
#define WORDS(from, w, l) \
	VMOVDQU   from(SI), Y0; \
	VMOVDQU   (from+1)(SI), Y1; \
	VMOVDQU   (from+2)(SI), Y2; \
	VPCMPEQB  newline<>(SB), Y0, Y4; \
	VPMOVMSKB Y4, l; \
	HALVES(Y0, Y8, Y9); \
	HALVES(Y1, Y10, Y11); \
	HALVES(Y2, Y12, Y13); \
	VPAND     Y0, Y1, Y0; \
	VPAND     Y0, Y2, Y0; \
	VPCMPEQB  Y14, Y0, Y0; \
	VPMOVMSKB Y0, w

// func wordsAVX2(b *byte, t *wordForms) (words, lines uint64)
TEXT ·wordsAVX2(SB), NOSPLIT, $0-32
	MOVQ           b+0(FP), SI
	MOVQ           t+8(FP), DI
	VMOVDQU        fifteen<>(SB), Y15
	VPXOR          Y14, Y14, Y14
	VBROADCASTI128 0(DI), Y8
	VBROADCASTI128 16(DI), Y9
	VBROADCASTI128 32(DI), Y10
	VBROADCASTI128 48(DI), Y11
	VBROADCASTI128 64(DI), Y12
	VBROADCASTI128 80(DI), Y13
	WORDS(0, AX, CX)
	WORDS(32, BX, DX)
	SHLQ           $32, BX
	SHLQ           $32, DX
	ORQ            BX, AX
	ORQ            DX, CX
	NOTQ           AX
	VZEROUPPER
	MOVQ           AX, words+16(FP)
	MOVQ           CX, lines+24(FP)
	RET
