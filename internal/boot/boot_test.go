package boot_test

import (
	"testing"

	"github.com/lapwing-schools/lapwing/internal/boot"
)

func TestBoot(t *testing.T) {
	a, err := boot.Current()
	if err != nil {
		t.Fatal(err)
	}
	if a.ID == [16]byte{} {
		t.Error("the boot has no id")
	}
	first := boot.Elapsed()
	if first <= 0 {
		t.Errorf("up for %v", first)
	}
	if again := boot.Elapsed(); again < first {
		t.Errorf("time went back from %v to %v", first, again)
	}
}
