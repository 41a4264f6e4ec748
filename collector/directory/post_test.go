package directory_test

import (
	"strings"
	"testing"

	"github.com/lapwing-schools/lapwing/collector/directory"
)

func TestMeansHead(t *testing.T) {
	for text, want := range map[string]bool{
		"the head teacher shouts at me": true, "The Headteacher's office": true, "its about the head": true, "our head-teacher": true,
		"headmaster": true, "Headmistress": true, "the principal said": true, "HEAD TEACHER": true, "the head is mean": true,
		"my teacher shouts": false, "he hit me on the head": false, "head of year 9": false, "the head of maths": false,
		"deputy head teacher": false, "the assistant headteacher": false, "the head girl": false, "my head hurts": false, "": false,
		"the deputy head": false,
	} {
		if directory.MeansHead(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

// A request for help has 2,000 characters; a name is found wherever it stands.
func TestANameIsFoundAtTheEndOfTheLongestText(t *testing.T) {
	text := strings.Repeat("i ", 995) + "mr porter"
	for _, p := range directory.Phrases(text) {
		if p == "~ porter" {
			return
		}
	}
	t.Error("a name beyond the first words is not looked for")
}
