package posture

import (
	"context"
	"strings"
)

// filterOn asks for an address that the school's filter must block. The page
// behind it says a word of its own when nothing blocks it.
func filterOn(ctx context.Context, m *machine) Reading {
	url, marker := m.policy.GetFilterTestUrl(), m.policy.GetFilterTestMarker()
	if url == "" || marker == "" {
		return cannotTell("the school has not set a test address")
	}
	status, body, err := m.get(ctx, url)
	switch {
	case err != nil && ctx.Err() != nil:
		return cannotTell("the test page timed out")
	case err != nil:
		// Filters drop, refuse and lie about names; a network that is gone looks
		// the same, so this proves nothing.
		return cannotTell("the test page could not be reached, by the filter or without a network")
	case strings.Contains(body, marker):
		return fail("the test page opened: nothing blocks it here")
	case status >= 500:
		return cannotTell("the test page answered with an error of its own")
	}
	return pass("the test page was blocked")
}

// agentHealth is the agent's own word.
func agentHealth(_ context.Context, m *machine) Reading {
	if m.health == nil {
		return cannotTell("the agent has not said")
	}
	return m.health()
}
