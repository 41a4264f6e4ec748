package capture

import (
	"testing"
	"time"
)

// FuzzStep reads bytes as inputs, two or more each: nothing may panic, and
// every report must hold what harness_test.go holds of any sequence.
func FuzzStep(f *testing.F) {
	f.Add([]byte("\x05f\x01\x00e\x00n\x00d\x00 \x00m\x00y\x00 \x00l\x00i\x00f\x00e\x02\x00"))
	f.Add([]byte("\x05f\x00\x04\x0acut myself\x05f\x01\x09\xff\x06\x05loser\x07\x00\x08\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newRun(t)
		fields := []Role{RolePending, RoleText, RolePassword, RoleNone, RoleDenied, 9}
		for len(b) >= 2 {
			op, arg := b[0], b[1]
			b = b[2:]
			switch op % 10 {
			case 0:
				r.step(Input{Kind: Typed, Rune: rune(int8(arg))}) // also negative
			case 1:
				r.back(int(arg % 8))
			case 2:
				r.press(Enter)
			case 3:
				r.press(CaretMoved)
			case 4, 6:
				n := min(int(arg), len(b))
				kind := Inserted
				if op%10 == 6 {
					kind = TitleShown
				}
				r.step(Input{Kind: kind, Text: string(b[:n]), Field: Field{App: string(b[:n/2])}})
				b = b[n:]
			case 5:
				role := RolePending
				if len(b) > 0 {
					role = fields[int(b[0])%len(fields)]
					b = b[1:]
				}
				r.focus(Field{ID: string(rune('a' + arg%4)), Role: role, EchoOff: arg&16 != 0, PromptKnown: arg&32 != 0, App: string(b[:min(len(b), 300)]), Title: string(b)})
			case 7:
				r.press(ScreenLocked)
			case 8:
				r.press(ScreenUnlocked)
			case 9:
				r.wait(time.Duration(arg) * 100 * time.Millisecond)
			}
		}
		r.close()
		if !r.m.fragment.empty() || !r.m.held.empty() || len(r.m.limit.buckets) > 0 {
			t.Error("something is left after Close")
		}
	})
}
