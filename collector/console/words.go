package console

import (
	"net/url"
	"slices"
	"strings"

	"github.com/lapwing-schools/lapwing/collector/caseflow"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// The screen's words for wire words. One place, so that no page invents its own.

var categoryWords = map[vocab.Category]string{
	vocab.Suicide: "Suicide", vocab.SelfHarm: "Self-harm", vocab.Bullying: "Bullying",
	vocab.SexualHarassment: "Sexual harassment", vocab.Exploitation: "Exploitation",
	vocab.Discrimination: "Discrimination", vocab.Extremism: "Extremism", vocab.Violence: "Violence",
	vocab.Drugs: "Drugs", vocab.Gambling: "Gambling", vocab.Pornography: "Pornography",
	vocab.Illegal: "Illegal trade or weapons", vocab.Piracy: "Piracy", vocab.PersonalInfo: "Personal information",
	vocab.FilterBypass: "Filter bypass", vocab.AITool: "AI tool", vocab.Help: "Asked for help",
	vocab.USB: "USB media", vocab.Tamper: "Tampering",
}

func categoryWord(c vocab.Category) string {
	if w, ok := categoryWords[c]; ok {
		return w
	}
	return string(c)
}

var severityWords = map[vocab.Severity]string{
	vocab.Low: "Low", vocab.Medium: "Medium", vocab.High: "High", vocab.Critical: "Critical",
}

var outcomeWords = map[caseflow.Outcome]string{
	caseflow.FalseAlarm: "False alarm", caseflow.NoConcern: "No concern", caseflow.LowLevelNote: "Low-level note",
	caseflow.PastoralSupport: "Pastoral support", caseflow.ParentsInformed: "Parents informed", caseflow.ConcernRecorded: "Safeguarding concern, recorded elsewhere",
	caseflow.Referred: "Referred to another agency", caseflow.Withdrawn: "Withdrawn: the finished text no longer matched",
}

func outcomeWord(o caseflow.Outcome) string {
	if w, ok := outcomeWords[o]; ok {
		return w
	}
	return string(o)
}

var whyWords = map[caseflow.WhyFalse]string{
	caseflow.WhyLesson: "school work", caseflow.WhyQuote: "a song, film, game or news story", caseflow.WhyMeaning: "the words mean something else here",
	caseflow.WhyName: "a name, place or title", caseflow.WhyJoke: "between friends, and nobody was hurt", caseflow.WhyTest: "somebody tried Lapwing out",
	caseflow.WhyOther: "another reason, written in the note",
}

func whyWord(w caseflow.WhyFalse) string {
	if word, ok := whyWords[w]; ok {
		return word
	}
	return string(w)
}

var agencyWords = map[caseflow.Agency]string{
	caseflow.CPOMS: "CPOMS", caseflow.OtherRecord: "Another record of the school", caseflow.SocialCare: "Children’s social care",
	caseflow.Police999: "Police, 999", caseflow.Police101: "Police, 101", caseflow.LADO: "LADO (local authority designated officer)",
	caseflow.Prevent: "Prevent", caseflow.CEOP: "CEOP", caseflow.IWF: "Internet Watch Foundation (IWF)",
}

func agencyWord(a caseflow.Agency) string {
	if w, ok := agencyWords[a]; ok {
		return w
	}
	return string(a)
}

var flagWords = map[store.FlagKind]string{
	store.FlagLookedAfter: "Looked after", store.FlagChildInNeed: "Child in need", store.FlagProtection: "Child protection plan",
	store.FlagSEND: "SEND", store.FlagMental: "Mental health", store.FlagExploited: "Risk of exploitation", store.FlagOther: "Other need",
}

func flagWord(k store.FlagKind) string {
	if w, ok := flagWords[k]; ok {
		return w
	}
	return string(k)
}

func roleWord(r caseflow.Role) string {
	switch r {
	case caseflow.DSL:
		return "DSL"
	case caseflow.Deputy:
		return "deputy DSL"
	case caseflow.Head:
		return "head teacher"
	case caseflow.Chair:
		return "chair of governors"
	case caseflow.DPO:
		return "data protection officer"
	case caseflow.External:
		return "external reviewer"
	}
	return string(r)
}

func roleWords(roles []caseflow.Role) string {
	var words []string
	for _, r := range caseflow.Roles() {
		if slices.Contains(roles, r) {
			words = append(words, roleWord(r))
		}
	}
	return strings.Join(words, " and ")
}

// plural is "1 case", "3 cases".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// localPath returns p when it is a path of this console, and else "": a form
// or a link must never send anybody elsewhere.
func localPath(p string) string {
	u, err := url.Parse(p)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || len(p) > 200 ||
		!strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || strings.ContainsAny(p, "\\\x00\r\n\t") {
		return ""
	}
	return p
}

func pathEscape(p string) string { return url.QueryEscape(p) }
