//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"google.golang.org/protobuf/proto"

	"github.com/lapwing-schools/lapwing/agent/sensor/usb"
	"github.com/lapwing-schools/lapwing/configs"
	"github.com/lapwing-schools/lapwing/internal/checks"
	"github.com/lapwing-schools/lapwing/internal/policydoc"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// stick is a medium as the agent's sensor finds it in sysfs.
var stick = usb.Medium{Kind: lapwingv1.MediaKind_MEDIA_KIND_STICK, VendorID: "0951", ProductID: "1666", Serial: "E2E-0001"}

// TestAPermitReachesTheAgent: the school permits no medium but by name; a
// technician permits a make on the page, and the connected agent's verdict on
// such a stick changes; it is ended there, and it changes back.
func TestAPermitReachesTheAgent(t *testing.T) {
	f := takeOff(t)
	was := f.policyVersion(t)
	strict := strings.NewReplacer("proposed_by: Lapwing, as shipped", "proposed_by: J. Okafor", "approved_by: the school, by using it unchanged", "approved_by: M. Hale",
		"    off_site: all\n", "    off_site: all\n    usb: {use: permitted}\n    lock: {unattended_minutes: 7}\n    posture: {denied_software: [wireshark], filter_test_url: \"http://filter-test.invalid/\", lock_minutes: 4}\n").Replace(string(configs.Policy))
	if err := os.WriteFile(filepath.Join(f.CollectorDir(), "policy", "policy.yaml"), []byte(strict), 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, "the strict policy", func() error {
		if v := f.policyVersion(t); v <= was {
			return fmt.Errorf("version %d", v)
		}
		return nil
	})
	p := f.agentsPolicy(t)
	if p.Lock.GetUnattendedMinutes() != 7 || p.Posture.GetLockMinutes() != 4 || p.Posture.GetFilterTestUrl() == "" || len(p.Posture.GetDeniedSoftware()) != 1 {
		t.Errorf("the file's lock and posture rules did not arrive: %v, %v", p.Lock, p.Posture)
	}
	if v := usb.Judge(p.Usb, stick, "pupil", time.Now()); v.Permitted || v.Why != checks.USBNoPermit {
		t.Fatalf("before: %+v", v)
	}

	tech := f.signIn(t, "technician")
	tech.open(t, "/media/new")
	tech.do(t, "permit the make",
		chromedp.SendKeys(`#what`, "Kingston sticks of the drama department", chromedp.ByQuery),
		chromedp.SendKeys(`#vendor`, "0951", chromedp.ByQuery),
		chromedp.SetValue(`#until`, time.Now().AddDate(0, 1, 0).Format(time.DateOnly), chromedp.ByQuery),
		chromedp.SendKeys(`#reason`, "Lighting files of the play", chromedp.ByQuery),
		chromedp.Evaluate(`document.querySelector("main form .govuk-button").click()`, nil))
	clicked := time.Now()
	f.awaitVerdict(t, true)
	t.Logf("from the click to the agent's other verdict: %v", time.Since(clicked).Round(time.Millisecond))
	tech.await(t, "the list", `location.pathname === "/media" && document.body.innerText.includes("Kingston sticks of the drama department")`)
	tech.do(t, "end it",
		chromedp.Click(`details summary`, chromedp.ByQuery),
		chromedp.SendKeys(`input[name=note]`, "The play is over", chromedp.ByQuery),
		chromedp.Evaluate(`document.querySelector("details form .govuk-button").click()`, nil))
	f.awaitVerdict(t, false)
}

func (f *flight) awaitVerdict(t *testing.T, permitted bool) {
	t.Helper()
	await(t, fmt.Sprintf("permitted to be %v", permitted), func() error {
		if v := usb.Judge(f.agentsPolicy(t).Usb, stick, "pupil", time.Now()); v.Permitted != permitted {
			return fmt.Errorf("%+v", v)
		}
		return nil
	})
}

// agentsPolicy is the policy that the agent has kept, whose signature it has checked.
func (f *flight) agentsPolicy(t *testing.T) *lapwingv1.Policy {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(f.AgentDir(), "policy"))
	if err != nil {
		t.Fatal(err)
	}
	signed := new(lapwingv1.SignedPolicy)
	if err := proto.Unmarshal(b, signed); err != nil {
		t.Fatal(err)
	}
	p, err := policydoc.Parse(signed.Document)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
