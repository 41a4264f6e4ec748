package identity_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/internal/testkit/fakecollector"
)

// A full disk takes empty files; the token is not spent for them.
func TestFullDiskIsNoticedFirst(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting a small disk needs root, which make test has in CI")
	}
	dir := t.TempDir()
	check(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k,mode=700"))
	t.Cleanup(func() { check(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	c := start(t)
	c.Do(func(c *fakecollector.Collector) { c.TokenError = status.Error(codes.PermissionDenied, "spent") })
	if _, err := enrol(t, filepath.Join(dir, "lapwing"), c.Enrolment(), false); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("got %v, want that there is no space", err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "lapwing")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
