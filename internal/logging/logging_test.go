package logging

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"
)

const planted = "i want to end it"

// planting is one log call that carries what must not come out.
func planting() map[string]slog.Attr {
	return map[string]slog.Attr{
		"plain key":        slog.String("excerpt", planted),
		"upper case":       slog.String("Text", planted),
		"part of a key":    slog.String("window_title", planted),
		"number":           slog.Any("account", planted),
		"bytes":            slog.Any("data", []byte(planted)),
		"list":             slog.Any("list", []string{planted}),
		"structure":        slog.Any("event", struct{ A string }{planted}),
		"pointer":          slog.Any("event", &struct{ A string }{planted}),
		"map":              slog.Any("event", map[string]string{"a": planted}),
		"message":          slog.Any("event", wrapperspb.String(planted)),
		"in a group":       slog.Group("device", slog.String("note", planted)),
		"group of a name":  slog.Group("person", slog.String("id", planted)),
		"two groups deep":  slog.Group("account", slog.Group("more", slog.String("id", planted))),
		"group like level": slog.Group("note", slog.String("msg", planted), slog.String("level", planted)),
		"secret":           slog.Any("value", Secret(planted)),
		"secret in value":  slog.Any("value", slog.AnyValue(Secret(planted))),
	}
}

func TestRedacts(t *testing.T) {
	for name, attr := range planting() {
		for _, asJSON := range []bool{false, true} {
			var b bytes.Buffer
			New(&b, Options{JSON: asJSON}).Info("captured", attr)
			New(&b, Options{JSON: asJSON}).With(attr).WithGroup("g").Info("captured", attr)
			if strings.Contains(b.String(), "end it") {
				t.Errorf("%s (JSON %v): %s", name, asJSON, b.String())
			}
			if strings.Count(b.String(), Redacted) < 3 {
				t.Errorf("%s (JSON %v): what was redacted is not shown: %s", name, asJSON, b.String())
			}
		}
	}
}

func TestKeeps(t *testing.T) {
	var b bytes.Buffer
	log := New(&b, Options{JSON: true, Level: slog.LevelDebug})
	log.Debug("spool opened", "records", 12, "path", "/var/lib", "took", 3*time.Second, "hostname", "lab-1",
		"err", errors.New("disk full"), "at", time.Unix(0, 0).UTC(), "lane", stringer{Hidden: planted}, "nothing", nil)
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), planted) {
		t.Errorf("prints a field: %s", b.String())
	}
	for k, want := range map[string]any{
		"msg": "spool opened", "level": "DEBUG", "records": 12.0, "path": "/var/lib", "took": 3e9, "hostname": "lab-1",
		"err": "disk full", "lane": "urgent", "at": "1970-01-01T00:00:00Z", "nothing": nil,
	} {
		if got[k] != want {
			t.Errorf("%s = %v, want %v", k, got[k], want)
		}
	}
	if _, ok := got["time"]; !ok {
		t.Error("no time")
	}
}

// stringer has more to it than it prints.
type stringer struct{ Hidden string }

func (stringer) String() string { return "urgent" }

func TestLevel(t *testing.T) {
	var b bytes.Buffer
	New(&b, Options{}).Debug("not shown")
	New(&b, Options{}).Info("shown")
	if s := b.String(); strings.Contains(s, "not shown") || !strings.Contains(s, "msg=shown") {
		t.Errorf("got %q", s)
	}
}

func TestSecret(t *testing.T) {
	s := Secret(planted)
	j, err := json.Marshal(map[string]any{"a": s, "b": []Secret{s}})
	if err != nil {
		t.Fatal(err)
	}
	prints := []string{string(j), s.String()}
	for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q", "%x", "%X", "%d", "%20s"} {
		prints = append(prints, fmt.Sprintf(verb, s), fmt.Sprintf(verb, struct{ S Secret }{s}), fmt.Sprintf(verb, []Secret{s}))
	}
	for _, p := range prints {
		if strings.Contains(p, "end it") || strings.Contains(p, fmt.Sprintf("%x", planted)) || !strings.Contains(p, Redacted) {
			t.Errorf("prints %q", p)
		}
	}
	if err := fmt.Errorf("open: %v", s); strings.Contains(err.Error(), "end") {
		t.Errorf("error %q", err)
	}
	if s.Reveal() != planted {
		t.Error("Reveal does not")
	}
}
