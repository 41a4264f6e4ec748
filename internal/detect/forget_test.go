package detect

import (
	"bytes"
	"testing"
)

// TestForget holds that working memory, which a pool keeps, holds nothing of
// what somebody typed once a match is over.
func TestForget(t *testing.T) {
	b, err := Encode(&Program{Words: []Word{{Text: "kill"}}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := Load(b)
	if err != nil {
		t.Fatal(err)
	}
	s := newScratch(0)
	for _, text := range []string{"mysecret k1ll", "mysecret kìll k i l l mysecretword", "mysecret"} {
		e.block(s, text, Options{})
		if !bytes.Contains(s.plain.buf, []byte("secret")) {
			t.Fatal("the test looks in the wrong place")
		}
		s.forget()
		for name, b := range map[string][]byte{
			"plain": s.plain.buf, "all": s.all.buf, "word": s.resolver.word, "alt": s.resolver.alt, "entry": s.entry,
		} {
			if bytes.ContainsAny(b[:cap(b)], "secrt") {
				t.Errorf("%s still holds %q", name, b[:cap(b)])
			}
		}
		if s.text != "" || s.resolver.text != "" {
			t.Error("the text itself is kept")
		}
	}
}
