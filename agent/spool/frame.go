package spool

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"golang.org/x/crypto/chacha20poly1305"
)

// Frame layout, numbers big endian (docs/spool-format.md):
//
//	length u32 | CRC-32C of length u32 | CRC-32C of body u32 | body
//	body: seq u64 | kind u8 | nonce 24 | ciphertext and tag
//
// The length has a check of its own so that a torn tail (a true length that
// reaches beyond the end) can be told from a damaged record.
const (
	frameHeader = 12
	bodyHeader  = 8 + 1 + chacha20poly1305.NonceSizeX
	minBody     = bodyHeader + 1 + chacha20poly1305.Overhead
	maxBody     = bodyHeader + MaxPayload + chacha20poly1305.Overhead

	kindPayload = 0
	kindDigest  = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errUndecipherable: the frame is whole, but not sealed under this key for this place.
var errUndecipherable = errors.New("record does not decrypt")

// frame is one whole frame inside a segment; sealed aliases the segment's bytes.
type frame struct {
	seq    uint64
	kind   byte
	sealed []byte // nonce, ciphertext and tag
}

// size is what f takes up on disk.
func (f frame) size() uint64 { return uint64(frameHeader + 8 + 1 + len(f.sealed)) }

// frameSize is the size on disk of a record with this payload.
func frameSize(payload int) int64 {
	return int64(frameHeader + bodyHeader + payload + chacha20poly1305.Overhead)
}

// sealer seals and opens records. The associated data ties each record to its
// lane, segment, number and kind, so that none can be moved or repeated.
type sealer struct{ aead cipher.AEAD }

func newSealer(key []byte) (sealer, error) {
	aead, err := chacha20poly1305.NewX(key)
	return sealer{aead}, err
}

func associated(place string, seq uint64, kind byte) []byte {
	ad := append(make([]byte, 0, 64), "lapwing spool 1 "...)
	ad = append(ad, place...)
	ad = binary.BigEndian.AppendUint64(ad, seq)
	return append(ad, kind)
}

// appendFrame appends the frame of one record to dst.
func (s sealer) appendFrame(dst []byte, place string, seq uint64, kind byte, payload []byte) ([]byte, error) {
	start := len(dst)
	dst = append(dst, make([]byte, frameHeader)...)
	dst = binary.BigEndian.AppendUint64(dst, seq)
	dst = append(dst, kind)
	// A nonce is random and not derived from the number: a record whose write
	// failed may be followed by another one with the same number.
	var nonce [chacha20poly1305.NonceSizeX]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return nil, fmt.Errorf("make nonce: %w", err)
	}
	dst = append(dst, nonce[:]...)
	dst = s.aead.Seal(dst, nonce[:], payload, associated(place, seq, kind))
	head, body := dst[start:start+frameHeader], dst[start+frameHeader:]
	binary.BigEndian.PutUint32(head, uint32(len(body)))
	binary.BigEndian.PutUint32(head[4:], crc32.Checksum(head[:4], castagnoli))
	binary.BigEndian.PutUint32(head[8:], crc32.Checksum(body, castagnoli))
	return dst, nil
}

// open returns the payload of f.
func (s sealer) open(place string, f frame) ([]byte, error) {
	nonce, ct := f.sealed[:chacha20poly1305.NonceSizeX], f.sealed[chacha20poly1305.NonceSizeX:]
	p, err := s.aead.Open(nil, nonce, ct, associated(place, f.seq, f.kind))
	if err != nil {
		return nil, errUndecipherable
	}
	return p, nil
}

// verdict says what stands at one place of a segment.
type verdict uint8

const (
	whole   verdict = iota // a frame
	end                    // nothing
	torn                   // the beginning of a frame that was never finished, then zeros or nothing
	damaged                // anything else
)

// parseFrame looks at the start of b, which reaches to the segment's end. n is
// the frame's size when it is whole. It costs little where there is none.
func parseFrame(b []byte) (f frame, n int, v verdict) {
	if len(b) < frameHeader {
		return frame{}, 0, torn
	}
	size := int(binary.BigEndian.Uint32(b))
	if size < minBody || size > maxBody || binary.BigEndian.Uint32(b[4:]) != crc32.Checksum(b[:4], castagnoli) {
		return frame{}, 0, damaged
	}
	if size > len(b)-frameHeader {
		return frame{}, 0, torn
	}
	body := b[frameHeader : frameHeader+size]
	if binary.BigEndian.Uint32(b[8:]) != crc32.Checksum(body, castagnoli) {
		return frame{}, 0, damaged
	}
	return frame{binary.BigEndian.Uint64(body), body[8], body[9:]}, frameHeader + size, whole
}

// nextFrame returns the first whole frame at or after off, and where the one
// behind it begins. skipped says that something damaged lies between. Without
// a frame the verdict is end, torn or damaged, and next is len(b).
func nextFrame(b []byte, off int) (f frame, next int, skipped bool, v verdict) {
	if off >= len(b) {
		return frame{}, len(b), false, end
	}
	f, n, v := parseFrame(b[off:])
	if v == whole {
		return f, off + n, false, whole
	}
	for i := off + 1; i+frameHeader+minBody <= len(b); i++ {
		if f, n, v := parseFrame(b[i:]); v == whole {
			return f, i + n, true, whole
		}
	}
	if v == damaged && unfinished(b[off:]) {
		v = torn
	}
	return frame{}, len(b), v == damaged, v
}

// unfinished reports whether b, which reaches to the segment's end, is zeros
// that were written ahead, or a frame of which the end never reached the disk:
// a tag is never zeros. A write that was cut elsewhere looks like damage.
func unfinished(b []byte) bool {
	from := 0
	if len(b) >= frameHeader && binary.BigEndian.Uint32(b[4:]) == crc32.Checksum(b[:4], castagnoli) {
		end := frameHeader + int(binary.BigEndian.Uint32(b))
		from = max(min(end, len(b))-chacha20poly1305.Overhead, 0)
	}
	return allZero(b[from:])
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
