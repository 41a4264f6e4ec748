package casework_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/casework"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

var ask = content{
	account: "amy.oakfield", severity: vocab.High, audience: vocab.Pupil,
	help: &lapwingv1.HelpRequest{Words: "somebody keeps my phone", Today: true, TalkTo: "Mrs Marlow", HideName: true},
}

// A name that was not to be shown is in no view until somebody gives a reason:
// not in the case, not in the queue, and not through the person's other cases.
func TestHiddenNameStaysHiddenUntilOpened(t *testing.T) {
	w := newWorld(t)
	named, hidden := w.add(amy), w.add(ask)
	v, err := w.Open(t.Context(), w.f, dsl, hidden)
	if err != nil {
		t.Fatal(err)
	}
	c := v.Captures[0]
	if c.Excerpt != "somebody keeps my phone" || c.Ask == nil || !c.Ask.Today || c.Ask.TalkTo != "Mrs Marlow" {
		t.Errorf("the words: %+v", c)
	}
	queue, err := w.Queue(t.Context(), w.f, dsl, store.QueueQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range queue.Rows {
		if row.Case.Ref == hidden && (!row.Person.Hidden || row.DeviceHost != "" || strings.Contains(fmt.Sprintf("%+v", row), "amy.oakfield")) {
			t.Errorf("the row names: %+v", row)
		}
	}
	v.Captures = nil // a device id is in them; it names nobody
	if shown := fmt.Sprintf("%+v", v); !v.Person.Hidden || strings.Contains(shown, "amy.oakfield") || strings.Contains(shown, "PGS-LT") {
		t.Errorf("the page names: %s", shown)
	}
	other, err := w.Open(t.Context(), w.f, dsl, named)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range other.Earlier {
		if e.Ref == hidden {
			t.Error("the person's other case tells of this one")
		}
	}

	if _, err := w.OpenName(t.Context(), w.f, dsl, form(hidden), "she may not be safe at home"); err != nil {
		t.Fatal(err)
	}
	if v, err = w.Open(t.Context(), w.f, dsl, hidden); err != nil {
		t.Fatal(err)
	}
	if v.Person.Name != "amy.oakfield" || v.Person.Hidden || v.DeviceHost == "" || len(v.Earlier) == 0 {
		t.Errorf("after opening: %+v", v.Person)
	}
	if it := v.History[0]; it.Kind != casework.ItemNameOpened || it.Text != "she may not be safe at home" || !it.You {
		t.Errorf("history: %+v", it)
	}
}
