package capture

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

const secret = "i will end my life tonight"

func page(id, address, title string) Field {
	return Field{ID: id, Role: RoleText, App: "chromium", Web: true, Address: address, Title: title}
}

// TestNothingIsCapturedOnAHelplinesPage, and the same words are captured on any
// other page, whatever it is called.
func TestNothingIsCapturedOnAHelplinesPage(t *testing.T) {
	for _, address := range []string{
		"https://www.childline.org.uk/get-support/1-2-1-counsellor-chat/", "https://childline.org.uk", "https://samaritans.org:443/chat",
		"https://learning.nspcc.org.uk/x", "https://giveusashout.org/", "https://www.kooth.com/login", "https://111.nhs.uk/", "https://www.ceop.police.uk/Safety-Centre/",
		"HTTPS://WWW.CHILDLINE.ORG.UK./", "https://me@www.childline.org.uk/",
	} {
		r := newRun(t)
		r.focus(page("1", address, "Chat - Chromium"))
		if got := append(r.types(secret), r.close()...); len(got) > 0 {
			t.Errorf("%s: %s", address, show(got))
		}
	}
	for _, address := range []string{
		"https://childline.org.uk.evil.example/", "https://notchildline.org.uk/", "https://evil.example/childline.org.uk", "https://evil.example/?u=https://childline.org.uk/",
		"https://childline.org.uk@evil.example/", "https://evil.example\\@childline.org.uk/", "file:///childline.org.uk", "https://org.uk/", "about:blank", "data:text/html,childline.org.uk", "",
	} {
		r := newRun(t)
		r.focus(page("1", address, "Samaritans Childline helpline - Chromium"))
		if got := append(r.types(secret), r.close()...); len(got) == 0 {
			t.Errorf("%q: nothing was captured", address)
		}
	}
}

// TestNamingADocumentSamaritansSwitchesNothingOff: titles count in browsers
// alone, whole, and only while the address is not known.
func TestNamingADocumentSamaritansSwitchesNothingOff(t *testing.T) {
	for _, f := range []Field{
		{App: "mousepad", Title: "CEOP Safety Centre"}, {App: "libreoffice", Title: "CEOP Safety Centre - Chromium"},
		{App: "telegram-desktop", Title: "Samaritans"}, {App: "chromium", Title: "My CEOP Safety Centre - Chromium"},
		{App: "chromium", Title: "CEOP Safety Centre"}, {App: "chromium", Title: "CEOP Safety Centre - Chromium", Address: "https://docs.example/"},
	} {
		f.ID, f.Role = "1", RoleText
		r := newRun(t)
		r.focus(f)
		if got := append(r.types(secret), r.close()...); len(got) == 0 {
			t.Errorf("%+v: nothing was captured", f)
		}
	}
	r := newRun(t)
	r.focus(Field{ID: "1", Role: RoleText, App: "chromium", Title: "CEOP Safety Centre - Chromium"})
	if got := append(r.types(secret), r.close()...); len(got) > 0 {
		t.Errorf("a known title without an address: %s", show(got))
	}
}

// TestExemptPlaces: those of the policy, and no harbour is a program.
func TestExemptPlaces(t *testing.T) {
	places := NewPlaces([]*lapwingv1.Place{
		{Kind: lapwingv1.Place_KIND_EXEMPT, Name: "Bank", Hosts: []string{"bank.example"}, Apps: []string{"GnuCash"}},
		{Kind: lapwingv1.Place_KIND_HARBOUR, Name: "Counselling", Hosts: []string{"talk.school.example"}, Apps: []string{"mousepad"}},
		{Kind: lapwingv1.Place_KIND_EXEMPT, Name: "Takes a core harbour", Hosts: []string{"childline.org.uk"}},
	})
	for _, c := range []struct {
		f    Field
		want place
	}{
		{page("1", "https://online.bank.example/pay", ""), exempt},
		{page("1", "https://talk.school.example/", ""), harbour},
		{page("1", "https://school.example/", ""), anywhere},
		{Field{App: "gnucash"}, exempt},
		{Field{App: "gnucash-cli"}, anywhere},
		{Field{App: "mousepad"}, anywhere},
		{page("1", "https://childline.org.uk/", ""), harbour},
	} {
		if got := places.of(c.f); got != c.want {
			t.Errorf("%+v is %d, want %d", c.f, got, c.want)
		}
	}
	r := newRun(t)
	r.m.SetPlaces(places)
	r.focus(Field{ID: "1", Role: RoleText, App: "gnucash"})
	got := r.types(secret)
	r.wait(time.Minute)
	if c := r.m.Counters(); len(got) > 0 || c.Exempt < time.Minute || c.Exempt > time.Minute+time.Second || c.Harbour != 0 {
		t.Errorf("in an exempt program: %s, counters %+v", show(got), c)
	}
}

// TestAnAddressThatComesLate: what was typed before it was known is taken back.
func TestAnAddressThatComesLate(t *testing.T) {
	r := newRun(t)
	r.focus(page("1", "", "Chat - Chromium"))
	r.types(secret)
	r.focus(page("1", "https://www.childline.org.uk/chat", "Chat - Chromium"))
	r.types(" and more")
	r.close()
	for i, rep := range r.all {
		if last := i == len(r.all)-1 || r.all[i+1].CaptureID != rep.CaptureID; last && !rep.Capture.Withdrawn {
			t.Errorf("stays: %s", show(r.all[i:i+1]))
		}
	}
	// A page that leaves for another place is a new one.
	r.focus(page("2", "https://elsewhere.example/", "x - Chromium"))
	if got := append(r.types(secret), r.close()...); len(got) == 0 {
		t.Error("nothing was captured after the harbour")
	}
}

// TestATitleWaitsForItsAddress: a helpline's title may say what nobody should read.
func TestATitleWaitsForItsAddress(t *testing.T) {
	const title = "end my life | Childline - Chromium"
	shown := Input{Kind: TitleShown, Text: title, Field: Field{App: "chromium", Title: title, Web: true}}
	r := newRun(t)
	got := append(r.step(shown), r.focus(page("1", "https://www.childline.org.uk/", title))...)
	if got = append(append(got, r.wait(time.Minute)...), r.close()...); len(got) > 0 {
		t.Errorf("a helpline's: %s", show(got))
	}
	for name, f := range map[string]Field{"another page": page("1", "https://elsewhere.example/", title), "no address in time": page("1", "", title)} {
		r := newRun(t)
		if got := r.step(shown); len(got) > 0 {
			t.Fatalf("%s: did not wait: %s", name, show(got))
		}
		got := r.focus(f)
		if got = append(got, r.wait(2*time.Second)...); len(got) == 0 {
			t.Errorf("%s: nothing was captured", name)
		}
	}
	r = newRun(t)
	r.step(shown)
	r.press(ScreenLocked)
	if got := append(r.wait(time.Minute), r.close()...); len(got) > 0 {
		t.Errorf("locked meanwhile: %s", show(got))
	}
}

// TestScope: out of hours nothing is looked at, or only what a school must know.
func TestScope(t *testing.T) {
	r := newRun(t)
	r.text("1")
	r.types("you are worthless")
	if got := r.took(r.m.SetScope(Scope{Shut: true}, r.at)); !strings.Contains(show(got), "bullying") {
		t.Errorf("what was typed within the hours: %s", show(got))
	}
	r.text("2")
	got := r.types(secret)
	got = append(got, r.step(Input{Kind: TitleShown, Text: secret, Field: Field{App: "mousepad"}})...)
	if got = append(got, r.close()...); len(got) > 0 {
		t.Errorf("outside the hours: %s", show(got))
	}
	r.took(r.m.SetScope(UrgentOnly(), r.at))
	r.text("3")
	got = r.types("you are worthless. buy weed. " + secret)
	got = append(got, r.close()...)
	for _, rep := range got {
		if c := rep.Capture.Categories[0]; c != string(vocab.Suicide) && c != string(vocab.SelfHarm) {
			t.Errorf("kept outside the hours: %s", c)
		}
	}
	if len(got) == 0 {
		t.Error("suicide was not kept outside the hours")
	}
	r.took(r.m.SetScope(Scope{Only: []vocab.Category{vocab.Drugs}}, r.at))
	r.text("4")
	if got := show(append(r.types("loser, buy weed"), r.close()...)); !strings.Contains(got, "drugs") || strings.Contains(got, "bullying") {
		t.Errorf("with drugs alone: %s", got)
	}
}

// TestNothingLeavesAPlace is the property: whatever is typed, shown, learnt and
// waited for, no word that was typed at a harbour, in an exempt program, or out
// of hours is in any report that stands.
func TestNothingLeavesAPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newRun(t)
		r.m.SetPlaces(NewPlaces([]*lapwingv1.Place{{Kind: lapwingv1.Place_KIND_EXEMPT, Name: "Bank", Apps: []string{"gnucash"}}}))
		private := false
		n := 0
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0:
				n++
				where := rapid.SampledFrom([]Field{
					page("", "https://www.childline.org.uk/", "t"), page("", "https://elsewhere.example/", "t"),
					{App: "gnucash", Role: RoleText}, {App: "mousepad", Role: RoleText},
				}).Draw(t, "where")
				where.ID = strings.Repeat("f", n)
				private = where.App == "gnucash" || strings.Contains(where.Address, "childline")
				r.focus(where)
			case 1, 2:
				word := "my number is 07700 900123 PUBLIC. end my life. "
				if private || r.m.scope.Shut {
					word = "HIDDEN end my life HIDDEN tonight "
				}
				r.types(word)
			case 3:
				r.wait(time.Duration(rapid.IntRange(1, 8000).Draw(t, "ms")) * time.Millisecond)
			case 4:
				r.took(r.m.SetScope(Scope{Shut: rapid.Bool().Draw(t, "shut")}, r.at))
			case 5:
				r.press(rapid.SampledFrom([]InputKind{Enter, Backspace, CaretMoved}).Draw(t, "key"))
			}
		}
		r.close()
		for _, rep := range r.all {
			if strings.Contains(rep.Capture.Excerpt, "HIDDEN") {
				t.Fatalf("left a private place: %s", show(r.all))
			}
		}
	})
}
