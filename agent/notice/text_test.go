package notice

import (
	"testing"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

func TestTextIn(t *testing.T) {
	texts := []*lapwingv1.NoticeText{{Lang: "en"}, {Lang: "cy"}, {Lang: "pt-BR"}, {Lang: "pt"}}
	for lang, want := range map[string]string{
		"cy_GB.UTF-8": "cy", "cy": "cy", "pt_PT.UTF-8": "pt-BR", "pt": "pt", "pt_BR@euro": "pt-BR", "en_GB.UTF-8": "en", "C.UTF-8": "en", "": "en", "pl": "en",
	} {
		if got := TextIn(texts, lang).GetLang(); got != want {
			t.Errorf("%q: %s, want %s", lang, got, want)
		}
	}
	if TextIn(nil, "en") != nil {
		t.Error("a text where there is none")
	}
}
