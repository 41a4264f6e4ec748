package install

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUnitNamesItsPaths(t *testing.T) {
	unit, err := Unit("/opt/la p/agent$x", "/var/lib/50%", Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"ExecStart=\"/opt/la p/agent$$x\" run --dir \"/var/lib/50%%\"\n", "StateDirectory=50%%\n", "ReadWritePaths=\"/var/lib/50%%\"\n",
		"RestartSec=1\n", "WatchdogSec=", "MemorySwapMax=0\n", "Type=notify\n",
	} {
		if !strings.Contains(unit, want) {
			t.Errorf("the unit lacks %q", want)
		}
	}
	if strings.Contains(unit, "@PROGRAM") || strings.Contains(unit, "@DIR") || strings.Contains(unit, "@STATE") || strings.Contains(unit, "@PLAIN") || strings.Contains(unit, "@WORD") {
		t.Error("a place was left unfilled")
	}
	for _, bad := range [][2]string{{"/opt/a\nb", "/d"}, {"/opt/a", "/d\nExecStart=/x"}, {"/opt/{{x}}", "/d"}} {
		if _, err := Unit(bad[0], bad[1], Options{}); err == nil {
			t.Errorf("paths %q were taken", bad)
		}
	}
}

func TestUnitElsewhereHasNoStateDirectory(t *testing.T) {
	unit, err := Unit("/opt/agent", "/srv/lapwing", Options{BlockMedia: true})
	if err != nil || strings.Contains(unit, "\nStateDirectory=") || strings.Contains(unit, "@STATE@") {
		t.Errorf("%v\n%s", err, unit)
	}
}

// Only who asks for it gets a service that may switch devices off.
func TestUnitBlocksMedia(t *testing.T) {
	for _, block := range []bool{false, true} {
		unit, err := Unit("/opt/agent", "/srv/lapwing", Options{BlockMedia: block})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(unit, "\nReadWritePaths=/sys/devices\n"); got != block || strings.Contains(unit, "@BLOCK@") {
			t.Errorf("blocking %v:\n%s", block, unit)
		}
	}
}

func TestLeaving(t *testing.T) {
	dir := t.TempDir()
	if why := Leaving(dir); why != "" {
		t.Errorf("before: %q", why)
	}
	for _, why := range []Reason{ToRestart, ToUninstall} {
		if err := Leave(dir, why); err != nil || Leaving(dir) != why {
			t.Errorf("%q: %v, %q", why, err, Leaving(dir))
		}
	}
	if err := Left(dir); err != nil || Leaving(dir) != "" {
		t.Errorf("after: %v, %q", err, Leaving(dir))
	}
	if err := Left(dir); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, leavingFile), []byte("anything"), 0o600); err != nil || Leaving(dir) != "" {
		t.Errorf("a word that is none: %q", Leaving(dir))
	}
}

func TestProgramThatOthersCanChange(t *testing.T) {
	dir := t.TempDir() // below /tmp, where all may write
	program := filepath.Join(dir, "agent")
	if err := os.WriteFile(program, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := checkProgram(program); err == nil || !strings.Contains(err.Error(), "/opt/lapwing") {
		t.Errorf("error %v", err)
	}
}
