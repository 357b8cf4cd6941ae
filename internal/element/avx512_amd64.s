#include "textflag.h"
#include "columns_amd64.h"
#include "constants_amd64.h"

// The two passes for machines with AVX-512 (F, BW, DQ, VBMI and VBMI2: Intel since
// Ice Lake, AMD since Zen 4). One permutation looks up the classes of 64 bytes
// (asciiClasses), and a class is a test of one bit; triggers are found for eight
// blocks at once.

// SET loads a constant of 32 bytes twice.
#define SET(constant, z) VBROADCASTI64X4 constant<>(SB), z

// Z0 are the block's bytes, Z1 those one further on, Z2 two further on.

// IN512 leaves in k which bytes of x are in the set z: see classes_amd64.s.
#define IN512(z, x, k) \
	VPSHUFB  x, z, Z3; \
	VPCMPEQB x, Z3, k

// WITHIN512 leaves in k which bytes are from low to low+span.
#define WITHIN512(low, span, k) \
	VPSUBB  low, Z0, Z3; \
	VPCMPUB $2, span, Z3, k

// THREE512 writes the first three classes; K1 keeps the digits, DX what is not ASCII.
#define THREE512 \
	WITHIN512(Z31, Z30, K1); \
	KMOVQ    K1, DIGIT_(DI); \
	VPMOVB2M Z0, K2; \
	KMOVQ    K2, DX; \
	MOVQ     DX, HIGH_(DI); \
	IN512(Z29, Z0, K3); \
	KMOVQ    K3, ESCAPE_(DI)

// BETWEEN512 writes what stands between digits and between pieces of a number.
#define BETWEEN512 \
	IN512(Z28, Z0, K3); \
	KMOVQ    K3, SEP_(DI); \
	IN512(Z27, Z0, K3); \
	VPCMPEQB Z26, Z0, K4; \
	VPCMPEQB Z25, Z0, K5; \
	VPCMPEQB Z24, Z0, K6; \
	VPCMPEQB Z23, Z1, K6, K6; \
	KORQ     K4, K3, K3; \
	KORQ     K6, K5, K5; \
	KORQ     K5, K3, K3; \
	KMOVQ    K3, JOINT_(DI)

// WIDE512 writes the full-width digits: see wideForm. Z18 to Z22 are its bytes.
#define WIDE512 \
	VPCMPEQB Z22, Z0, K3; \
	VPSUBB   Z21, Z1, Z3; \
	VPCMPUB  $2, Z20, Z3, K3, K3; \
	VPSUBB   Z19, Z2, Z3; \
	VPCMPUB  $2, Z18, Z3, K3, K3; \
	KMOVQ    K3, WIDE_(DI)

// BIT512 sets each byte of z to a constant.
#define BIT512(constant, z) \
	MOVL         constant, AX; \
	VPBROADCASTB AX, z

#define WIDECONSTANTS512 \
	VPBROADCASTB (R9), Z22; \
	VPBROADCASTB 1(R9), Z21; \
	VPBROADCASTB 2(R9), Z20; \
	VPBROADCASTB 3(R9), Z19; \
	VPBROADCASTB 4(R9), Z18

#define CONSTANTS512 \
	SET(zero, Z31); \
	SET(nine, Z30); \
	SET(setEscape, Z29); \
	SET(setSep, Z28); \
	SET(setJoint, Z27); \
	SET(less, Z26); \
	SET(bar, Z25); \
	SET(space, Z24); \
	SET(minus, Z23); \
	WIDECONSTANTS512

// func classesAVX512(dst *uint64, src *byte, blocks int, wide *wideForm)
TEXT ·classesAVX512(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ blocks+16(FP), CX
	MOVQ wide+24(FP), R9
	MOVQ $0x8080808080808080, R8
	MOVQ $0x7f7f7f7f7f7f7f7f, R10
	SET(zero, Z31)
	SET(nine, Z30)
	SET(space, Z24)
	SET(minus, Z23)
	WIDECONSTANTS512
	SET(lowerA, Z17)
	SET(alpha, Z16)
	SET(upperA, Z15)
	LEAQ      ·asciiClasses(SB), R13
	VMOVDQU64 (R13), Z29
	VMOVDQU64 64(R13), Z28
	VMOVDQU64 128(R13), Z27
	VMOVDQU64 192(R13), Z26
	VMOVDQU64 256(R13), Z25
	VMOVDQU64 320(R13), Z14
	BIT512($escapeBit, Z13)
	BIT512($sepBit, Z12)
	BIT512($jointBit, Z11)
	BIT512($tokenBit, Z10)
	BIT512($assignBit, Z9)
	BIT512($atBit, Z8)
	BIT512($0x80, Z7)

loop:
	VMOVDQU64 (SI), Z0
	VMOVDQU64 1(SI), Z1
	VMOVDQU64 2(SI), Z2

	// Z4 are the classes of the bytes, none of what is not ASCII. K1 keeps the
	// digits, DX what is not ASCII.
	WITHIN512(Z31, Z30, K1)
	VPTESTNMB  Z7, Z0, K2
	VMOVDQA64  Z0, Z4
	VPERMI2B.Z Z28, Z29, K2, Z4
	KMOVQ      K1, DIGIT_(DI)
	KMOVQ      K2, DX
	NOTQ       DX
	MOVQ       DX, HIGH_(DI)

	// the beginnings of secrets: Z5 and Z6 are the classes of the next two bytes
	VPORQ       Z2, Z1, Z3
	VPTESTNMB   Z7, Z3, K4
	VMOVDQA64   Z1, Z5
	VPERMI2B    Z26, Z27, Z5
	VMOVDQA64   Z2, Z6
	VPERMI2B    Z14, Z25, Z6
	VPTERNLOGQ  $0x80, Z5, Z4, Z6
	VPTESTMB    Z10, Z6, K4, K3
	KMOVQ       K3, TOKEN_(DI)

	VPTESTMB Z13, Z4, K3
	KMOVQ    K3, ESCAPE_(DI)
	VPTESTMB Z12, Z4, K4
	KMOVQ    K4, SEP_(DI)
	VPTESTMB Z9, Z4, K5
	KMOVQ    K5, ASSIGN_(DI)
	VPTESTMB Z24, Z4, K6         // dotBit is a space
	KMOVQ    K6, DOT_(DI)
	VPTESTMB Z8, Z4, K3
	KMOVQ    K3, AT_(DI)

	// what stands between pieces of a number
	VPTESTMB Z11, Z4, K4
	VPCMPEQB Z24, Z0, K5
	VPCMPEQB Z23, Z1, K5, K5
	KORQ     K5, K4, K4
	KMOVQ    K4, JOINT_(DI)

	// letters
	VPORQ   Z24, Z0, Z3
	VPSUBB  Z17, Z3, Z3
	VPCMPUB $2, Z16, Z3, K2
	KMOVQ   K2, ALPHA_(DI)

	// base64: K1 takes in letters, + and /. AX has the highest bit of the bytes of
	// that word which are all ones, BX of those that have a capital.
	VPTESTMB Z7, Z4, K3
	KORQ     K2, K1, K1
	KORQ     K3, K1, K1
	WITHIN512(Z15, Z16, K5)
	KMOVQ    K1, AX
	KMOVQ    K5, BX
	NOTQ     AX
	MOVQ     AX, R11
	ANDQ     R10, R11
	ADDQ     R10, R11
	ORQ      AX, R11
	NOTQ     R11
	MOVQ     BX, R12
	ANDQ     R10, R12
	ADDQ     R10, R12
	ORQ      BX, R12
	ANDQ     R12, R11
	ANDQ     R8, R11
	MOVQ     R11, BASE_(DI)

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
	WIDE512

	SET(cjkLow, Z4)
	SET(five, Z5)
	WITHIN512(Z4, Z5, K3)
	KMOVQ K3, CJK_(DI)

	// katakana: E3 83, or E3 82 and no byte from 80 to A0
	SET(e3, Z4)
	VPCMPEQB Z4, Z0, K3
	SET(a0, Z5)
	VPCMPB   $6, Z5, Z2, K4
	SET(x82, Z4)
	VPCMPEQB Z4, Z1, K4, K4
	SET(x83, Z4)
	VPCMPEQB Z4, Z1, K5
	KORQ     K5, K4, K4
	KANDQ    K4, K3, K3
	KMOVQ    K3, KATA_(DI)

	// the full-width signs behind keys and in addresses: EF BC, and 9A, 9D or A0
	VPCMPEQB Z5, Z2, K3
	SET(x9a, Z4)
	VPCMPEQB Z4, Z2, K4
	SET(x9d, Z4)
	VPCMPEQB Z4, Z2, K5
	KORQ     K4, K3, K3
	KORQ     K5, K3, K3
	SET(xbc, Z4)
	VPCMPEQB Z4, Z1, K3, K3
	SET(xef, Z4)
	VPCMPEQB Z4, Z0, K3, K3
	KMOVQ    K3, SIGN_(DI)
	JMP      next

// func classesCardsAVX512(dst *uint64, src *byte, blocks int, wide *wideForm)
TEXT ·classesCardsAVX512(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ blocks+16(FP), CX
	MOVQ wide+24(FP), R9
	CONSTANTS512

cards:
	VMOVDQU64 (SI), Z0
	VMOVDQU64 1(SI), Z1
	THREE512
	BETWEEN512
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
	VMOVDQU64 2(SI), Z2
	WIDE512
	JMP more

// Words of wanted, and where the carries of each sort begin in lanes (see
// lanes512 in triggers_avx512_amd64.go).
#define wantNumbers 0
#define wantViews 8
#define wantMarks 16
#define wantText 24
#define wantKeys 32

DATA allOnes<>+0(SB)/8, $-1
GLOBL allOnes<>(SB), RODATA|NOPTR, $8

// UP512 sets into to the blocks x moved up by n, with the high bits of the blocks
// before them; DOWN512 down, with the low bits of the blocks behind them.
#define UP512(n, x, before, into) VPSHLDQ $n, before, x, into
#define DOWN512(n, x, behind, into) VPSHRDQ $n, behind, x, into

// BEFORE512 sets into to the blocks before those of x, and keeps x for the next
// eight in old.
#define BEFORE512(x, old, into) \
	VALIGNQ   $7, old, x, into; \
	VMOVDQA64 x, old

// CHARACTERS512 leaves in into the bytes of class that begin a character of three.
#define CHARACTERS512(class, into) \
	VMOVDQU64 class(SI), into; \
	UP512(3, into, (class-8)(SI), Z13); \
	VPANDNQ   into, Z13, into

// DIGITS512 is common to both: Z0 are the digits, Z1 stand behind one, Z2 before
// one, Z5 behind two, Z6 are the ends of four, Z8 stand behind four.
#define DIGITS512 \
	VMOVDQU64 DIGIT_(SI), Z0; \
	UP512(1, Z0, (DIGIT_-8)(SI), Z1); \
	DOWN512(1, Z0, (DIGIT_+8)(SI), Z2); \
	VPANDQ    Z1, Z0, Z3; \
	BEFORE512(Z3, Z16, Z4); \
	UP512(1, Z3, Z4, Z5); \
	UP512(2, Z3, Z4, Z6); \
	VPANDQ    Z3, Z6, Z6; \
	BEFORE512(Z6, Z17, Z7); \
	UP512(1, Z6, Z7, Z8)

// RUNS512 takes the row Z10 on: Z12 are runs of two bytes, Z13 of four with Z14 of
// the blocks before, Z15 of eight, Z29 is Z13 moved up by four.
#define RUNS512 \
	VMOVDQU64 Z10, joined(DI); \
	BEFORE512(Z10, Z18, Z11); \
	UP512(1, Z10, Z11, Z12); \
	VPANDQ    Z10, Z12, Z12; \
	BEFORE512(Z12, Z19, Z11); \
	UP512(2, Z12, Z11, Z13); \
	VPANDQ    Z12, Z13, Z13; \
	BEFORE512(Z13, Z20, Z14); \
	UP512(4, Z13, Z14, Z29); \
	VPANDQ    Z13, Z29, Z15

// PAST512 leaves in Z11 what stands behind those rows Z10 that hold a bit of x: an
// addition over eight words. R10 is its carry; R11 keeps the carries into the
// blocks.
#define PAST512(x) \
	VPADDQ        x, Z10, Z11; \
	VPCMPUQ       $1, Z10, Z11, K1; \
	VPCMPEQQ.BCST allOnes<>(SB), Z11, K2; \
	KMOVB         K1, AX; \
	KMOVB         K2, BX; \
	LEAQ          (R10)(AX*2), R11; \
	ADDQ          BX, R11; \
	XORQ          BX, R11; \
	KMOVB         R11, K3; \
	VPSUBQ.BCST   allOnes<>(SB), Z11, K3, Z11; \
	MOVQ          R11, R10; \
	SHRQ          $8, R10; \
	VPANDNQ       Z11, Z10, Z11

#define CARRYIN \
	VPBROADCASTQ 0(R9), Z16; \
	VPBROADCASTQ 8(R9), Z17; \
	VPBROADCASTQ 16(R9), Z18; \
	VPBROADCASTQ 24(R9), Z19; \
	VPBROADCASTQ 32(R9), Z20; \
	VPBROADCASTQ 40(R9), Z21; \
	MOVQ         48(R9), R10; \
	VPBROADCASTQ 56(R9), Z22; \
	VPBROADCASTQ 64(R9), Z23

#define CARRYOUT \
	MOVQ      lanes+40(FP), AX; \
	VMOVDQU64 Z16, 0(AX); \
	VMOVDQU64 Z17, 64(AX); \
	VMOVDQU64 Z18, 128(AX); \
	VMOVDQU64 Z19, 192(AX); \
	VMOVDQU64 Z20, 256(AX); \
	VMOVDQU64 Z21, 320(AX); \
	VMOVDQU64 Z22, 384(AX); \
	VMOVDQU64 Z23, 448(AX); \
	MOVQ      R11, 512(AX)

// func triggersAllAVX512(t, m *uint64, blocks int, k *carry, want *wanted, lanes *lanes512)
TEXT ·triggersAllAVX512(SB), NOSPLIT, $0-48
	MOVQ         t+0(FP), DI
	MOVQ         m+8(FP), SI
	MOVQ         blocks+16(FP), CX
	MOVQ         k+24(FP), R9
	MOVQ         want+32(FP), R8
	CARRYIN
	VPBROADCASTQ wantNumbers(R8), Z24
	VPBROADCASTQ wantViews(R8), Z25
	VPBROADCASTQ wantMarks(R8), Z26
	VPBROADCASTQ wantText(R8), Z27
	VPBROADCASTQ wantKeys(R8), Z28

all:
	DIGITS512
	VPANDQ    JOINT_(SI), Z8, Z9
	VPANDQ    HIGH_(SI), Z5, Z10
	VPORQ     ESCAPE_(SI), Z9, Z9
	CHARACTERS512(WIDE_, Z11)
	VPTERNLOGQ $0xFE, Z10, Z11, Z9
	VPANDQ    Z24, Z9, Z9
	VMOVDQU64 Z9, others(DI)

	// rows of seven bytes or more with four digits
	VPANDQ SEP_(SI), Z1, Z10
	VPANDQ Z2, Z10, Z10
	VPORQ  Z0, Z10, Z10
	RUNS512
	PAST512(Z6)
	UP512(1, Z13, Z14, Z30)
	VPANDQ Z29, Z30, Z30
	VPANDQ Z30, Z11, Z11

	// but not those of less than twelve before a letter, or a colon and a digit
	BEFORE512(Z15, Z21, Z12)
	UP512(1, Z15, Z12, Z13)
	UP512(5, Z15, Z12, Z14)
	VPANDQ    Z13, Z14, Z14
	VMOVDQU64 ASSIGN_(SI), Z3
	VPANDQ    Z3, Z2, Z4
	VPORQ     ALPHA_(SI), Z4, Z4
	VPANDNQ   Z4, Z14, Z4
	VPANDNQ   Z11, Z4, Z11
	VPANDQ    Z24, Z11, Z11
	VMOVDQU64 Z11, rows(DI)

	// quoted-printable, base64
	VMOVDQU64 (ASSIGN_+8)(SI), Z4
	VMOVDQU64 ALPHA_(SI), Z7
	VMOVDQU64 BASE_(SI), Z9
	DOWN512(3, Z3, Z4, Z5)
	DOWN512(6, Z3, Z4, Z6)
	DOWN512(1, Z7, (ALPHA_+8)(SI), Z8)
	DOWN512(8, Z9, (BASE_+8)(SI), Z10)
	VPTERNLOGQ $0x80, Z6, Z5, Z8
	VPANDQ    Z3, Z8, Z8
	VPANDQ    Z9, Z10, Z10
	VPORQ     ESCAPE_(SI), Z8, Z8
	VPORQ     Z10, Z8, Z8
	VPANDQ    Z25, Z8, Z8
	VMOVDQU64 Z8, views(DI)

	// third dots: Z4 are those between digits, Z8 the pairs
	VPANDQ    Z1, Z2, Z2
	VPANDQ    DOT_(SI), Z2, Z4
	BEFORE512(Z4, Z22, Z5)
	UP512(2, Z4, Z5, Z8)
	UP512(3, Z4, Z5, Z9)
	UP512(4, Z4, Z5, Z10)
	VPTERNLOGQ $0xFE, Z9, Z10, Z8
	VPANDQ    Z4, Z8, Z8
	BEFORE512(Z8, Z23, Z5)
	UP512(2, Z8, Z5, Z9)
	UP512(3, Z8, Z5, Z10)
	UP512(4, Z8, Z5, Z11)
	VPTERNLOGQ $0xFE, Z10, Z11, Z9
	VPANDQ    Z4, Z9, Z9
	VPORQ     AT_(SI), Z9, Z9
	VPANDQ    Z26, Z9, Z9
	VMOVDQU64 Z9, marks(DI)

	// signs behind keys, rows of kanji and katakana
	VPANDNQ   Z3, Z2, Z3
	VPORQ     SIGN_(SI), Z3, Z3
	VPANDQ    Z28, Z3, Z3
	CHARACTERS512(CJK_, Z4)
	CHARACTERS512(KATA_, Z5)
	VPORQ     Z4, Z5, Z5
	VPANDQ    Z27, Z5, Z5
	VPORQ     Z5, Z3, Z3

	// secrets
	VMOVDQU64 ESCAPE_(SI), Z9
	UP512(1, Z7, (ALPHA_-8)(SI), Z8)
	UP512(2, Z9, (ESCAPE_-8)(SI), Z10)
	VPANDNQ   Z8, Z10, Z8
	VPANDNQ   TOKEN_(SI), Z8, Z8
	VPORQ     Z8, Z3, Z3
	VMOVDQU64 Z3, text(DI)

	ADDQ $64, SI
	ADDQ $64, DI
	SUBQ $8, CX
	JG   all
	CARRYOUT
	VZEROUPPER
	RET

// func triggersCardsAVX512(t, m *uint64, blocks int, k *carry, want *wanted, lanes *lanes512)
TEXT ·triggersCardsAVX512(SB), NOSPLIT, $0-48
	MOVQ t+0(FP), DI
	MOVQ m+8(FP), SI
	MOVQ blocks+16(FP), CX
	MOVQ k+24(FP), R9
	CARRYIN

cards:
	DIGITS512
	VMOVDQU64 HIGH_(SI), Z9
	VPORQ     JOINT_(SI), Z9, Z9
	VPANDQ    Z8, Z9, Z9
	VMOVDQU64 WIDE_(SI), Z11
	UP512(2, Z11, (WIDE_-8)(SI), Z12)
	UP512(3, Z11, (WIDE_-8)(SI), Z13)
	VPORQ     Z12, Z13, Z13
	VPANDNQ   Z11, Z13, Z11
	VPORQ     ESCAPE_(SI), Z9, Z9
	VPORQ     Z11, Z9, Z9
	VMOVDQU64 Z9, others(DI)

	VPANDQ SEP_(SI), Z8, Z10
	VPANDQ Z2, Z10, Z10
	VPORQ  Z0, Z10, Z10
	RUNS512

	// thirteen: eight, and eight of five bytes before
	BEFORE512(Z15, Z21, Z12)
	UP512(5, Z15, Z12, Z14)
	VPANDQ    Z15, Z14, Z14
	PAST512(Z14)
	VMOVDQU64 Z11, rows(DI)

	ADDQ $64, SI
	ADDQ $64, DI
	SUBQ $8, CX
	JG   cards
	CARRYOUT
	VZEROUPPER
	RET
