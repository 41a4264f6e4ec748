package osversion

import "testing"

func TestPrettyName(t *testing.T) {
	tests := []struct{ release, want string }{
		{"NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n", "Debian GNU/Linux 12 (bookworm)"},
		{"PRETTY_NAME=Alpine", "Alpine"},
		{"ID=x\n", ""},
		{"", ""},
	}
	for _, tt := range tests {
		if got := prettyName(tt.release); got != tt.want {
			t.Errorf("prettyName(%q) = %q, want %q", tt.release, got, tt.want)
		}
	}
}
