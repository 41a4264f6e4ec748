//go:build vectorscan

package main

/*
#cgo LDFLAGS: -lhs
#include <stdint.h>
#include <stdlib.h>
#include <hs/hs.h>

typedef struct {
	const unsigned char *text;
	size_t len;
	const uint32_t *lens;
	uint64_t hits, sum;
} scan_t;

static int is_word(unsigned char c) {
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

static int on_hit(unsigned int id, unsigned long long from, unsigned long long to, unsigned int flags, void *ctx) {
	scan_t *s = ctx;
	uint64_t start = to - s->lens[id];
	if ((start == 0 || !is_word(s->text[start - 1])) && (to == s->len || !is_word(s->text[to]))) {
		uint64_t h = (start << 32 ^ to) * 0x9E3779B97F4A7C15ull;
		s->hits++;
		s->sum += h ^ h >> 29;
	}
	return 0;
}

static int run_scan(hs_database_t *db, hs_scratch_t *scratch, const char *text, size_t len, const uint32_t *lens, uint64_t *out) {
	scan_t s = {(const unsigned char *)text, len, lens, 0, 0};
	int err = hs_scan(db, text, len, 0, scratch, on_hit, &s);
	out[0] = s.hits;
	out[1] = s.sum;
	return err;
}
*/
import "C"

import (
	"fmt"
	"unsafe"
)

func init() { makers = append(makers, vectorscan) }

// vectorscanMatcher is the literal API of Vectorscan, a fork of Hyperscan. Its
// callback in C looks at the borders, so that hits do not cross into Go.
type vectorscanMatcher struct {
	db      *C.hs_database_t
	scratch *C.hs_scratch_t
	lens    *C.uint32_t
}

func vectorscan(phrases []string) (matcher, string, error) {
	n := len(phrases)
	exprs := (*[1 << 20]*C.char)(C.malloc(C.size_t(n * 8)))[:n:n]
	lens := (*[1 << 20]C.size_t)(C.malloc(C.size_t(n * 8)))[:n:n]
	ids := (*[1 << 20]C.uint)(C.malloc(C.size_t(n * 4)))[:n:n]
	flags := (*[1 << 20]C.uint)(C.malloc(C.size_t(n * 4)))[:n:n]
	short := (*[1 << 20]C.uint32_t)(C.malloc(C.size_t(n * 4)))[:n:n]
	for i, p := range phrases {
		exprs[i], lens[i], ids[i], flags[i], short[i] = C.CString(p), C.size_t(len(p)), C.uint(i), C.HS_FLAG_CASELESS, C.uint32_t(len(p))
	}
	m := &vectorscanMatcher{lens: &short[0]}
	var fault *C.hs_compile_error_t
	if e := C.hs_compile_lit_multi(&exprs[0], &flags[0], &ids[0], &lens[0], C.uint(n), C.HS_MODE_BLOCK, nil, &m.db, &fault); e != C.HS_SUCCESS {
		return nil, "", fmt.Errorf("vectorscan: compile: %s", C.GoString(fault.message))
	}
	if e := C.hs_alloc_scratch(m.db, &m.scratch); e != C.HS_SUCCESS {
		return nil, "", fmt.Errorf("vectorscan: scratch: error %d", e)
	}
	var size C.size_t
	C.hs_database_size(m.db, &size)
	return m, fmt.Sprintf("database %.1f MB, outside the heap", float64(size)/1e6), nil
}

func (m *vectorscanMatcher) name() string {
	return "Vectorscan " + C.GoString(C.hs_version())[:5] + " literals"
}

func (m *vectorscanMatcher) count(text []byte) (int, uint64) {
	var out [2]C.uint64_t
	if e := C.run_scan(m.db, m.scratch, (*C.char)(unsafe.Pointer(&text[0])), C.size_t(len(text)), m.lens, &out[0]); e != C.HS_SUCCESS {
		panic(fmt.Sprintf("vectorscan: scan: error %d", e))
	}
	return int(out[0]), uint64(out[1])
}
