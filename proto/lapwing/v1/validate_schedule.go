package lapwingv1

import (
	"net/netip"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// Limits of what a policy says of times and places.
const (
	MaxHours       = 64
	MaxTerms       = 32
	MaxClosed      = 128
	MaxNetworks    = 64
	MaxPlaces      = 128
	MaxPlaceNames  = 64
	MaxCanaryTimes = 8
	dayMinutes     = 24 * 60
)

// Validate checks the limits stated in policy.proto. Whether the zone is known
// is for internal/policydoc: it needs a database of zones.
func (x *Schedule) Validate() error {
	if x == nil {
		return missing()
	}
	if err := first(
		word("zone", x.Zone, 64),
		each("hours", MaxHours, x.Hours),
		each("terms", MaxTerms, x.Terms),
		each("closed", MaxClosed, x.Closed),
		enum("outside", x.Outside, Outside_OUTSIDE_NOTHING),
		enum("off_site", x.OffSite, Outside_OUTSIDE_NOTHING),
		ruleCategories("categories", x.Categories),
	); err != nil {
		return err
	}
	if n := len(x.SiteNetworks); n > MaxNetworks {
		return fail("site_networks", "%d entries, at most %d", n, MaxNetworks)
	}
	for i, s := range x.SiteNetworks {
		if _, err := netip.ParsePrefix(s); err != nil {
			return fail(at("site_networks", i), "not a network like 10.20.0.0/16")
		}
	}
	return nil
}

// ruleCategories checks a list of categories that rules may carry.
func ruleCategories(field string, words []string) error {
	if n := len(words); n > 32 {
		return fail(field, "%d entries, at most 32", n)
	}
	for i, w := range words {
		if !vocab.Category(w).ForRules() {
			return fail(at(field, i), "not a category of rules")
		}
	}
	return nil
}

// Validate checks the limits stated in policy.proto.
func (x *Hours) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		between("day", x.Day, 1, 7),
		between("start", x.Start, 0, dayMinutes-1),
		between("end", x.End, x.Start+1, dayMinutes),
	)
}

// Validate checks the limits stated in policy.proto.
func (x *Dates) Validate() error {
	if x == nil {
		return missing()
	}
	if err := first(date("first", x.First), date("last", x.Last)); err != nil {
		return err
	}
	if x.Last < x.First {
		return fail("last", "before first")
	}
	return nil
}

func date(field string, day uint32) error {
	y, m, d := int(day/10_000), time.Month(day/100%100), int(day%100)
	t := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	if y < 2000 || y > 9999 || t.Year() != y || t.Month() != m || t.Day() != d {
		return fail(field, "not a day of the calendar as YYYYMMDD")
	}
	return nil
}

// Validate checks the limits stated in policy.proto.
func (x *Place) Validate() error {
	if x == nil {
		return missing()
	}
	if err := first(
		enum("kind", x.Kind, Place_KIND_EXEMPT),
		word("name", x.Name, 64),
		texts("hosts", x.Hosts, MaxPlaceNames, 253),
		texts("apps", x.Apps, MaxPlaceNames, MaxApp),
		texts("titles", x.Titles, MaxPlaceNames, MaxTextBytes),
	); err != nil {
		return err
	}
	for i, h := range x.Hosts {
		if !hostName(h) {
			return fail(at("hosts", i), "not a host name in lower case with a dot, like example.org")
		}
	}
	if len(x.Hosts)+len(x.Apps)+len(x.Titles) == 0 {
		return fail("hosts", "empty, and so are apps and titles: it would be nowhere")
	}
	return nil
}

// texts checks a list of words.
func texts(field string, ss []string, most, bytes int) error {
	if n := len(ss); n > most {
		return fail(field, "%d entries, at most %d", n, most)
	}
	for i, s := range ss {
		if err := word(at(field, i), s, bytes); err != nil {
			return err
		}
	}
	return nil
}

// hostName reports whether s is a host in lower case with at least two labels,
// so that no list can name a whole top-level domain.
func hostName(s string) bool {
	labels := strings.Split(s, ".")
	if len(labels) < 2 {
		return false
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		for _, c := range []byte(l) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
	}
	return true
}

// Validate checks the limits stated in policy.proto.
func (x *CanaryPlan) Validate() error {
	if x == nil {
		return missing()
	}
	if n := len(x.Minutes); n > MaxCanaryTimes {
		return fail("minutes", "%d entries, at most %d", n, MaxCanaryTimes)
	}
	for i, m := range x.Minutes {
		if err := between(at("minutes", i), m, 0, dayMinutes-1); err != nil {
			return err
		}
		if i > 0 && m <= x.Minutes[i-1] {
			return fail(at("minutes", i), "not after the one before it")
		}
	}
	return nil
}

// Validate checks the limits stated in policy.proto.
func (x *Notice) Validate() error {
	if x == nil {
		return missing()
	}
	if err := first(
		word("version", x.Version, 32),
		enum("mode", x.Mode, Notice_MODE_PAPER),
		each("texts", 16, x.Texts),
	); err != nil {
		return err
	}
	if x.Mode == Notice_MODE_SCREEN && len(x.Texts) == 0 {
		return fail("texts", "empty, and the notice is to be shown on the screen")
	}
	return nil
}

// Validate checks the limits stated in policy.proto.
func (x *NoticeText) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		word("lang", x.Lang, 16),
		prose("title", x.Title, MaxTitle),
		texts("body", x.Body, 16, 800),
		texts("who_reads", x.WhoReads, 16, 200),
		texts("who_to_talk_to", x.WhoToTalkTo, 16, 200),
		text("reading_hours", x.ReadingHours, 200),
	)
}

// Validate checks the limits stated in event.proto.
func (x *CanarySeen) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		size("nonce", x.Nonce, 16, 16),
		enum("result", x.Result, CanarySeen_RESULT_LOCKED),
		between("took_ms", x.TookMs, 0, MaxAge),
		text("code", x.Code, 64),
	)
}

// Validate checks the limits stated in ipc.proto.
func (x *Watch) Validate() error {
	if x == nil {
		return missing()
	}
	return first(
		enum("scope", x.Scope, Outside_OUTSIDE_NOTHING),
		ruleCategories("categories", x.Categories),
	)
}
