package stack

import "testing"

func TestCutLink(t *testing.T) {
	tests := []struct {
		line string
		want Link
		ok   bool
	}{
		{"  head teacher   A. Reed      https://127.0.0.1:8443/link/1.x", Link{"head teacher", "A. Reed", "https://127.0.0.1:8443/link/1.x"}, true},
		{"Console   https://127.0.0.1:8443", Link{}, false},
		{"", Link{}, false},
	}
	for _, tt := range tests {
		role, name, url, ok := cutLink(tt.line)
		if got := (Link{role, name, url}); ok != tt.ok || got != tt.want {
			t.Errorf("cutLink(%q) = %v, %v", tt.line, got, ok)
		}
	}
}
