package console

import (
	"strings"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// deviceFacts are the parts of a policy about media, locks and checks.
func deviceFacts(p *lapwingv1.Policy) []fact {
	u, l, c := p.GetUsb(), p.GetLock(), p.GetPosture()
	media := "all may be used, and are recorded"
	switch u.GetUse() {
	case lapwingv1.UsbPolicy_USE_PERMITTED:
		media = "only those with permission; devices know " + plural(len(u.GetPermits()), "permission", "permissions")
	case lapwingv1.UsbPolicy_USE_NONE:
		media = "none may be used"
	}
	for _, more := range []struct {
		on    bool
		words string
	}{
		{u.GetEncryptedOnly(), "encrypted ones only"}, {u.GetReadOnly(), "to be read only, as a wish"}, {u.GetScan(), "scanned for viruses"}, {u.GetBlock(), "others are blocked"},
		{u.GetCaseInfected(), "an infected one is a case"}, {u.GetCaseUnpermitted(), "one without permission is a case"},
	} {
		if more.on {
			media += "; " + more.words
		}
	}
	open := "recorded after " + plural(int(orNumber(l.GetUnattendedMinutes(), 5)), "minute", "minutes")
	if l.GetExempt() {
		open = "minutes are counted, and nothing is made of them"
	}
	filter := "no test address is set, so nobody can tell"
	if c.GetFilterTestUrl() != "" {
		filter = "tried with " + c.GetFilterTestUrl()
	}
	software := orWord(strings.Join(c.GetAllowedSoftware(), ", "), "no list: not judged")
	return []fact{
		{"Portable media", media},
		{"Screens left open", open},
		{"Screens lock after, at most", plural(int(orNumber(c.GetLockMinutes(), 10)), "minute", "minutes")},
		{"Updated within", plural(int(orNumber(c.GetUpdateDays(), 14)), "day", "days")},
		{"Filter", filter},
		{"Approved software", software},
		{"Software that may not be there", orWord(strings.Join(c.GetDeniedSoftware(), ", "), "none named")},
	}
}
