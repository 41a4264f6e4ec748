package desktop

import "testing"

func TestEscapeAddress(t *testing.T) {
	tests := []struct{ path, want string }{
		{"/run/user/1000/bus", "/run/user/1000/bus"},
		{"/home/a b/ü,=;", "/home/a%20b/%c3%bc%2c%3d%3b"},
	}
	for _, tt := range tests {
		if got := escapeAddress(tt.path); got != tt.want {
			t.Errorf("escapeAddress(%q) = %q, want %q", tt.path, got, tt.want)
		}
	}
}
