package form

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/internal/vocab"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Names of the two groups that stand for those which are not named.
const (
	PupilGroup = "pupil"
	StaffGroup = "staff"
)

// staffDefault is all that staff are watched for without an assessment.
var staffDefault = []string{string(vocab.Illegal), string(vocab.Exploitation), string(vocab.Extremism)}

// Of returns the section that is in force for a group of devices, and its name.
func (f *Form) Of(group string, audience vocab.GroupAudience) (string, Group) {
	if g, ok := f.Groups[group]; ok {
		return group, g
	}
	if audience == vocab.GroupPupil || audience == "" {
		return PupilGroup, f.Groups[PupilGroup]
	}
	return StaffGroup, f.Groups[StaffGroup] // adults use those of a mixed group too
}

// Fill sets what the form says of a group in a policy message.
func (f *Form) Fill(p *lapwingv1.Policy, group string, audience vocab.GroupAudience) error {
	name, g := f.Of(group, audience)
	b := &builder{}
	p.ProposedBy, p.ApprovedBy = f.ProposedBy, f.ApprovedBy
	p.Schedule = b.schedule(f, name, g)
	p.Places = b.places(f)
	p.Canary = b.canary(f.Canaries)
	p.Notice = b.notice(f.Notice)
	p.SharedAccounts = b.shared(f.Shared)
	p.Limits = &lapwingv1.Limits{}
	if l := g.Limits; l != nil {
		p.Limits = &lapwingv1.Limits{ExcerptChars: l.Excerpt, FragmentPauseMs: l.PauseMS, HeartbeatSeconds: l.Heartbeat}
	}
	p.Usb = b.usb(name, g.USB)
	if l := g.Lock; l != nil {
		p.Lock = &lapwingv1.LockPolicy{UnattendedMinutes: l.Minutes, Exempt: l.Exempt}
	}
	if c := g.Posture; c != nil {
		p.Posture = &lapwingv1.PosturePolicy{AllowedSoftware: c.Allowed, DeniedSoftware: c.Denied, FilterTestUrl: c.FilterURL,
			FilterTestMarker: c.FilterMarker, LockMinutes: c.LockMinutes, UpdateDays: c.UpdateDays}
	}
	return errors.Join(b.errs...)
}

// check finds everything that is wrong, group by group.
func (f *Form) check() []Problem {
	var problems []Problem
	bad := func(field, format string, args ...any) {
		problems = append(problems, Problem{Field: field, Text: fmt.Sprintf(format, args...)})
	}
	switch {
	case strings.TrimSpace(f.ProposedBy) == "":
		bad("proposed_by", "is missing: who proposes this policy?")
	case strings.TrimSpace(f.ApprovedBy) == "":
		bad("approved_by", "is missing: who approves this policy?")
	case strings.EqualFold(strings.TrimSpace(f.ProposedBy), strings.TrimSpace(f.ApprovedBy)):
		bad("approved_by", "is the one who proposed it; a policy takes two people")
	}
	if _, err := time.LoadLocation(f.Zone); f.Zone == "" || f.Zone == "Local" || err != nil {
		bad("zone", "is not a time zone like Europe/London")
	}
	for _, name := range []string{PupilGroup, StaffGroup} {
		if _, ok := f.Groups[name]; !ok {
			bad("groups", "has no %q: it stands for every group that is not named", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.Groups)) {
		g := f.Groups[name]
		if g.Staff || name == StaffGroup {
			checkStaff(name, g, bad)
		}
		p := &lapwingv1.Policy{Version: 1, School: "check", IssuedMs: 1, Rules: []byte{1}, Group: name}
		err := f.Fill(p, name, "")
		if err == nil {
			err = p.Validate()
		}
		if err != nil {
			for _, line := range strings.Split(err.Error(), "\n") {
				field, text, _ := strings.Cut(line, ": ")
				if !strings.HasPrefix(field, "groups.") && belongsToGroup(field) {
					field = "groups." + name + "." + field
				}
				bad(field, "%s", text)
			}
		}
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return strings.Compare(a.Field, b.Field) })
	return slices.Compact(problems)
}

func belongsToGroup(field string) bool {
	part, _, _ := strings.Cut(field, ".")
	return slices.Contains([]string{"limits", "usb", "lock", "posture", "schedule"}, part)
}

// checkStaff holds the default for staff, unless an assessment and two people
// stand behind more.
func checkStaff(name string, g Group, bad func(field, format string, args ...any)) {
	wider := len(g.Categories) == 0 || slices.ContainsFunc(g.Categories, func(c string) bool { return !slices.Contains(staffDefault, c) }) ||
		g.Outside != "nothing" || g.OffSite != "nothing"
	if !wider {
		return
	}
	for field, value := range map[string]string{"dpia": g.DPIA, "approved_by_head": g.Head, "approved_by_chair": g.Chair} {
		if strings.TrimSpace(value) == "" {
			bad("groups."+name+"."+field, "is missing: staff are watched for more than %s, on site and in working hours", strings.Join(staffDefault, ", "))
		}
	}
}

// builder turns words into messages and gathers what it cannot.
type builder struct{ errs []error }

func (b *builder) bad(field, format string, args ...any) {
	b.errs = append(b.errs, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
}

func (b *builder) schedule(f *Form, name string, g Group) *lapwingv1.Schedule {
	at := "groups." + name + "."
	table, ok := f.Timetables[g.Timetable]
	if !ok {
		b.bad(at+"timetable", "names no timetable of this file")
	}
	s := &lapwingv1.Schedule{Zone: f.Zone, SiteNetworks: g.Networks, Categories: g.Categories,
		Outside: b.outside(at+"outside", g.Outside), OffSite: b.outside(at+"off_site", g.OffSite)}
	in := "timetables." + g.Timetable + "."
	for i, h := range table.Hours {
		s.Hours = append(s.Hours, b.hours(fmt.Sprintf("%shours[%d]", in, i), h)...)
	}
	s.Terms, s.Closed = b.dates(in+"terms", table.Terms), b.dates(in+"closed", table.Closed)
	return s
}

// outside has no default: what is kept outside the hours is a choice that
// somebody makes and stands for.
func (b *builder) outside(field, word string) lapwingv1.Outside {
	switch word {
	case "all":
		return lapwingv1.Outside_OUTSIDE_ALL
	case "urgent":
		return lapwingv1.Outside_OUTSIDE_URGENT
	case "nothing":
		return lapwingv1.Outside_OUTSIDE_NOTHING
	}
	b.bad(field, "must be all, urgent (suicide, self-harm, exploitation) or nothing")
	return lapwingv1.Outside_OUTSIDE_NOTHING
}

func (b *builder) hours(field string, h Hours) []*lapwingv1.Hours {
	start, end := b.minute(field+".from", h.Start), b.minute(field+".to", h.End)
	if len(h.Days) == 0 {
		b.bad(field+".days", "is empty")
	}
	var all []*lapwingv1.Hours
	for _, d := range h.Days {
		day := slices.Index([]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, d) + 1
		if day == 0 {
			b.bad(field+".days", "has a word that is not mon, tue, wed, thu, fri, sat or sun")
		}
		all = append(all, &lapwingv1.Hours{Day: uint32(day), Start: start, End: end})
	}
	return all
}

// minute reads 08:30 as minutes from midnight; 24:00 is the day's end.
func (b *builder) minute(field, text string) uint32 {
	hour, minute, ok := strings.Cut(text, ":")
	h, err1 := strconv.ParseUint(hour, 10, 8)
	m, err2 := strconv.ParseUint(minute, 10, 8)
	if !ok || len(minute) != 2 || err1 != nil || err2 != nil || m > 59 || h*60+m > 24*60 {
		b.bad(field, "is not a time like 08:30")
	}
	return uint32(h*60 + m)
}

func (b *builder) dates(field string, ds []Dates) []*lapwingv1.Dates {
	var all []*lapwingv1.Dates
	for i, d := range ds {
		last := d.Last
		if last == "" {
			last = d.First
		}
		at := fmt.Sprintf("%s[%d]", field, i)
		all = append(all, &lapwingv1.Dates{First: b.date(at+".first", d.First), Last: b.date(at+".last", last)})
	}
	return all
}

func (b *builder) date(field, text string) uint32 {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		b.bad(field, "is not a day like 2026-09-01")
		return 0
	}
	return uint32(t.Year()*10_000 + int(t.Month())*100 + t.Day())
}

func (b *builder) places(f *Form) []*lapwingv1.Place {
	var all []*lapwingv1.Place
	add := func(kind lapwingv1.Place_Kind, ps []Place) {
		for _, p := range ps {
			all = append(all, &lapwingv1.Place{Kind: kind, Name: p.Name, Hosts: p.Hosts, Apps: p.Apps, Titles: p.Titles})
		}
	}
	add(lapwingv1.Place_KIND_HARBOUR, f.Harbours)
	add(lapwingv1.Place_KIND_EXEMPT, f.Exempt)
	return all
}

func (b *builder) canary(times []string) *lapwingv1.CanaryPlan {
	plan := &lapwingv1.CanaryPlan{}
	for i, t := range times {
		plan.Minutes = append(plan.Minutes, b.minute(fmt.Sprintf("canaries[%d]", i), t))
	}
	return plan
}

func (b *builder) notice(n *Notice) *lapwingv1.Notice {
	if n == nil {
		b.bad("notice", "is missing: say mode none if people are told by other means")
		return nil
	}
	mode := map[string]lapwingv1.Notice_Mode{"none": lapwingv1.Notice_MODE_NONE, "screen": lapwingv1.Notice_MODE_SCREEN, "paper": lapwingv1.Notice_MODE_PAPER}[n.Mode]
	if mode == 0 {
		b.bad("notice.mode", "must be none, screen or paper")
	}
	m := &lapwingv1.Notice{Version: n.Version, Mode: mode}
	for _, t := range n.Texts {
		m.Texts = append(m.Texts, &lapwingv1.NoticeText{Lang: t.Lang, Title: t.Title, Body: t.Body, WhoReads: t.WhoReads,
			WhoToTalkTo: t.WhoToTalkTo, ReadingHours: t.ReadingHours})
	}
	return m
}

// shared takes no pattern that stands for almost everybody.
func (b *builder) shared(patterns []string) []string {
	for i, p := range patterns {
		if len(strings.ReplaceAll(p, "*", "")) < 3 {
			b.bad(fmt.Sprintf("shared_accounts[%d]", i), "has fewer than three letters beside *: it would stand for too many accounts")
		}
	}
	return patterns
}

func (b *builder) usb(name string, u *USB) *lapwingv1.UsbPolicy {
	if u == nil {
		return nil
	}
	use := map[string]lapwingv1.UsbPolicy_Use{"recorded": lapwingv1.UsbPolicy_USE_RECORDED,
		"permitted": lapwingv1.UsbPolicy_USE_PERMITTED, "none": lapwingv1.UsbPolicy_USE_NONE}[u.Use]
	if use == 0 {
		b.bad("groups."+name+".usb.use", "must be recorded, permitted or none")
	}
	return &lapwingv1.UsbPolicy{Use: use, EncryptedOnly: u.EncryptedOnly, Scan: u.Scan, ScanMegabytes: u.ScanMegabytes,
		ScanSeconds: u.ScanSeconds, Block: u.Block, ReadOnly: u.ReadOnly, CaseInfected: u.CaseInfected, CaseUnpermitted: u.CaseUnpermitted}
}
