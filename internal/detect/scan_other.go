//go:build !amd64

package detect

// wordMasks sets bit i of words[k] when byte 64*k+i of text is an ASCII letter
// or digit, or not ASCII, and that of quotes when it is an apostrophe. The
// length of text is a multiple of 64; words and quotes have an element for
// every 64 bytes.
func wordMasks(text []byte, words, quotes *[scanBlocks]uint64) {
	goWordMasks(text, words, quotes)
}
