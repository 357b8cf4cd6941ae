#include "textflag.h"

#include "columns_amd64.h"

// Words of carry, of wanted, and of classes: of the block in hand, the one before
// (before_…) and the next one (next_…). SI and DI stand at the block's word of the
// first column.
#define digits2 0
#define digits4 8
#define carried 16
#define two 24
#define four 32
#define eight 40
#define sum 48
#define dots 56
#define dots2 64

#define wantNumbers 0
#define wantViews 8
#define wantMarks 16
#define wantText 24
#define wantKeys 32

#define before_digit (DIGIT_-8)
#define before_escape (ESCAPE_-8)
#define before_wide (WIDE_-8)
#define before_cjk (CJK_-8)
#define before_kata (KATA_-8)
#define before_alpha (ALPHA_-8)
#define digit DIGIT_
#define high HIGH_
#define escape ESCAPE_
#define wide WIDE_
#define sep SEP_
#define joint JOINT_
#define base BASE_
#define dot DOT_
#define at AT_
#define assign ASSIGN_
#define cjk CJK_
#define kata KATA_
#define alpha ALPHA_
#define token TOKEN_
#define sign SIGN_
#define next_digit (DIGIT_+8)
#define next_base (BASE_+8)
#define next_assign (ASSIGN_+8)
#define next_alpha (ALPHA_+8)

// UP sets into to x moved up by n (factor is 1<<n) with the high bits of old.
#define UP(n, factor, x, old, into) \
	MOVQ old, into; \
	SHRQ $(64-n), into; \
	LEAQ (into)(x*factor), into

// DIGITS is common to both: AX are the digits, R12 the ends of four of them, BX
// what stands behind a digit, R11 behind two, R13 behind four. DX stands before a
// digit.
#define DIGITS \
	MOVQ digit(SI), AX; \
	UP(1, 2, AX, before_digit(SI), BX); \
	MOVQ next_digit(SI), DX; \
	SHLQ $63, DX; \
	MOVQ AX, R10; \
	SHRQ $1, R10; \
	ORQ  R10, DX; \
	MOVQ BX, R10; \
	ANDQ AX, R10; \
	MOVQ digits2(R9), R11; \
	MOVQ R10, digits2(R9); \
	UP(2, 4, R10, R11, R12); \
	ANDQ R10, R12; \
	SHRQ $63, R11; \
	LEAQ (R11)(R10*2), R11; \
	MOVQ digits4(R9), R13; \
	MOVQ R12, digits4(R9); \
	SHRQ $63, R13; \
	LEAQ (R13)(R12*2), R13

// RUNS takes the row R10 on: R11 are runs of four bytes of the block before, R13 of
// this one.
#define RUNS \
	MOVQ R10, joined(DI); \
	UP(1, 2, R10, carried(R9), R11); \
	MOVQ R10, carried(R9); \
	ANDQ R10, R11; \
	UP(2, 4, R11, two(R9), R13); \
	MOVQ R11, two(R9); \
	ANDQ R11, R13; \
	MOVQ four(R9), R11; \
	MOVQ R13, four(R9)

// PAST leaves in AX what stands behind those rows R10 that hold a bit of R12.
#define PAST \
	MOVQ sum(R9), AX; \
	ADDQ $-1, AX; \
	MOVQ R10, AX; \
	ADCQ R12, AX; \
	SBBQ R12, R12; \
	NEGQ R12; \
	MOVQ R12, sum(R9); \
	NOTQ R10; \
	ANDQ R10, AX

// CHARACTERS leaves in into the bytes of class that begin a character of three.
#define CHARACTERS(class, before_class, x, into) \
	MOVQ class(SI), x; \
	UP(3, 8, x, before_class(SI), into); \
	NOTQ into; \
	ANDQ x, into

// func triggersAllAsm(t, m *uint64, blocks int, k *carry, want *wanted)
TEXT ·triggersAllAsm(SB), NOSPLIT, $8-40
	MOVQ  t+0(FP), DI
	MOVQ  m+8(FP), SI
	MOVQ  blocks+16(FP), AX
	MOVQ  k+24(FP), R9
	MOVQ  want+32(FP), R8
	LEAQ  (DI)(AX*8), AX
	MOVQ  AX, end-8(SP)

all:
	DIGITS
	ANDQ joint(SI), R13
	ORQ  escape(SI), R13
	ANDQ high(SI), R11
	ORQ  R11, R13
	CHARACTERS(wide, before_wide, R11, R10)
	ORQ  R10, R13
	ANDQ wantNumbers(R8), R13
	MOVQ R13, others(DI)

	// rows of seven bytes or more with four digits
	MOVQ sep(SI), R10
	ANDQ BX, R10
	ANDQ DX, R10
	ORQ  AX, R10
	RUNS
	PAST
	UP(3, 8, R13, R11, R12)
	ANDQ R13, R12
	ADDQ R12, R12
	MOVQ R11, R10
	SHRQ $60, R10
	MOVQ R11, CX
	SHRQ $63, CX
	ANDQ R10, CX
	ORQ  CX, R12
	ANDQ R12, AX

	// but not those of less than twelve before a letter, or a colon and a digit
	MOVQ R13, R12
	SHLQ $4, R12
	ORQ  R12, R10
	ANDQ R13, R10
	MOVQ eight(R9), R12
	MOVQ R10, eight(R9)
	MOVQ R12, R13
	SHRQ $60, R13
	SHRQ $63, R11
	MOVQ R10, CX
	SHLQ $4, CX
	ORQ  R13, CX
	ANDQ R10, CX
	ADDQ CX, CX
	SHRQ $59, R12
	ANDQ R11, R12
	ORQ  R12, CX
	MOVQ assign(SI), R11
	MOVQ R11, R10
	ANDQ DX, R10
	ORQ  alpha(SI), R10
	NOTQ CX
	ANDQ CX, R10
	NOTQ R10
	ANDQ R10, AX
	ANDQ wantNumbers(R8), AX
	MOVQ AX, rows(DI)

	ANDQ DX, BX // between digits

	// quoted-printable, base64
	MOVQ next_assign(SI), R10
	MOVQ R11, R12
	SHRQ $3, R12
	MOVQ R10, R13
	SHLQ $61, R13
	ORQ  R13, R12
	ANDQ R11, R12
	MOVQ R11, R13
	SHRQ $6, R13
	SHLQ $58, R10
	ORQ  R10, R13
	ANDQ R13, R12
	MOVQ alpha(SI), R10
	SHRQ $1, R10
	MOVQ next_alpha(SI), R13
	SHLQ $63, R13
	ORQ  R13, R10
	ANDQ R10, R12
	ORQ  escape(SI), R12
	MOVQ base(SI), R10
	MOVQ R10, R13
	SHRQ $8, R13
	MOVQ next_base(SI), CX
	SHLQ $56, CX
	ORQ  CX, R13
	ANDQ R13, R10
	ORQ  R10, R12
	ANDQ wantViews(R8), R12
	MOVQ R12, views(DI)

	// third dots: R12 are the pairs
	MOVQ dot(SI), R10
	ANDQ BX, R10
	MOVQ dots(R9), R12
	MOVQ R10, dots(R9)
	MOVQ R12, R13
	SHRQ $60, R12
	SHRQ $61, R13
	ORQ  R13, R12
	SHRQ $1, R13
	ORQ  R13, R12
	MOVQ R10, CX
	SHLQ $2, CX
	ORQ  CX, R12
	ADDQ CX, CX
	ORQ  CX, R12
	ADDQ CX, CX
	ORQ  CX, R12
	ANDQ R10, R12
	MOVQ dots2(R9), R13
	MOVQ R12, dots2(R9)
	MOVQ R13, CX
	SHRQ $60, R13
	SHRQ $61, CX
	ORQ  CX, R13
	SHRQ $1, CX
	ORQ  CX, R13
	SHLQ $2, R12
	ORQ  R12, R13
	ADDQ R12, R12
	ORQ  R12, R13
	ADDQ R12, R12
	ORQ  R12, R13
	ANDQ R10, R13
	ORQ  at(SI), R13
	ANDQ wantMarks(R8), R13
	MOVQ R13, marks(DI)

	// signs behind keys, rows of kanji and katakana
	NOTQ BX
	ANDQ BX, R11
	ORQ  sign(SI), R11
	ANDQ wantKeys(R8), R11
	CHARACTERS(cjk, before_cjk, R10, R12)
	CHARACTERS(kata, before_kata, R10, R13)
	ORQ  R13, R12
	ANDQ wantText(R8), R12
	ORQ  R12, R11

	// secrets
	MOVQ  token(SI), R10
	TESTQ R10, R10
	JZ    done
	MOVQ  alpha(SI), R13
	UP(1, 2, R13, before_alpha(SI), R12)
	MOVQ  escape(SI), CX
	UP(2, 4, CX, before_escape(SI), R13)
	NOTQ  R13
	ANDQ  R13, R12
	NOTQ  R12
	ANDQ  R12, R10
	ORQ   R10, R11

done:
	MOVQ R11, text(DI)
	ADDQ $8, SI
	ADDQ $8, DI
	CMPQ DI, end-8(SP)
	JB   all
	RET

// func triggersCardsAsm(t, m *uint64, blocks int, k *carry, want *wanted)
TEXT ·triggersCardsAsm(SB), NOSPLIT, $0-40
	MOVQ t+0(FP), DI
	MOVQ m+8(FP), SI
	MOVQ blocks+16(FP), CX
	MOVQ k+24(FP), R9

cards:
	DIGITS
	MOVQ sep(SI), R10
	ANDQ R13, R10
	ANDQ DX, R10
	ORQ  AX, R10
	MOVQ high(SI), R8
	MOVQ R8, R11
	ORQ  joint(SI), R11
	ANDQ R11, R13
	ORQ  escape(SI), R13
	TESTQ R8, R8
	JZ    ascii
	MOVQ wide(SI), R11
	MOVQ before_wide(SI), R8
	MOVQ R8, BX
	SHRQ $62, R8
	SHRQ $61, BX
	ORQ  BX, R8
	LEAQ (R8)(R11*4), DX
	ORQ  DX, R8
	LEAQ (BX)(R11*8), DX
	ORQ  DX, R8
	NOTQ R8
	ANDQ R11, R8
	ORQ  R8, R13

ascii:
	MOVQ R13, others(DI)
	RUNS

	// thirteen: eight, and eight of five bytes before
	MOVQ R11, R8
	SHRQ $60, R8
	MOVQ R13, R12
	SHLQ $4, R12
	ORQ  R12, R8
	ANDQ R13, R8
	MOVQ eight(R9), R12
	MOVQ R8, eight(R9)
	SHRQ $59, R12
	MOVQ R8, R11
	SHLQ $5, R11
	ORQ  R11, R12
	ANDQ R8, R12
	PAST
	MOVQ AX, rows(DI)

	ADDQ $8, SI
	ADDQ $8, DI
	DECQ CX
	JNZ  cards
	RET
