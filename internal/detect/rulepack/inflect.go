package rulepack

import "strings"

// irregular lists the forms of common verbs and nouns that the regular rules
// of English miss. The base form is added by inflect.
var irregular = map[string]string{
	"be": "am is are was were been being", "beat": "beats beating beatin beaten", "bite": "bites bit bitten biting",
	"bleed": "bleeds bled bleeding", "blow": "blows blew blown blowing", "break": "breaks broke broken breaking breakin",
	"bring": "brings brought bringing", "burn": "burns burnt burned burning burnin", "buy": "buys bought buying buyin",
	"child": "children", "choose": "chooses chose chosen choosing", "come": "comes came coming comin",
	"cut": "cuts cutting cuttin", "deal": "deals dealt dealing dealin", "die": "dies died dying dyin",
	"do": "does did done doing doin", "drink": "drinks drank drunk drinking drinkin", "drive": "drives drove driven driving",
	"eat": "eats ate eaten eating eatin", "fall": "falls fell fallen falling", "feel": "feels felt feeling feelin",
	"fight": "fights fought fighting fightin", "find": "finds found finding", "forget": "forgets forgot forgotten forgetting",
	"get": "gets got gotten getting gettin", "give": "gives gave given giving givin", "go": "goes went gone going goin",
	"grow": "grows grew grown growing", "hang": "hangs hung hanged hanging", "have": "has had having havin",
	"hear": "hears heard hearing", "hide": "hides hid hidden hiding", "hit": "hits hitting hittin",
	"hold": "holds held holding", "hurt": "hurts hurting hurtin", "keep": "keeps kept keeping keepin",
	"know": "knows knew known knowing", "knife": "knives knifed knifing", "leave": "leaves left leaving leavin",
	"let": "lets letting", "lie": "lies lied lying", "lose": "loses lost losing losin",
	"make": "makes made making makin", "man": "men", "meet": "meets met meeting meetin",
	"pay": "pays paid paying", "put": "puts putting puttin", "run": "runs ran running runnin",
	"say": "says said saying sayin", "see": "sees saw seen seeing", "sell": "sells sold selling sellin",
	"send": "sends sent sending sendin", "shoot": "shoots shot shooting shootin", "show": "shows showed shown showing",
	"sleep": "sleeps slept sleeping sleepin", "slit": "slits slitting", "smoke": "smokes smoked smoking smokin",
	"speak": "speaks spoke spoken speaking", "spend": "spends spent spending", "steal": "steals stole stolen stealing stealin",
	"stick": "sticks stuck sticking", "take": "takes took taken taking takin", "tell": "tells told telling tellin",
	"think": "thinks thought thinking thinkin", "thief": "thieves", "throw": "throws threw thrown throwing",
	"wake": "wakes woke woken waking", "wear": "wears wore worn wearing", "win": "wins won winning winnin",
	"woman": "women", "write": "writes wrote written writing writin", "wife": "wives", "life": "lives",
}

// inflect returns a word and its forms: plural or third person, past,
// -ing and -in. Forms that are no words do no harm: nobody types them.
func inflect(w string) []string {
	out := []string{w}
	if f, ok := irregular[w]; ok {
		return append(out, strings.Fields(f)...)
	}
	stem := w
	switch {
	case strings.HasSuffix(w, "e"):
		stem = w[:len(w)-1]
		return append(out, w+"s", w+"d", stem+"ing", stem+"in")
	case strings.HasSuffix(w, "y") && len(w) > 2 && !vowel(w[len(w)-2]):
		return append(out, w[:len(w)-1]+"ies", w[:len(w)-1]+"ied", w+"ing", w+"in")
	case hasAnySuffix(w, "s", "x", "z", "ch", "sh"):
		return append(out, w+"es", w+"ed", w+"ing", w+"in")
	}
	out = append(out, w+"s", w+"ed", w+"ing", w+"in")
	if n := len(w); n >= 3 && !vowel(w[n-1]) && vowel(w[n-2]) && !vowel(w[n-3]) && w[n-1] != 'w' && w[n-1] != 'y' {
		d := w + w[n-1:]
		out = append(out, d+"ed", d+"ing", d+"in")
	}
	return out
}

func vowel(c byte) bool { return strings.IndexByte("aeiou", c) >= 0 }

func hasAnySuffix(w string, suffixes ...string) bool {
	for _, s := range suffixes {
		if strings.HasSuffix(w, s) {
			return true
		}
	}
	return false
}
