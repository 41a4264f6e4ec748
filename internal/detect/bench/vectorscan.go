//go:build vectorscan

package main

/*
#cgo pkg-config: libhs
#include <stdlib.h>
#include <hs.h>

static const unsigned char *hay;
static unsigned long long size, found;
static const unsigned int *lengths;

static int word(unsigned long long i) {
	unsigned char c = hay[i], l = c | 0x20;
	return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9');
}

static int on_match(unsigned int id, unsigned long long from, unsigned long long to, unsigned int flags, void *ctx) {
	unsigned long long start = to - lengths[id];
	if ((start == 0 || !word(start - 1)) && (to == size || !word(to))) found++;
	return 0;
}

static unsigned long long scan(const hs_database_t *db, hs_scratch_t *scratch, const char *text, unsigned int n, const unsigned int *lens) {
	hay = (const unsigned char *)text; size = n; found = 0; lengths = lens;
	if (hs_scan(db, text, n, 0, scratch, on_match, NULL) != HS_SUCCESS) return (unsigned long long)-1;
	return found;
}
*/
import "C"

import (
	"errors"
	"unsafe"
)

func init() {
	engines = append(engines, engine{"Vectorscan, literal API", buildVectorscan})
}

// buildVectorscan compiles the phrases with hs_compile_lit_multi and counts
// hits with word borders in the callback. What it allocates lives as long as
// the process.
func buildVectorscan(list []string) (func([]byte) int, error) {
	n := len(list)
	expr := unsafe.Slice((**C.char)(C.malloc(C.size_t(n)*C.size_t(unsafe.Sizeof((*C.char)(nil))))), n)
	flags, ids := cArray[C.uint](n), cArray[C.uint](n)
	lens := cArray[C.size_t](n)
	lengths := cArray[C.uint](n)
	for i, p := range list {
		expr[i] = C.CString(p)
		flags[i] = C.HS_FLAG_CASELESS
		ids[i] = C.uint(i)
		lens[i] = C.size_t(len(p))
		lengths[i] = C.uint(len(p))
	}
	var db *C.hs_database_t
	var fault *C.hs_compile_error_t
	if C.hs_compile_lit_multi(&expr[0], &flags[0], &ids[0], &lens[0], C.uint(n), C.HS_MODE_BLOCK, nil, &db, &fault) != C.HS_SUCCESS {
		return nil, errors.New("hs_compile_lit_multi failed")
	}
	var scratch *C.hs_scratch_t
	if C.hs_alloc_scratch(db, &scratch) != C.HS_SUCCESS {
		return nil, errors.New("hs_alloc_scratch failed")
	}
	return func(text []byte) int {
		return int(C.scan(db, scratch, (*C.char)(unsafe.Pointer(&text[0])), C.uint(len(text)), &lengths[0]))
	}, nil
}

func cArray[T any](n int) []T {
	var t T
	return unsafe.Slice((*T)(C.malloc(C.size_t(n)*C.size_t(unsafe.Sizeof(t)))), n)
}
