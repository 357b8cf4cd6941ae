#include "textflag.h"
#include "columns_amd64.h"
#include "constants_amd64.h"

// Y0 and Y1 are the block's 64 bytes, Y8 and Y9 the bytes one further on, Y10
// and Y11 two further on. Y2 and Y3 collect one class.

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

// IN begins a class with the bytes of a set.
#define IN(set) \
	VMOVDQU  set<>(SB), Y6; \
	VPSHUFB  Y0, Y6, Y2; \
	VPSHUFB  Y1, Y6, Y3; \
	VPCMPEQB Y0, Y2, Y2; \
	VPCMPEQB Y1, Y3, Y3

// WITHIN begins a class with the bytes from c to c+span.
#define WITHIN(c, span) \
	VPSUBB   c<>(SB), Y0, Y2; \
	VPSUBB   c<>(SB), Y1, Y3; \
	VPMINUB  span<>(SB), Y2, Y4; \
	VPMINUB  span<>(SB), Y3, Y5; \
	VPCMPEQB Y2, Y4, Y2; \
	VPCMPEQB Y3, Y5, Y3

// THREE writes the first three classes; Y12 and Y13 keep the digits, DX what is
// not ASCII.
#define THREE \
	WITHIN(zero, nine); \
	VMOVDQA Y2, Y12; \
	VMOVDQA Y3, Y13; \
	EMIT(DIGIT_); \
	VPMOVMSKB Y0, DX; \
	VPMOVMSKB Y1, BX; \
	SHLQ      $32, BX; \
	ORQ       BX, DX; \
	MOVQ      DX, HIGH_(DI); \
	IN(setEscape); \
	EMIT(ESCAPE_)

// BETWEENTHESE leaves in l and h the bytes from low to low+span, which stand at R9.
#define BETWEENTHESE(low, span, x, y, l, h) \
	VPBROADCASTB low(R9), Y6; \
	VPSUBB   Y6, x, l; \
	VPSUBB   Y6, y, h; \
	VPBROADCASTB span(R9), Y6; \
	VPMINUB  Y6, l, Y7; \
	VPCMPEQB Y7, l, l; \
	VPMINUB  Y6, h, Y7; \
	VPCMPEQB Y7, h, h

// WIDE writes the full-width digits: see wideForm.
#define WIDE \
	VPBROADCASTB (R9), Y6; \
	VPCMPEQB Y6, Y0, Y2; \
	VPCMPEQB Y6, Y1, Y3; \
	BETWEENTHESE(1, 2, Y8, Y9, Y4, Y5); \
	VPAND    Y4, Y2, Y2; \
	VPAND    Y5, Y3, Y3; \
	BETWEENTHESE(3, 4, Y10, Y11, Y4, Y5); \
	VPAND    Y4, Y2, Y2; \
	VPAND    Y5, Y3, Y3; \
	EMIT(WIDE_)

// BASE writes the highest bit of each eight bytes that are all base64, with a
// capital letter.
#define BASE \
	VPOR     space<>(SB), Y0, Y2; \
	VPOR     space<>(SB), Y1, Y3; \
	VPSUBB   lowerA<>(SB), Y2, Y2; \
	VPSUBB   lowerA<>(SB), Y3, Y3; \
	VPMINUB  alpha<>(SB), Y2, Y4; \
	VPMINUB  alpha<>(SB), Y3, Y5; \
	VPCMPEQB Y4, Y2, Y2; \
	VPCMPEQB Y5, Y3, Y3; \
	VMOVDQA  Y2, Y14; \
	VMOVDQA  Y3, Y7; \
	VPOR     Y12, Y2, Y2; \
	VPOR     Y13, Y3, Y3; \
	OR(plus); \
	OR(slash); \
	VPCMPEQD Y4, Y4, Y4; \
	VPCMPEQQ Y4, Y2, Y6; \
	VPCMPEQQ Y4, Y3, Y12; \
	VPSUBB   upperA<>(SB), Y0, Y2; \
	VPSUBB   upperA<>(SB), Y1, Y3; \
	VPMINUB  alpha<>(SB), Y2, Y4; \
	VPMINUB  alpha<>(SB), Y3, Y5; \
	VPCMPEQB Y4, Y2, Y2; \
	VPCMPEQB Y5, Y3, Y3; \
	VPXOR    Y4, Y4, Y4; \
	VPCMPEQQ Y4, Y2, Y2; \
	VPCMPEQQ Y4, Y3, Y3; \
	VPANDN   Y6, Y2, Y2; \
	VPANDN   Y12, Y3, Y3; \
	VPMOVMSKB Y2, AX; \
	VPMOVMSKB Y3, BX; \
	SHLQ      $32, BX; \
	ORQ       BX, AX; \
	ANDQ      R8, AX; \
	MOVQ      AX, BASE_(DI)

// BETWEEN writes what stands between digits and between pieces of a number.
#define BETWEEN \
	IN(setSep); \
	EMIT(SEP_); \
	IN(setJoint); \
	OR(less); \
	OR(bar); \
	VMOVDQU  minus<>(SB), Y6; \
	VPCMPEQB 1(SI), Y6, Y4; \
	VPCMPEQB 33(SI), Y6, Y5; \
	VPCMPEQB space<>(SB), Y0, Y7; \
	VPAND    Y7, Y4, Y4; \
	VPCMPEQB space<>(SB), Y1, Y7; \
	VPAND    Y7, Y5, Y5; \
	VPOR     Y4, Y2, Y2; \
	VPOR     Y5, Y3, Y3; \
	EMIT(JOINT_)

// AMONG puts into l and h where the bytes of x and y are in a set; ALSO adds
// another one.
#define AMONG(set, x, y, l, h) \
	VMOVDQU  set<>(SB), Y6; \
	VPSHUFB  x, Y6, l; \
	VPSHUFB  y, Y6, h; \
	VPCMPEQB x, l, l; \
	VPCMPEQB y, h, h

#define ALSO(set, x, y, l, h) \
	VMOVDQU  set<>(SB), Y6; \
	VPSHUFB  x, Y6, Y4; \
	VPSHUFB  y, Y6, Y5; \
	VPCMPEQB x, Y4, Y4; \
	VPCMPEQB y, Y5, Y5; \
	VPOR     Y4, l, l; \
	VPOR     Y5, h, h

// func classesAVX2(dst *uint64, src *byte, blocks int, wide *wideForm)
TEXT ·classesAVX2(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DI
	MOVQ         src+8(FP), SI
	MOVQ         blocks+16(FP), CX
	MOVQ         wide+24(FP), R9
	MOVQ         $0x8080808080808080, R8

loop:
	VMOVDQU 0(SI), Y0
	VMOVDQU 32(SI), Y1
	VMOVDQU 1(SI), Y8
	VMOVDQU 33(SI), Y9
	VMOVDQU 2(SI), Y10
	VMOVDQU 34(SI), Y11

	THREE
	BASE
	VPMOVMSKB Y14, AX
	VPMOVMSKB Y7, BX
	SHLQ      $32, BX
	ORQ       BX, AX
	MOVQ      AX, ALPHA_(DI)
	BETWEEN

	IS(dot)
	EMIT(DOT_)

	IS(at)
	EMIT(AT_)

	IN(setAssign)
	EMIT(ASSIGN_)

	// the beginnings of secrets: Y12 and Y13 collect
	AMONG(second1, Y8, Y9, Y12, Y13)
	ALSO(second2, Y8, Y9, Y12, Y13)
	ALSO(second3, Y8, Y9, Y12, Y13)
	AMONG(third1, Y10, Y11, Y7, Y14)
	ALSO(third2, Y10, Y11, Y7, Y14)
	ALSO(third3, Y10, Y11, Y7, Y14)
	VPAND    Y7, Y12, Y12
	VPAND    Y14, Y13, Y13
	IN(setToken)
	VPAND    Y12, Y2, Y2
	VPAND    Y13, Y3, Y3
	EMIT(TOKEN_)

	TESTQ DX, DX
	JNZ   japanese
	MOVQ  DX, WIDE_(DI)
	MOVQ  DX, CJK_(DI)
	MOVQ  DX, KATA_(DI)
	MOVQ  DX, SIGN_(DI)

next:
	ADDQ $64, SI
	ADDQ $8, DI
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

japanese:
	WIDE

	WITHIN(cjkLow, five)
	EMIT(CJK_)

	// katakana: E3 83, or E3 82 and no byte from 80 to A0
	VMOVDQU  a0<>(SB), Y6
	VPCMPGTB Y6, Y10, Y4
	VPCMPGTB Y6, Y11, Y5
	VPCMPEQB x82<>(SB), Y8, Y2
	VPCMPEQB x82<>(SB), Y9, Y3
	VPAND    Y4, Y2, Y2
	VPAND    Y5, Y3, Y3
	VPCMPEQB x83<>(SB), Y8, Y4
	VPCMPEQB x83<>(SB), Y9, Y5
	VPOR     Y4, Y2, Y2
	VPOR     Y5, Y3, Y3
	VPCMPEQB e3<>(SB), Y0, Y4
	VPCMPEQB e3<>(SB), Y1, Y5
	VPAND    Y4, Y2, Y2
	VPAND    Y5, Y3, Y3
	EMIT(KATA_)

	// the full-width signs behind keys and in addresses: EF BC, and 9A, 9D or A0
	VPCMPEQB x9a<>(SB), Y10, Y2
	VPCMPEQB x9a<>(SB), Y11, Y3
	VPCMPEQB x9d<>(SB), Y10, Y4
	VPCMPEQB x9d<>(SB), Y11, Y5
	VPOR     Y4, Y2, Y2
	VPOR     Y5, Y3, Y3
	VPCMPEQB a0<>(SB), Y10, Y4
	VPCMPEQB a0<>(SB), Y11, Y5
	VPOR     Y4, Y2, Y2
	VPOR     Y5, Y3, Y3
	VPCMPEQB xbc<>(SB), Y8, Y4
	VPCMPEQB xbc<>(SB), Y9, Y5
	VPAND    Y4, Y2, Y2
	VPAND    Y5, Y3, Y3
	VPCMPEQB xef<>(SB), Y0, Y4
	VPCMPEQB xef<>(SB), Y1, Y5
	VPAND    Y4, Y2, Y2
	VPAND    Y5, Y3, Y3
	EMIT(SIGN_)
	JMP next

// func classesCardsAVX2(dst *uint64, src *byte, blocks int, wide *wideForm)
TEXT ·classesCardsAVX2(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DI
	MOVQ         src+8(FP), SI
	MOVQ         blocks+16(FP), CX
	MOVQ         wide+24(FP), R9

cards:
	VMOVDQU 0(SI), Y0
	VMOVDQU 32(SI), Y1

	THREE
	BETWEEN

	TESTQ DX, DX
	JNZ   full
	MOVQ  DX, WIDE_(DI)

more:
	ADDQ $64, SI
	ADDQ $8, DI
	DECQ CX
	JNZ  cards
	VZEROUPPER
	RET

full:
	VMOVDQU 1(SI), Y8
	VMOVDQU 33(SI), Y9
	VMOVDQU 2(SI), Y10
	VMOVDQU 34(SI), Y11
	WIDE
	JMP more
