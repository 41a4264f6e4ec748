package posture

import (
	"context"
	"slices"
	"strings"
)

// aiTools are programs that answer or write by a language model, by the names
// under which they are installed. Websites are for rules, not for this check.
var aiTools = []string{
	"ollama", "lm-studio", "lmstudio", "gpt4all", "jan", "claude-desktop", "claude", "chatgpt-desktop", "chatgpt", "cursor", "windsurf",
	"aider", "aider-chat", "open-webui", "koboldcpp", "text-generation-webui", "anythingllm", "msty", "github-copilot-cli", "codex", "gemini-cli",
}

// installed are the names of what is installed: packages, and what came past
// them. Nothing in a person's own folder is looked at.
func (m *machine) installed() (packages, besides []string) {
	name := ""
	m.lines(func(line string) bool {
		if n, ok := strings.CutPrefix(line, "Package: "); ok {
			name = n
		}
		if line == "Status: install ok installed" {
			packages = append(packages, name)
		}
		return true
	}, "/var/lib/dpkg/status")
	for _, dir := range []string{"/opt", "/usr/local/bin", "/snap", "/var/lib/flatpak/app"} {
		for _, n := range m.names(dir) {
			if n = strings.ToLower(n); n != "bin" && n != "readme" {
				besides = append(besides, n[strings.LastIndexByte(n, '.')+1:])
			}
		}
	}
	return packages, besides
}

func linuxSoftware(_ context.Context, m *machine) Reading {
	allowed, denied := m.policy.GetAllowedSoftware(), m.policy.GetDeniedSoftware()
	if len(allowed) == 0 && len(denied) == 0 {
		return cannotTell("the school has no list")
	}
	packages, besides := m.installed()
	if len(packages) == 0 && len(besides) == 0 {
		return cannotTell("no list of programs was found")
	}
	var bad []string
	for _, n := range append(slices.Clone(packages), besides...) {
		if slices.Contains(denied, n) {
			bad = append(bad, n)
		}
	}
	// What comes with the system is not on anybody's list; what came past it must be.
	for _, n := range besides {
		if len(allowed) > 0 && !slices.Contains(allowed, n) && !slices.Contains(bad, n) {
			bad = append(bad, n)
		}
	}
	return named(bad, "only what is approved", "not approved: ")
}

func linuxAITools(_ context.Context, m *machine) Reading {
	packages, besides := m.installed()
	if len(packages) == 0 && len(besides) == 0 {
		return cannotTell("no list of programs was found")
	}
	var found []string
	for _, n := range append(packages, besides...) {
		if slices.Contains(aiTools, n) && !slices.Contains(m.policy.GetAllowedSoftware(), n) {
			found = append(found, n)
		}
	}
	return named(found, "none found", "first seen: ")
}

func named(bad []string, fine, before string) Reading {
	if len(bad) == 0 {
		return pass("%s", fine)
	}
	slices.Sort(bad)
	bad = slices.Compact(bad)
	more := ""
	if n := len(bad) - 5; n > 0 {
		bad, more = bad[:5], " and others"
	}
	return fail("%s%s%s", before, strings.Join(bad, ", "), more)
}
