package directory

import "strings"

// A pupil who asks for help because of the head seldom writes a name: "the head
// teacher shouts at me". Such a request must not go to the head.

// headWords name the post, wherever they stand.
var headWords = map[string]bool{"headteacher": true, "headmaster": true, "headmistress": true, "headmistres": true, "principal": true}

// another before them makes it somebody else's post; of these, the head is asked.
var another = map[string]bool{"deputy": true, "assistant": true, "vice": true, "associate": true, "former": true, "old": true, "ex": true}

// body says that the head before or after it is a part of the body, or not of the whole school.
var (
	bodyBefore = map[string]bool{"in": true, "on": true, "at": true, "to": true, "over": true, "round": true, "around": true, "off": true, "against": true, "from": true}
	bodyAfter  = map[string]bool{"of": true, "boy": true, "girl": true, "boys": true, "girls": true, "lice": true, "first": true, "hurts": true}
)

// MeansHead reports whether a text that is about an adult at the school speaks of
// the head teacher by post. It errs on the side of yes: somebody else reads it then.
func MeansHead(text string) bool {
	words := Words(text)
	at := func(i int) string {
		if i < 0 || i >= len(words) {
			return ""
		}
		return strings.TrimSuffix(words[i], "s")
	}
	word := func(i int) string {
		if i < 0 || i >= len(words) {
			return ""
		}
		return words[i]
	}
	for i := range words {
		w, before := at(i), word(i-1)
		post := headWords[w] || w == "head" && (at(i+1) == "teacher" || at(i+1) == "master" || at(i+1) == "mistres")
		if post && !another[before] {
			return true
		}
		if w == "head" && before == "the" && !bodyBefore[word(i-2)] && !bodyAfter[word(i+1)] && !another[word(i+1)] {
			return true
		}
	}
	return false
}
