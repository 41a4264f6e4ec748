package lock

import (
	"errors"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLockedIsWhatAnySourceSays(t *testing.T) {
	var s State
	for i, step := range []struct {
		source          string
		locked          bool
		changed, result bool
	}{
		{"logind", false, false, false},
		{"logind", true, true, true},
		{"logind", true, false, true},
		{"saver", true, false, true},
		{"logind", false, false, true},
		{"saver", false, true, false},
	} {
		if changed := s.Set(step.source, step.locked); changed != step.changed || s.Locked() != step.result {
			t.Errorf("step %d: changed %v, locked %v", i, changed, s.Locked())
		}
	}
}

func TestEventOf(t *testing.T) {
	changed := func(iface string, props map[string]dbus.Variant) *dbus.Signal {
		return &dbus.Signal{Name: "org.freedesktop.DBus.Properties.PropertiesChanged", Body: []any{iface, props, []string{}}}
	}
	hint := func(v any) map[string]dbus.Variant { return map[string]dbus.Variant{"LockedHint": dbus.MakeVariant(v)} }
	for _, tc := range []struct {
		name   string
		signal *dbus.Signal
		want   Event
		ok     bool
	}{
		{"GNOME locks", &dbus.Signal{Name: "org.gnome.ScreenSaver.ActiveChanged", Body: []any{true}}, Event{Source: "org.gnome.ScreenSaver", Locked: true}, true},
		{"KDE unlocks", &dbus.Signal{Name: "org.freedesktop.ScreenSaver.ActiveChanged", Body: []any{false}}, Event{Source: "org.freedesktop.ScreenSaver", Locked: false}, true},
		{"unknown saver", &dbus.Signal{Name: "org.example.ScreenSaver.ActiveChanged", Body: []any{true}}, Event{}, false},
		{"wrong type", &dbus.Signal{Name: "org.gnome.ScreenSaver.ActiveChanged", Body: []any{"yes"}}, Event{Source: "org.gnome.ScreenSaver", Locked: false}, false},
		{"no body", &dbus.Signal{Name: "org.gnome.ScreenSaver.ActiveChanged"}, Event{}, false},
		{"logind locks", changed(logindSession, hint(true)), Event{Source: logindSession, Locked: true}, true},
		{"logind, another property", changed(logindSession, map[string]dbus.Variant{"Active": dbus.MakeVariant(true)}), Event{}, false},
		{"another interface", changed("org.example", hint(true)), Event{}, false},
		{"Lock is only a request", &dbus.Signal{Name: logindSession + ".Lock"}, Event{}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := eventsOf(tc.signal)
			if !tc.ok && len(got) > 0 || tc.ok && (len(got) != 1 || got[0] != tc.want) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestIdleHint(t *testing.T) {
	got := eventsOf(&dbus.Signal{Name: "org.freedesktop.DBus.Properties.PropertiesChanged", Body: []any{logindSession, map[string]dbus.Variant{
		"LockedHint": dbus.MakeVariant(true), "IdleHint": dbus.MakeVariant(true), "IdleSinceHint": dbus.MakeVariant(uint64(1_700_000_000_000_000)),
	}, []string{}}})
	if len(got) != 2 || !got[0].Locked || got[1].Idle == nil || !got[1].Idle.Away || !got[1].Idle.Since.Equal(time.Unix(1_700_000_000, 0)) {
		t.Errorf("got %+v", got)
	}
}

func TestWhatIsNotThereIsAbsent(t *testing.T) {
	for _, address := range []string{"", "unix:path=" + t.TempDir() + "/none"} {
		if _, err := Savers(t.Context(), address); !errors.Is(err, ErrAbsent) {
			t.Errorf("session bus %q: %v", address, err)
		}
		if _, err := Logind(t.Context(), address, ""); !errors.Is(err, ErrAbsent) {
			t.Errorf("system bus %q: %v", address, err)
		}
	}
}
