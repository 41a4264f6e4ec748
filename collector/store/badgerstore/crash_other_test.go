//go:build !linux

package badgerstore

// Crash tests need Linux's mount namespaces and signals; elsewhere no test
// starts a child.
const childEnv = "BADGERSTORE_CHILD"

var children map[string]func(dir string)
