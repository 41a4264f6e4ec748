package triage

// KindNotice says what became of the school's notice before a person. It makes
// no case.
const KindNotice Kind = 40

// NoticeState is what a person was shown or said, as in lapwing.v1.NoticeSeen,
// and what a school wrote down itself.
type NoticeState uint8

// States, in the order in which they happen.
const (
	NoticeShown NoticeState = iota + 1
	NoticeAcknowledged
	NoticeDeclined
	// NoticeOnPaper was read out or signed on paper; no device says so.
	NoticeOnPaper
)

// Valid reports whether s is a known state.
func (s NoticeState) Valid() bool { return s >= NoticeShown && s <= NoticeOnPaper }

// Follows reports whether s is news after before: having been shown the notice
// again takes back nothing that was said, a new answer replaces the old one.
func (s NoticeState) Follows(before NoticeState) bool {
	return s != before && (s != NoticeShown || before == 0)
}
