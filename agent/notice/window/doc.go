// Package window draws the notice on an X display, in a window of its own: what
// the school says, and three buttons. It never takes the keyboard's focus by
// itself, can be worked with keys alone once it has it, and scrolls when the
// text is longer than the screen.
//
// It cannot speak to a screen reader: whoever uses one gets the page in the
// browser instead (agent/notice/page), as does everybody whose language this
// package's font cannot write, or whose desktop is not X11.
//
// It may import xgb, x/image and the standard library.
package window

import "errors"

// Text is the notice in one language.
type Text struct {
	School      string   `json:"school"`
	Version     string   `json:"version"`
	Lang        string   `json:"lang"`
	Title       string   `json:"title"`
	Body        []string `json:"body"`
	WhoReads    []string `json:"who_reads"`
	WhoToTalkTo []string `json:"who_to_talk_to"`
	Hours       string   `json:"hours"`
}

// Event is what happened to the window.
type Event uint8

// Events. Shown comes once, first, when the whole of what fits stands on the
// screen; after Read and Declined the window is gone. Help leaves it there.
const (
	Shown Event = iota + 1
	Read
	Declined
	Help
)

// ErrCannotWrite says that the font has no sign for a letter of the text.
var ErrCannotWrite = errors.New("the notice has letters that this window cannot write")

// words are the window's own, in one language.
type words struct {
	heading, readers, talk, hours, honest string
	read, decline, help                   string
}

var languages = map[string]words{
	"en": {
		heading: "This school computer is monitored", readers: "Who can read what is flagged", talk: "You can talk to", hours: "When it is read",
		honest: "If you do not agree, that is written down. Nothing on this computer changes because of it.",
		read:   "I have read this", decline: "I do not agree", help: "Help, and what Lapwing sees",
	},
	"cy": {
		heading: "Mae’r cyfrifiadur ysgol hwn yn cael ei fonitro", readers: "Pwy all ddarllen yr hyn a nodir", talk: "Gallwch siarad â", hours: "Pryd y caiff ei ddarllen",
		honest: "Os nad ydych yn cytuno, caiff hynny ei gofnodi. Nid oes dim ar y cyfrifiadur hwn yn newid oherwydd hynny.",
		read:   "Rwyf wedi darllen hwn", decline: "Nid wyf yn cytuno", help: "Help a rhagor o wybodaeth",
	},
}

// wordsFor is in the notice's language where the window knows it, else English.
func wordsFor(lang string) words {
	base := lang
	for i, r := range lang {
		if r == '-' || r == '_' {
			base = lang[:i]
			break
		}
	}
	if w, ok := languages[base]; ok {
		return w
	}
	return languages["en"]
}
