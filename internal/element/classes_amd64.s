#include "textflag.h"

// Constants of 32 bytes. The tables of sets hold, at the place of its low four
// bits, each byte of the set, and elsewhere a byte with other low bits: a byte is
// in the set when a shuffle of the table by it gives the byte itself. Bytes that
// are not ASCII give zero.
// setEscape: %&backslash
DATA setEscape<>+0(SB)/8, $0x0826250504030201
DATA setEscape<>+8(SB)/8, $0x000f0e5c0c0b0a09
DATA setEscape<>+16(SB)/8, $0x0826250504030201
DATA setEscape<>+24(SB)/8, $0x000f0e5c0c0b0a09
GLOBL setEscape<>(SB), RODATA|NOPTR, $32
// setSep:  +-./()
DATA setSep<>+0(SB)/8, $0x0807060504030220
DATA setSep<>+8(SB)/8, $0x2f2e2d0d2b0b2928
DATA setSep<>+16(SB)/8, $0x0807060504030220
DATA setSep<>+24(SB)/8, $0x2f2e2d0d2b0b2928
GLOBL setSep<>(SB), RODATA|NOPTR, $32
// setAssign: :=
DATA setAssign<>+0(SB)/8, $0x0807060504030201
DATA setAssign<>+8(SB)/8, $0x000f3d0d0c3a0a09
DATA setAssign<>+16(SB)/8, $0x0807060504030201
DATA setAssign<>+24(SB)/8, $0x000f3d0d0c3a0a09
GLOBL setAssign<>(SB), RODATA|NOPTR, $32
// setToken: Aegsx
DATA setToken<>+0(SB)/8, $0x6707650573034101
DATA setToken<>+8(SB)/8, $0x000f0e0d0c0b0a78
DATA setToken<>+16(SB)/8, $0x6707650573034101
DATA setToken<>+24(SB)/8, $0x000f0e0d0c0b0a78
GLOBL setToken<>(SB), RODATA|NOPTR, $32
DATA zero<>+0(SB)/8, $0x3030303030303030
DATA zero<>+8(SB)/8, $0x3030303030303030
DATA zero<>+16(SB)/8, $0x3030303030303030
DATA zero<>+24(SB)/8, $0x3030303030303030
GLOBL zero<>(SB), RODATA|NOPTR, $32
DATA nine<>+0(SB)/8, $0x0909090909090909
DATA nine<>+8(SB)/8, $0x0909090909090909
DATA nine<>+16(SB)/8, $0x0909090909090909
DATA nine<>+24(SB)/8, $0x0909090909090909
GLOBL nine<>(SB), RODATA|NOPTR, $32
DATA at<>+0(SB)/8, $0x4040404040404040
DATA at<>+8(SB)/8, $0x4040404040404040
DATA at<>+16(SB)/8, $0x4040404040404040
DATA at<>+24(SB)/8, $0x4040404040404040
GLOBL at<>(SB), RODATA|NOPTR, $32
DATA cjkLow<>+0(SB)/8, $0xe4e4e4e4e4e4e4e4
DATA cjkLow<>+8(SB)/8, $0xe4e4e4e4e4e4e4e4
DATA cjkLow<>+16(SB)/8, $0xe4e4e4e4e4e4e4e4
DATA cjkLow<>+24(SB)/8, $0xe4e4e4e4e4e4e4e4
GLOBL cjkLow<>(SB), RODATA|NOPTR, $32
DATA five<>+0(SB)/8, $0x0505050505050505
DATA five<>+8(SB)/8, $0x0505050505050505
DATA five<>+16(SB)/8, $0x0505050505050505
DATA five<>+24(SB)/8, $0x0505050505050505
GLOBL five<>(SB), RODATA|NOPTR, $32
DATA e3<>+0(SB)/8, $0xe3e3e3e3e3e3e3e3
DATA e3<>+8(SB)/8, $0xe3e3e3e3e3e3e3e3
DATA e3<>+16(SB)/8, $0xe3e3e3e3e3e3e3e3
DATA e3<>+24(SB)/8, $0xe3e3e3e3e3e3e3e3
GLOBL e3<>(SB), RODATA|NOPTR, $32
DATA x82<>+0(SB)/8, $0x8282828282828282
DATA x82<>+8(SB)/8, $0x8282828282828282
DATA x82<>+16(SB)/8, $0x8282828282828282
DATA x82<>+24(SB)/8, $0x8282828282828282
GLOBL x82<>(SB), RODATA|NOPTR, $32
DATA x83<>+0(SB)/8, $0x8383838383838383
DATA x83<>+8(SB)/8, $0x8383838383838383
DATA x83<>+16(SB)/8, $0x8383838383838383
DATA x83<>+24(SB)/8, $0x8383838383838383
GLOBL x83<>(SB), RODATA|NOPTR, $32
DATA a0<>+0(SB)/8, $0xa0a0a0a0a0a0a0a0
DATA a0<>+8(SB)/8, $0xa0a0a0a0a0a0a0a0
DATA a0<>+16(SB)/8, $0xa0a0a0a0a0a0a0a0
DATA a0<>+24(SB)/8, $0xa0a0a0a0a0a0a0a0
GLOBL a0<>(SB), RODATA|NOPTR, $32
DATA lowerA<>+0(SB)/8, $0x6161616161616161
DATA lowerA<>+8(SB)/8, $0x6161616161616161
DATA lowerA<>+16(SB)/8, $0x6161616161616161
DATA lowerA<>+24(SB)/8, $0x6161616161616161
GLOBL lowerA<>(SB), RODATA|NOPTR, $32
DATA alpha<>+0(SB)/8, $0x1919191919191919
DATA alpha<>+8(SB)/8, $0x1919191919191919
DATA alpha<>+16(SB)/8, $0x1919191919191919
DATA alpha<>+24(SB)/8, $0x1919191919191919
GLOBL alpha<>(SB), RODATA|NOPTR, $32
DATA space<>+0(SB)/8, $0x2020202020202020
DATA space<>+8(SB)/8, $0x2020202020202020
DATA space<>+16(SB)/8, $0x2020202020202020
DATA space<>+24(SB)/8, $0x2020202020202020
GLOBL space<>(SB), RODATA|NOPTR, $32
DATA plus<>+0(SB)/8, $0x2b2b2b2b2b2b2b2b
DATA plus<>+8(SB)/8, $0x2b2b2b2b2b2b2b2b
DATA plus<>+16(SB)/8, $0x2b2b2b2b2b2b2b2b
DATA plus<>+24(SB)/8, $0x2b2b2b2b2b2b2b2b
GLOBL plus<>(SB), RODATA|NOPTR, $32
DATA slash<>+0(SB)/8, $0x2f2f2f2f2f2f2f2f
DATA slash<>+8(SB)/8, $0x2f2f2f2f2f2f2f2f
DATA slash<>+16(SB)/8, $0x2f2f2f2f2f2f2f2f
DATA slash<>+24(SB)/8, $0x2f2f2f2f2f2f2f2f
GLOBL slash<>(SB), RODATA|NOPTR, $32

// setJoint: tab "',;
DATA setJoint<>+0(SB)/8, $0x2707060504220201
DATA setJoint<>+8(SB)/8, $0x000f0e2c3b0b0909
DATA setJoint<>+16(SB)/8, $0x2707060504220201
DATA setJoint<>+24(SB)/8, $0x000f0e2c3b0b0909
GLOBL setJoint<>(SB), RODATA|NOPTR, $32
DATA less<>+0(SB)/8, $0x3c3c3c3c3c3c3c3c
DATA less<>+8(SB)/8, $0x3c3c3c3c3c3c3c3c
DATA less<>+16(SB)/8, $0x3c3c3c3c3c3c3c3c
DATA less<>+24(SB)/8, $0x3c3c3c3c3c3c3c3c
GLOBL less<>(SB), RODATA|NOPTR, $32
DATA bar<>+0(SB)/8, $0x7c7c7c7c7c7c7c7c
DATA bar<>+8(SB)/8, $0x7c7c7c7c7c7c7c7c
DATA bar<>+16(SB)/8, $0x7c7c7c7c7c7c7c7c
DATA bar<>+24(SB)/8, $0x7c7c7c7c7c7c7c7c
GLOBL bar<>(SB), RODATA|NOPTR, $32
DATA dot<>+0(SB)/8, $0x2e2e2e2e2e2e2e2e
DATA dot<>+8(SB)/8, $0x2e2e2e2e2e2e2e2e
DATA dot<>+16(SB)/8, $0x2e2e2e2e2e2e2e2e
DATA dot<>+24(SB)/8, $0x2e2e2e2e2e2e2e2e
GLOBL dot<>(SB), RODATA|NOPTR, $32
DATA upperA<>+0(SB)/8, $0x4141414141414141
DATA upperA<>+8(SB)/8, $0x4141414141414141
DATA upperA<>+16(SB)/8, $0x4141414141414141
DATA upperA<>+24(SB)/8, $0x4141414141414141
GLOBL upperA<>(SB), RODATA|NOPTR, $32
// second1: KSIhlo
DATA second1<>+0(SB)/8, $0x0807060553030201
DATA second1<>+8(SB)/8, $0x6f0f0e6c4b0b4968
DATA second1<>+16(SB)/8, $0x0807060553030201
DATA second1<>+24(SB)/8, $0x6f0f0e6c4b0b4968
GLOBL second1<>(SB), RODATA|NOPTR, $32
// second2: yk
DATA second2<>+0(SB)/8, $0x0807060504030201
DATA second2<>+8(SB)/8, $0x000f0e0d6b0b7909
DATA second2<>+16(SB)/8, $0x0807060504030201
DATA second2<>+24(SB)/8, $0x000f0e0d6b0b7909
GLOBL second2<>(SB), RODATA|NOPTR, $32
// second3: i
DATA second3<>+0(SB)/8, $0x0807060504030201
DATA second3<>+8(SB)/8, $0x000f0e0d0c0b6909
DATA second3<>+16(SB)/8, $0x0807060504030201
DATA second3<>+24(SB)/8, $0x000f0e0d0c0b6909
GLOBL second3<>(SB), RODATA|NOPTR, $32
// third1: ousrtJ-
DATA third1<>+0(SB)/8, $0x0807757473720201
DATA third1<>+8(SB)/8, $0x6f0f2d0d0c4a0a09
DATA third1<>+16(SB)/8, $0x0807757473720201
DATA third1<>+24(SB)/8, $0x6f0f2d0d0c4a0a09
GLOBL third1<>(SB), RODATA|NOPTR, $32
// third2: zpx_
DATA third2<>+0(SB)/8, $0x0807060504030270
DATA third2<>+8(SB)/8, $0x5f0f0e0d0c7a0a78
DATA third2<>+16(SB)/8, $0x0807060504030270
DATA third2<>+24(SB)/8, $0x5f0f0e0d0c7a0a78
GLOBL third2<>(SB), RODATA|NOPTR, $32
// third3: I
DATA third3<>+0(SB)/8, $0x0807060504030201
DATA third3<>+8(SB)/8, $0x000f0e0d0c0b4909
DATA third3<>+16(SB)/8, $0x0807060504030201
DATA third3<>+24(SB)/8, $0x000f0e0d0c0b4909
GLOBL third3<>(SB), RODATA|NOPTR, $32

DATA minus<>+0(SB)/8, $0x2d2d2d2d2d2d2d2d
DATA minus<>+8(SB)/8, $0x2d2d2d2d2d2d2d2d
DATA minus<>+16(SB)/8, $0x2d2d2d2d2d2d2d2d
DATA minus<>+24(SB)/8, $0x2d2d2d2d2d2d2d2d
GLOBL minus<>(SB), RODATA|NOPTR, $32
DATA xef<>+0(SB)/8, $0xefefefefefefefef
DATA xef<>+8(SB)/8, $0xefefefefefefefef
DATA xef<>+16(SB)/8, $0xefefefefefefefef
DATA xef<>+24(SB)/8, $0xefefefefefefefef
GLOBL xef<>(SB), RODATA|NOPTR, $32
DATA xbc<>+0(SB)/8, $0xbcbcbcbcbcbcbcbc
DATA xbc<>+8(SB)/8, $0xbcbcbcbcbcbcbcbc
DATA xbc<>+16(SB)/8, $0xbcbcbcbcbcbcbcbc
DATA xbc<>+24(SB)/8, $0xbcbcbcbcbcbcbcbc
GLOBL xbc<>(SB), RODATA|NOPTR, $32
DATA x9a<>+0(SB)/8, $0x9a9a9a9a9a9a9a9a
DATA x9a<>+8(SB)/8, $0x9a9a9a9a9a9a9a9a
DATA x9a<>+16(SB)/8, $0x9a9a9a9a9a9a9a9a
DATA x9a<>+24(SB)/8, $0x9a9a9a9a9a9a9a9a
GLOBL x9a<>(SB), RODATA|NOPTR, $32
DATA x9d<>+0(SB)/8, $0x9d9d9d9d9d9d9d9d
DATA x9d<>+8(SB)/8, $0x9d9d9d9d9d9d9d9d
DATA x9d<>+16(SB)/8, $0x9d9d9d9d9d9d9d9d
DATA x9d<>+24(SB)/8, $0x9d9d9d9d9d9d9d9d
GLOBL x9d<>(SB), RODATA|NOPTR, $32

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
	EMIT(0); \
	VPMOVMSKB Y0, DX; \
	VPMOVMSKB Y1, BX; \
	SHLQ      $32, BX; \
	ORQ       BX, DX; \
	MOVQ      DX, 8(DI); \
	IN(setEscape); \
	EMIT(16)

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
	EMIT(24)

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
	MOVQ      AX, 48(DI)

// BETWEEN writes what stands between digits and between pieces of a number.
#define BETWEEN \
	IN(setSep); \
	EMIT(32); \
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
	EMIT(40)

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

// func classesAVX2(dst *classes, src *byte, blocks int, wide *wideForm)
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
	MOVQ      AX, 96(DI)
	BETWEEN

	IS(dot)
	EMIT(56)

	IS(at)
	EMIT(64)

	IN(setAssign)
	EMIT(72)

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
	EMIT(104)

	TESTQ DX, DX
	JNZ   japanese
	MOVQ  DX, 24(DI)
	MOVQ  DX, 80(DI)
	MOVQ  DX, 88(DI)
	MOVQ  DX, 112(DI)

next:
	ADDQ $64, SI
	ADDQ $120, DI
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

japanese:
	WIDE

	WITHIN(cjkLow, five)
	EMIT(80)

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
	EMIT(88)

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
	EMIT(112)
	JMP next

// func classesCardsAVX2(dst *classes, src *byte, blocks int, wide *wideForm)
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
	MOVQ  DX, 24(DI)

more:
	ADDQ $64, SI
	ADDQ $120, DI
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
