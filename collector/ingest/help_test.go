package ingest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/directory"
	"github.com/lapwing-schools/lapwing/collector/triage"
	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func TestHelpRequestsAreSealedAndWeighed(t *testing.T) {
	f, s := newFixture(t), newSchool()
	porter := caseflow.PersonKey{9}
	s.staff = map[caseflow.PersonKey]caseflow.PersonKey{}
	for _, p := range directory.NamePhrases(directory.Record{Name: "Jane Porter", Audience: vocab.Staff}) {
		s.staff[f.vault.NameKey(7, p)] = porter
	}
	ask := func(seq uint64, h *lapwingv1.HelpRequest) *triage.Capture {
		t.Helper()
		b := batch(seq)
		b.Events[0].Body = &lapwingv1.Event_Help{Help: h}
		ack, err := f.core.Accept(t.Context(), s, laptop, b)
		if err != nil || ack.Refused != 0 {
			t.Fatalf("ack %v, %v", ack, err)
		}
		return s.kept[len(s.kept)-1].Capture
	}
	got := ask(1, &lapwingv1.HelpRequest{Words: "mr porter planted zebra", Today: true, AboutAdult: true, HideName: true})
	if len(got.Content) == 0 || strings.Contains(string(got.Content), "zebra") || strings.Contains(f.log.String(), "zebra") {
		t.Error("the words are not sealed, or in the log")
	}
	got.Content = nil
	want := &triage.Capture{
		Categories: []vocab.Category{vocab.Help}, Severity: vocab.High, Level: vocab.Alert, Count: 1, Final: true,
		Subjects: []caseflow.PersonKey{porter}, Help: caseflow.Help{Asked: true, AboutStaff: true, HideName: true},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got = ask(3, &lapwingv1.HelpRequest{Words: "the head teacher shouts", AboutAdult: true}); !got.Help.AboutHead {
		t.Error("a request about the head goes to the head")
	}
	if got = ask(4, &lapwingv1.HelpRequest{Words: "the head teacher was kind"}); got.Help.AboutHead {
		t.Error("the head is only spoken of")
	}
	got = ask(5, &lapwingv1.HelpRequest{TalkTo: "Mr Porter"})
	if got.Severity != vocab.Medium || got.Help.AboutStaff || len(got.Subjects) != 0 {
		t.Errorf("an empty request for this week: %+v", got)
	}
}

func TestNoticesKeepTheirMeaning(t *testing.T) {
	f, s := newFixture(t), newSchool()
	for state, want := range map[lapwingv1.NoticeSeen_State]triage.NoticeState{
		lapwingv1.NoticeSeen_STATE_SHOWN:        triage.NoticeShown,
		lapwingv1.NoticeSeen_STATE_ACKNOWLEDGED: triage.NoticeAcknowledged,
		lapwingv1.NoticeSeen_STATE_DECLINED:     triage.NoticeDeclined,
	} {
		b := batch(uint64(state))
		b.Events[0].Body = &lapwingv1.Event_Notice{Notice: &lapwingv1.NoticeSeen{Version: "autumn-1", State: state}}
		if ack, err := f.core.Accept(t.Context(), s, laptop, b); err != nil || ack.Refused != 0 {
			t.Fatalf("%v, %v", ack, err)
		}
		if a := s.kept[len(s.kept)-1]; a.Kind != triage.KindNotice || a.Code != "autumn-1" || triage.NoticeState(a.Count) != want || a.Person.IsZero() {
			t.Errorf("%v: %+v", state, a)
		}
	}
}
