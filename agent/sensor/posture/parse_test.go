package posture

import (
	"context"
	"errors"
	"testing"

	"github.com/lapwing-schools/lapwing/internal/checks"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func TestWordsOfOtherPrograms(t *testing.T) {
	for _, c := range []struct {
		name string
		got  Reading
		want checks.State
	}{
		{"BitLocker on", bitLocker("    Protection Status:    Protection On"), checks.Pass},
		{"BitLocker off", bitLocker("    Protection Status:    Protection Off"), checks.Fail},
		{"BitLocker in another language", bitLocker("Schutzstatus: Der Schutz ist aktiviert"), checks.Unknown},
		{"Windows firewall", advFirewall("Domain Profile Settings:\nState  ON\nPrivate\nState  ON\nPublic\nState  ON\n"), checks.Pass},
		{"one profile off", advFirewall("State  ON\nState  ON\nState  OFF\n"), checks.Fail},
		{"no profile", advFirewall(""), checks.Unknown},
		{"Defender runs", defenderService("STATE : 4  RUNNING"), checks.Unknown},
		{"FileVault on", fileVault("FileVault is On.\n"), checks.Pass},
		{"FileVault off", fileVault("FileVault is Off.\n"), checks.Fail},
		{"FileVault silent", fileVault(""), checks.Unknown},
		{"macOS firewall", applicationFirewall("Firewall is enabled. (State = 1)"), checks.Pass},
		{"macOS firewall off", applicationFirewall("Firewall is disabled. (State = 0)"), checks.Fail},
		{"security updates", pendingUpdates("Inst a [1] (2 Debian-Security:12/stable-security [amd64])\nInst b [1] (2 Debian:12)\n"), checks.Fail},
		{"updates", pendingUpdates("Inst b [1] (2 Debian:12)\n"), checks.Pass},
		{"nftables drops", inputPolicy("\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n"), checks.Pass},
		{"nftables lets in", inputPolicy("type filter hook input priority filter; policy accept;"), checks.Unknown},
		{"nftables empty", inputPolicy(""), checks.Fail},
	} {
		if c.got.State != c.want {
			t.Errorf("%s: %v", c.name, c.got)
		}
	}
}

func TestFilter(t *testing.T) {
	policy := &lapwingv1.PosturePolicy{FilterTestUrl: "http://test.example/", FilterTestMarker: "not blocked"}
	for name, c := range map[string]struct {
		status int
		body   string
		err    error
		want   checks.State
	}{
		"opened":        {200, "this page is not blocked", nil, checks.Fail},
		"block page":    {200, "the school's filter", nil, checks.Pass},
		"redirected":    {302, "", nil, checks.Pass},
		"refused":       {0, "", errors.New("connection refused"), checks.Unknown},
		"page's errors": {503, "", nil, checks.Unknown},
	} {
		m := &machine{policy: policy, get: func(context.Context, string) (int, string, error) { return c.status, c.body, c.err }}
		if got := filterOn(t.Context(), m); got.State != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := filterOn(t.Context(), &machine{}); got.State != checks.Unknown {
		t.Errorf("no address: %v", got)
	}
}
