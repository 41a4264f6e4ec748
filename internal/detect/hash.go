package detect

import (
	"encoding/binary"
	"math/bits"
)

// Hash64 is SipHash-2-4 (Aumasson and Bernstein, 2012) of b. Hashed lists use
// it: whoever holds a list without its key cannot read what stands in it, and
// whoever holds both must guess every entry.
func Hash64(key [2]uint64, b []byte) uint64 {
	v := [4]uint64{
		key[0] ^ 0x736F6D6570736575, key[1] ^ 0x646F72616E646F6D,
		key[0] ^ 0x6C7967656E657261, key[1] ^ 0x7465646279746573,
	}
	last := uint64(len(b)) << 56
	for ; len(b) >= 8; b = b[8:] {
		m := binary.LittleEndian.Uint64(b)
		v[3] ^= m
		sipRounds(&v, 2)
		v[0] ^= m
	}
	for i, c := range b {
		last |= uint64(c) << (8 * i)
	}
	v[3] ^= last
	sipRounds(&v, 2)
	v[0] ^= last
	v[2] ^= 0xFF
	sipRounds(&v, 4)
	return v[0] ^ v[1] ^ v[2] ^ v[3]
}

func sipRounds(v *[4]uint64, n int) {
	for range n {
		v[0] += v[1]
		v[1] = bits.RotateLeft64(v[1], 13) ^ v[0]
		v[0] = bits.RotateLeft64(v[0], 32)
		v[2] += v[3]
		v[3] = bits.RotateLeft64(v[3], 16) ^ v[2]
		v[0] += v[3]
		v[3] = bits.RotateLeft64(v[3], 21) ^ v[0]
		v[2] += v[1]
		v[1] = bits.RotateLeft64(v[1], 17) ^ v[2]
		v[2] = bits.RotateLeft64(v[2], 32)
	}
}
