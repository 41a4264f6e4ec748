package supervise_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/internal/conditions"
	"github.com/lapwing-schools/lapwing/internal/testkit/desktop"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// TestCanaries runs the real session process on a real display. On an empty
// desktop a phrase is typed, goes through the sensor and the gate to the rules,
// and proves them; nothing of it is a hit. While an editor has the focus
// nothing is typed into it, and only a partial one is made. A gate that lets
// nothing through is found out.
func TestCanaries(t *testing.T) {
	d, err := desktop.Start(t.Context(), desktop.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Stop()
	s := newService(t)
	sup, stop := s.run(d.Env(), "hasty")
	defer stop()
	sup.SetPolicy(policy(t, 1))
	s.await("a status with all sensors", func() bool { return s.settled() })
	ask := func() *lapwingv1.CanarySeen {
		t.Helper()
		nonce := make([]byte, 16)
		if _, err := rand.Read(nonce); err != nil {
			t.Fatal(err)
		}
		sup.Prove(&lapwingv1.CanaryRequest{Nonce: nonce})
		var seen *lapwingv1.CanarySeen
		s.await("the canary's answer", func() bool {
			for _, c := range s.canaries {
				if string(c.Nonce) == string(nonce) {
					seen = c
				}
			}
			return seen != nil
		})
		if err := seen.Validate(); err != nil {
			t.Error(err)
		}
		return seen
	}
	for range 3 {
		if c := ask(); c.Result != lapwingv1.CanarySeen_RESULT_FULL || c.Code != "" {
			t.Fatalf("on an empty desktop: %v %s", c.Result, c.Code)
		}
	}

	// The program of the window in the policy's words is this test's own file.
	own := &lapwingv1.Place{Kind: lapwingv1.Place_KIND_EXEMPT, Name: "self", Apps: []string{strings.ToLower(filepath.Base(os.Args[0]))}}
	sup.SetPolicy(policy(t, 2, own))
	if c := ask(); c.Result != lapwingv1.CanarySeen_RESULT_FAILED || c.Code != conditions.CanaryUnheard {
		t.Errorf("behind a shut gate: %v %s", c.Result, c.Code)
	}
	sup.SetPolicy(policy(t, 3))

	if _, err := d.Start("mousepad"); err != nil {
		t.Fatal(err)
	}
	w, err := d.Window(t.Context(), "mousepad")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Activate(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	s.typeUntilHit(d, "i want to kill myself")
	if c := ask(); c.Result != lapwingv1.CanarySeen_RESULT_PARTIAL || c.Code != conditions.CanaryInUse {
		t.Errorf("in an editor: %v %s", c.Result, c.Code)
	}
	hits, _, _ := s.sofar()
	for _, h := range hits {
		if h.Capture.App != "mousepad" || strings.Contains(h.Capture.Excerpt, "lapwing") {
			t.Errorf("a canary became a hit, or was typed into the editor: %v", h)
		}
	}
}
