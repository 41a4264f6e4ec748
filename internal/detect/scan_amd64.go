package detect

// wordMasks sets bit i of words[k] when byte 64*k+i of text is an ASCII letter
// or digit, or not ASCII, and that of quotes when it is an apostrophe. It uses
// SSE2, which every amd64 processor has. The length of text is a multiple of
// 64; words and quotes have an element for every 64 bytes.
//
//go:noescape
func wordMasks(text []byte, words, quotes *[scanBlocks]uint64)
