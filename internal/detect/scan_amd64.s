#include "textflag.h"

// Sixteen times a byte, for each constant that bytes are compared with.
DATA wordConst<>+0x00(SB)/8, $0x2020202020202020 // the bit between capitals and small letters
DATA wordConst<>+0x08(SB)/8, $0x2020202020202020
DATA wordConst<>+0x10(SB)/8, $0x1F1F1F1F1F1F1F1F // 0x80 - 'a': letters become -128 to -103
DATA wordConst<>+0x18(SB)/8, $0x1F1F1F1F1F1F1F1F
DATA wordConst<>+0x20(SB)/8, $0x9A9A9A9A9A9A9A9A // -102
DATA wordConst<>+0x28(SB)/8, $0x9A9A9A9A9A9A9A9A
DATA wordConst<>+0x30(SB)/8, $0x5050505050505050 // 0x80 - '0': digits become -128 to -119
DATA wordConst<>+0x38(SB)/8, $0x5050505050505050
DATA wordConst<>+0x40(SB)/8, $0x8A8A8A8A8A8A8A8A // -118
DATA wordConst<>+0x48(SB)/8, $0x8A8A8A8A8A8A8A8A
DATA wordConst<>+0x50(SB)/8, $0x2727272727272727 // '
DATA wordConst<>+0x58(SB)/8, $0x2727272727272727
DATA wordConst<>+0x60(SB)/8, $0x6060606060606060 // `
DATA wordConst<>+0x68(SB)/8, $0x6060606060606060
GLOBL wordConst<>(SB), RODATA|NOPTR, $0x70

// SIXTEEN ors the masks of 16 bytes, shifted, to R8 (words) and R9 (quotes).
#define SIXTEEN(offset, shift) \
	MOVOU offset(SI), X0 \
	MOVOU X0, X1 \
	POR X8, X1 \
	PADDB X9, X1 \
	MOVOU X10, X2 \
	PCMPGTB X1, X2 \
	MOVOU X0, X3 \
	PADDB X11, X3 \
	MOVOU X12, X4 \
	PCMPGTB X3, X4 \
	POR X4, X2 \
	POR X0, X2 \
	PMOVMSKB X2, AX \
	MOVOU X0, X5 \
	PCMPEQB X13, X5 \
	PCMPEQB X14, X0 \
	POR X5, X0 \
	PMOVMSKB X0, BX \
	SHLQ $shift, AX \
	SHLQ $shift, BX \
	ORQ AX, R8 \
	ORQ BX, R9

// func wordMasks(text []byte, words, quotes *[scanBlocks]uint64)
TEXT ·wordMasks(SB), NOSPLIT, $0-40
	MOVQ text_base+0(FP), SI
	MOVQ text_len+8(FP), CX
	MOVQ words+24(FP), DI
	MOVQ quotes+32(FP), DX
	MOVOU wordConst<>+0x00(SB), X8
	MOVOU wordConst<>+0x10(SB), X9
	MOVOU wordConst<>+0x20(SB), X10
	MOVOU wordConst<>+0x30(SB), X11
	MOVOU wordConst<>+0x40(SB), X12
	MOVOU wordConst<>+0x50(SB), X13
	MOVOU wordConst<>+0x60(SB), X14
	SHRQ $6, CX
	JZ done

next:
	XORQ R8, R8
	XORQ R9, R9
	SIXTEEN(0, 0)
	SIXTEEN(16, 16)
	SIXTEEN(32, 32)
	SIXTEEN(48, 48)
	MOVQ R8, (DI)
	MOVQ R9, (DX)
	ADDQ $64, SI
	ADDQ $8, DI
	ADDQ $8, DX
	DECQ CX
	JNZ next

done:
	RET
