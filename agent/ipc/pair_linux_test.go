package ipc

import (
	"os"
	"os/exec"
	"testing"
)

// TestChildInheritsDescriptor3 starts this test binary again as the child.
func TestChildInheritsDescriptor3(t *testing.T) {
	if os.Getenv("LAPWING_IPC_CHILD") == "1" {
		conn, err := Inherited()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.Send(hit("from the child")); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Receive(); err != nil {
			t.Fatal(err)
		}
		return
	}
	service, child, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildInheritsDescriptor3$")
	cmd.Env = append(os.Environ(), "LAPWING_IPC_CHILD=1")
	cmd.ExtraFiles = []*os.File{child}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	child.Close()
	m, err := service.Receive()
	if err != nil {
		t.Fatal(err)
	}
	if got := m.GetHit().GetCapture().GetExcerpt(); got != "from the child" {
		t.Errorf("got %q", got)
	}
	if err := service.Send(policy(8)); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("child: %v", err)
	}
	if m, err := service.Receive(); err == nil {
		t.Errorf("got %v after the child ended, want an error", m)
	}
}

func TestInheritedRefusesWhatIsNotASocket(t *testing.T) {
	if os.Getenv("LAPWING_IPC_CHILD") == "2" {
		if _, err := Inherited(); err == nil {
			t.Fatal("a plain file was taken for the service's socket")
		}
		return
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestInheritedRefusesWhatIsNotASocket$")
	cmd.Env = append(os.Environ(), "LAPWING_IPC_CHILD=2")
	cmd.ExtraFiles = []*os.File{null}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
