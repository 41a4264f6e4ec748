//go:build linux

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// cruel is flagged by the rule bully-cruel, medium, at level alert.
const cruel = "nobody likes you go away"

// TestARuleMadeQuieter: a DSL proposes that a rule only logs, the head
// approves, and the connected agent obeys at once.
func TestARuleMadeQuieter(t *testing.T) {
	f := takeOff(t)
	dsl, head := f.signIn(t, "DSL"), f.signIn(t, "head teacher")
	f.focus(t, "mousepad")
	f.typeText(t, cruel+"\n")
	first := f.awaitCases(t, "the alert", func(c []caseLine) bool { return len(c) == 1 && c[0].Level == "alert" })[0]

	// A false alarm that names the rule counts against it.
	dsl.open(t, "/cases/"+first.ID)
	dsl.press(t, "Claim")
	dsl.await(t, "the claim", `document.body.innerText.includes("Claimed by you")`)

	before := f.policyVersion(t)
	dsl.open(t, "/rules/bully-cruel")
	dsl.says(t, "Medium, alert", cruel)
	dsl.do(t, "propose that it only logs",
		chromedp.Click(`input[name=setting][value=set]`, chromedp.ByQuery),
		chromedp.Click(`input[name=level][value=log]`, chromedp.ByQuery),
		chromedp.SetValue(`#severity`, "low", chromedp.ByQuery),
		chromedp.SetValue(`#group`, "Demo laptops", chromedp.ByQuery),
		chromedp.SendKeys(`#reason`, "A set text in year 8 has these words", chromedp.ByQuery),
		chromedp.SendKeys(`#risk`, "Real bullying stays in the log, which is read on Fridays", chromedp.ByQuery),
		chromedp.Click(`main form .govuk-button--wide`, chromedp.ByQuery))
	dsl.await(t, "the proposal", `location.pathname === "/rules/changes" && document.body.innerText.includes("Waits for approval")`)
	var offered bool
	dsl.do(t, "look for a way to approve one's own", chromedp.Evaluate(`!!document.querySelector("button[value=approve]")`, &offered))
	if offered {
		t.Error("who proposed is offered to approve")
	}
	if v := f.policyVersion(t); v != before {
		t.Errorf("the policy went from %d to %d without an approval", before, v)
	}

	head.open(t, "/rules/changes")
	head.says(t, "Low, log", "Demo laptops", "A set text in year 8")
	head.do(t, "approve", chromedp.Evaluate(`document.querySelector("button[value=approve]").click()`, nil))
	approved := time.Now()
	await(t, "the agent to have the policy", func() error {
		if v := f.policyVersion(t); v <= before {
			return fmt.Errorf("version %d", v)
		}
		return nil
	})
	took := time.Since(approved)
	t.Logf("from the click on Approve to the agent's new policy: %v", took.Round(time.Millisecond))
	head.await(t, "the log of changes", `document.body.innerText.includes("Approved") && !document.querySelector("button[value=approve]")`)

	// The first case is closed, so that what comes now has one of its own.
	dsl.open(t, "/cases/"+first.ID)
	dsl.do(t, "close it", chromedp.Click(`input[name=outcome][value=no-concern]`, chromedp.ByQuery))
	dsl.press(t, "Record and open next case")
	f.awaitCases(t, "the first case closed", func(c []caseLine) bool { return len(c) == 1 && c[0].State == "closed" })
	f.focus(t, "mousepad")
	f.typeText(t, cruel+"\n")
	f.awaitCases(t, "a quiet case", func(all []caseLine) bool {
		for _, c := range all {
			if c.ID != first.ID && c.Level == "log" && c.Severity == "low" && c.Category == "bullying" {
				return true
			}
		}
		return false
	})
	dsl.open(t, "/rules/bully-cruel")
	dsl.says(t, "Low, log on Demo laptops", "Right the one time here")
}

// policyVersion is the version that the agent obeys, as it says itself.
func (f *flight) policyVersion(t testing.TB) uint64 {
	t.Helper()
	out, err := f.Agent(t.Context(), "status", "--json", "--dir", f.AgentDir())
	var status any
	if jsonErr := json.Unmarshal([]byte(out), &status); jsonErr != nil {
		t.Fatal(errors.Join(err, jsonErr))
	}
	v, ok := find(status, "policy_version").(float64)
	if !ok {
		t.Fatalf("the agent's status has no policy version:\n%s", strings.TrimSpace(out))
	}
	return uint64(v)
}

// find looks for a key anywhere in a JSON value.
func find(in any, key string) any {
	switch in := in.(type) {
	case map[string]any:
		if v, ok := in[key]; ok {
			return v
		}
		for _, v := range in {
			if found := find(v, key); found != nil {
				return found
			}
		}
	case []any:
		for _, v := range in {
			if found := find(v, key); found != nil {
				return found
			}
		}
	}
	return nil
}
