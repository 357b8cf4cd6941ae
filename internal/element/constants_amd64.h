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
