package lapwingv1

import "unicode/utf8"

// Limits of what a person may send from the local page, in characters; four
// bytes a character is the most that UTF-8 takes.
const (
	MaxHelpWords = 2000
	MaxHelpTalk  = 100
	// MaxNoticeVersion bounds the version of a notice, in bytes.
	MaxNoticeVersion = 32
)

// Validate checks the limits stated in event.proto.
func (x *HelpRequest) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		own("words", x.Words, MaxHelpWords),
		own("talk_to", x.TalkTo, MaxHelpTalk),
	)
}

// own checks a person's own words of at most most characters.
func own(field, s string, most int) error {
	if err := text(field, s, most*utf8.UTFMax); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(s); n > most {
		return fail(field, "%d characters, at most %d", n, most)
	}
	return nil
}

// Validate checks the limits stated in event.proto.
func (x *NoticeSeen) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		word("version", x.Version, MaxNoticeVersion),
		enum("state", x.State, NoticeSeen_STATE_DECLINED),
		x.validateWay(),
	)
}

func (x *NoticeSeen) validateWay() error {
	if x.Way == NoticeSeen_WAY_UNSPECIFIED {
		return nil
	}
	return enum("way", x.Way, NoticeSeen_WAY_BROWSER)
}
