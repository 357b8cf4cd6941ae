#include "textflag.h"

// Each constant is one byte, 32 times over.
#define BYTES(name, word) \
	DATA name<>+0(SB)/8, $word; \
	DATA name<>+8(SB)/8, $word; \
	DATA name<>+16(SB)/8, $word; \
	DATA name<>+24(SB)/8, $word; \
	GLOBL name<>(SB), RODATA|NOPTR, $32

BYTES(zero, 0x3030303030303030)
BYTES(nine, 0x0909090909090909)
BYTES(pct, 0x2525252525252525)
BYTES(amp, 0x2626262626262626)
BYTES(bsl, 0x5c5c5c5c5c5c5c5c)
BYTES(at, 0x4040404040404040)
BYTES(dot, 0x2e2e2e2e2e2e2e2e)
BYTES(colon, 0x3a3a3a3a3a3a3a3a)
BYTES(eq, 0x3d3d3d3d3d3d3d3d)
BYTES(kan, 0xe3e3e3e3e3e3e3e3)
BYTES(six, 0x0606060606060606)
BYTES(cAu, 0x4141414141414141)
BYTES(cel, 0x6565656565656565)
BYTES(cgl, 0x6767676767676767)
BYTES(csl, 0x7373737373737373)
BYTES(cxl, 0x7878787878787878)
BYTES(cKu, 0x4b4b4b4b4b4b4b4b)
BYTES(cSu, 0x5353535353535353)
BYTES(cIu, 0x4949494949494949)
BYTES(cyl, 0x7979797979797979)
BYTES(chl, 0x6868686868686868)
BYTES(cll, 0x6c6c6c6c6c6c6c6c)
BYTES(ckl, 0x6b6b6b6b6b6b6b6b)
BYTES(col, 0x6f6f6f6f6f6f6f6f)

// Y0 and Y1 are the block's 64 bytes, Y2 and Y3 collect one class.

// EMIT writes the class as one word.
#define EMIT(offset) \
	VPMOVMSKB Y2, AX; \
	VPMOVMSKB Y3, BX; \
	SHLQ      $32, BX; \
	ORQ       BX, AX; \
	MOVQ      AX, offset(DI)

// IS begins a class with the bytes that equal c; OR adds others to it.
#define IS(c) \
	VPCMPEQB c<>(SB), Y0, Y2; \
	VPCMPEQB c<>(SB), Y1, Y3

#define OR(c) \
	VPCMPEQB c<>(SB), Y0, Y4; \
	VPCMPEQB c<>(SB), Y1, Y5; \
	VPOR     Y4, Y2, Y2; \
	VPOR     Y5, Y3, Y3

// NEXTIS and NEXTOR do the same in Y6 and Y7 for the bytes one further on, Y8
// and Y9.
#define NEXTIS(c) \
	VPCMPEQB c<>(SB), Y8, Y6; \
	VPCMPEQB c<>(SB), Y9, Y7

#define NEXTOR(c) \
	VPCMPEQB c<>(SB), Y8, Y4; \
	VPCMPEQB c<>(SB), Y9, Y5; \
	VPOR     Y4, Y6, Y6; \
	VPOR     Y5, Y7, Y7

// WITHIN begins a class with the bytes from c to c+span.
#define WITHIN(c, span) \
	VPSUBB   c<>(SB), Y0, Y2; \
	VPSUBB   c<>(SB), Y1, Y3; \
	VPMINUB  span<>(SB), Y2, Y4; \
	VPMINUB  span<>(SB), Y3, Y5; \
	VPCMPEQB Y2, Y4, Y2; \
	VPCMPEQB Y3, Y5, Y3

// func classesAVX2(dst *classes, src *byte, blocks int, lead byte)
TEXT ·classesAVX2(SB), NOSPLIT, $0-25
	MOVQ         dst+0(FP), DI
	MOVQ         src+8(FP), SI
	MOVQ         blocks+16(FP), CX
	MOVBLZX      lead+24(FP), AX
	MOVQ         AX, X15
	VPBROADCASTB X15, Y15

loop:
	VMOVDQU 0(SI), Y0
	VMOVDQU 32(SI), Y1
	VMOVDQU 1(SI), Y8
	VMOVDQU 33(SI), Y9

	WITHIN(zero, nine)
	EMIT(0)

	IS(pct)
	OR(amp)
	OR(bsl)
	EMIT(8)

	VPCMPEQB Y15, Y0, Y2
	VPCMPEQB Y15, Y1, Y3
	EMIT(16)

	IS(at)
	EMIT(24)

	IS(dot)
	EMIT(32)

	IS(colon)
	OR(eq)
	EMIT(40)

	WITHIN(kan, six)
	EMIT(48)

	NEXTIS(cKu)
	NEXTOR(cSu)
	NEXTOR(cIu)
	NEXTOR(cyl)
	NEXTOR(chl)
	NEXTOR(cll)
	NEXTOR(ckl)
	NEXTOR(col)
	IS(cAu)
	OR(cel)
	OR(cgl)
	OR(csl)
	OR(cxl)
	VPAND Y6, Y2, Y2
	VPAND Y7, Y3, Y3
	EMIT(56)

	ADDQ $64, SI
	ADDQ $64, DI
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// func classesCardsAVX2(dst *classes, src *byte, blocks int, lead byte)
TEXT ·classesCardsAVX2(SB), NOSPLIT, $0-25
	MOVQ         dst+0(FP), DI
	MOVQ         src+8(FP), SI
	MOVQ         blocks+16(FP), CX
	MOVBLZX      lead+24(FP), AX
	MOVQ         AX, X15
	VPBROADCASTB X15, Y15
	VMOVDQU      zero<>(SB), Y14
	VMOVDQU      nine<>(SB), Y13
	VMOVDQU      pct<>(SB), Y12
	VMOVDQU      amp<>(SB), Y11
	VMOVDQU      bsl<>(SB), Y10

cards:
	VMOVDQU 0(SI), Y0
	VMOVDQU 32(SI), Y1

	VPSUBB   Y14, Y0, Y2
	VPSUBB   Y14, Y1, Y3
	VPMINUB  Y13, Y2, Y4
	VPMINUB  Y13, Y3, Y5
	VPCMPEQB Y2, Y4, Y2
	VPCMPEQB Y3, Y5, Y3
	EMIT(0)

	VPCMPEQB Y12, Y0, Y2
	VPCMPEQB Y12, Y1, Y3
	VPCMPEQB Y11, Y0, Y4
	VPCMPEQB Y11, Y1, Y5
	VPOR     Y4, Y2, Y2
	VPOR     Y5, Y3, Y3
	VPCMPEQB Y10, Y0, Y4
	VPCMPEQB Y10, Y1, Y5
	VPOR     Y4, Y2, Y2
	VPOR     Y5, Y3, Y3
	EMIT(8)

	VPCMPEQB Y15, Y0, Y2
	VPCMPEQB Y15, Y1, Y3
	EMIT(16)

	ADDQ $64, SI
	ADDQ $64, DI
	DECQ CX
	JNZ  cards
	VZEROUPPER
	RET
