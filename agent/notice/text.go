package notice

import (
	"strings"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// TextIn chooses the text for a language, as the variable LANG or a tag names
// it ("cy_GB.UTF-8", "cy-GB"): the same one, else one of the same language,
// else the first. nil for no texts.
func TextIn(texts []*lapwingv1.NoticeText, lang string) *lapwingv1.NoticeText {
	if len(texts) == 0 {
		return nil
	}
	tag := func(s string) string {
		s, _, _ = strings.Cut(s, ".")
		s, _, _ = strings.Cut(s, "@")
		return strings.ToLower(strings.ReplaceAll(s, "_", "-"))
	}
	base := func(s string) string { b, _, _ := strings.Cut(tag(s), "-"); return b }
	best := texts[0]
	found := false
	for _, t := range texts {
		switch {
		case tag(t.Lang) == tag(lang):
			return t
		case !found && base(t.Lang) == base(lang):
			best, found = t, true
		}
	}
	return best
}

// StateWord is a state as Info.State has it.
func StateWord(s lapwingv1.NoticeSeen_State) string {
	switch s {
	case lapwingv1.NoticeSeen_STATE_SHOWN:
		return Shown
	case lapwingv1.NoticeSeen_STATE_ACKNOWLEDGED:
		return Acknowledged
	case lapwingv1.NoticeSeen_STATE_DECLINED:
		return Declined
	}
	return ""
}
