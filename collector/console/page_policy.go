package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/collector/store"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Policies tells what devices obey.
type Policies interface {
	// Open verifies and reads a stored policy.
	Open(doc store.Document) (*lapwingv1.Policy, error)
	// Outrun gives the policy of a group a version above that of another, for a
	// device that moves from there.
	Outrun(ctx context.Context, t store.Tenant, from, to policy.Group) error
}

// Edits tells what became of the last change of the policy folder.
type Edits interface{ Last() policy.Edit }

// policyHistory is how many versions of a group are listed.
const policyHistory = 20

// policyView is what is in force, by group.
type policyView struct {
	Sentence string
	Problem  []string // of an edit that was not taken
	Since    string
	Groups   []policyGroup
}

type policyGroup struct {
	Name, Anchor string
	Version      uint64
	Facts        []fact
	Packs        []*lapwingv1.PackInfo
	Places       []*lapwingv1.Place
	History      []policyVersion
}

type policyVersion struct {
	Version                uint64
	At, Proposed, Approved string
}

func (c *Console) policy(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	devices, err := id.Tenant.Devices(r.Context())
	if err != nil {
		return fmt.Errorf("read groups: %w", err)
	}
	var groups []policy.Group
	for _, d := range devices {
		if g := (policy.Group{Name: d.Group, Audience: d.Audience}); !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	slices.SortFunc(groups, func(a, b policy.Group) int {
		return strings.Compare(a.Name+string(a.Audience), b.Name+string(b.Audience))
	})
	now := c.now().In(c.zone)
	v := policyView{}
	for i, g := range groups {
		pg, err := c.policyGroup(r.Context(), id, g)
		if errors.Is(err, store.ErrNotFound) {
			continue // no device of it has asked for one yet
		}
		if err != nil {
			return err
		}
		pg.Anchor = fmt.Sprintf("group-%d", i+1)
		v.Groups = append(v.Groups, pg)
	}
	v.Sentence = "No device has asked for a policy yet."
	if n := len(v.Groups); n > 0 {
		v.Sentence = "What devices of " + plural(n, "group", "groups") + " look at, when, and where they look away. Each device obeys the newest version that it has."
	}
	if c.edits != nil {
		if e := c.edits.Last(); e.Problem != "" {
			v.Since = moment(e.At.In(c.zone), now)
			v.Problem = strings.Split(e.Problem, "\n")
			v.Problem = v.Problem[:min(len(v.Problem), 20)]
		}
	}
	return c.show(w, r, id, "policy", "/policy", "Policy", v)
}

func (c *Console) policyGroup(ctx context.Context, id auth.Identity, g policy.Group) (policyGroup, error) {
	doc, err := id.Tenant.LatestDocument(ctx, policy.Kind(g.Name))
	if err != nil {
		return policyGroup{}, fmt.Errorf("read policy: %w", err)
	}
	p, err := c.policies.Open(doc)
	if err != nil {
		return policyGroup{}, fmt.Errorf("read policy: %w", err)
	}
	versions, err := id.Tenant.DocumentVersions(ctx, policy.Kind(g.Name), policyHistory)
	if err != nil {
		return policyGroup{}, fmt.Errorf("read the history of a policy: %w", err)
	}
	now := c.now().In(c.zone)
	pg := policyGroup{Name: orWord(g.Name, "no group"), Version: p.Version, Packs: p.Packs, Places: p.Places, Facts: policyFacts(p)}
	for _, d := range versions {
		pg.History = append(pg.History, policyVersion{Version: d.Version, At: moment(d.Created.In(c.zone), now),
			Proposed: orWord(d.Proposed.Name, "not said"), Approved: orWord(d.Approved.Name, "not said")})
	}
	return pg, nil
}

// policyFacts are the parts of a policy in words.
func policyFacts(p *lapwingv1.Policy) []fact {
	s := p.GetSchedule()
	facts := []fact{
		{"Proposed by", orWord(p.ProposedBy, "not said")},
		{"Approved by", orWord(p.ApprovedBy, "not said")},
		{"Hours", hoursWords(s)},
		{"Terms", datesWords(s.GetTerms(), "all year")},
		{"Days without school", datesWords(s.GetClosed(), "none")},
		{"Outside the hours", outsideWords(s.GetOutside())},
		{"Away from the school's networks", outsideWords(s.GetOffSite())},
		{"Categories within the hours", orWord(strings.Join(s.GetCategories(), ", "), "all")},
		{"Longest excerpt", fmt.Sprintf("%d characters", orNumber(p.GetLimits().GetExcerptChars(), lapwingv1.MaxExcerpt))},
		{"Proved at", minutesWords(p.GetCanary().GetMinutes())},
	}
	if len(s.GetSiteNetworks()) == 0 {
		facts[6].Value = "as at school: the policy names no networks"
	}
	facts = append(facts, deviceFacts(p)...)
	n := p.GetNotice()
	mode := map[lapwingv1.Notice_Mode]string{lapwingv1.Notice_MODE_SCREEN: "on the screen at log-on",
		lapwingv1.Notice_MODE_PAPER: "on paper"}[n.GetMode()]
	return append(facts, fact{"People are told", orWord(mode, "by other means") + ", version " + orWord(n.GetVersion(), "none")})
}

func orNumber(n, otherwise uint32) uint32 {
	if n == 0 {
		return otherwise
	}
	return n
}

func outsideWords(o lapwingv1.Outside) string {
	switch o {
	case lapwingv1.Outside_OUTSIDE_ALL:
		return "as within the hours"
	case lapwingv1.Outside_OUTSIDE_URGENT:
		return "suicide, self-harm and exploitation only"
	case lapwingv1.Outside_OUTSIDE_NOTHING:
		return "nothing is looked at"
	}
	return "as within the hours"
}

func hoursWords(s *lapwingv1.Schedule) string {
	if len(s.GetHours()) == 0 {
		return "all day, every day"
	}
	days := [...]string{"", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}
	var all []string
	for _, h := range s.Hours {
		all = append(all, fmt.Sprintf("%s %s to %s", days[min(h.Day, 7)], minuteWord(h.Start), minuteWord(h.End)))
	}
	return strings.Join(all, ", ") + " (" + s.Zone + ")"
}

func minuteWord(m uint32) string { return fmt.Sprintf("%d:%02d", m/60, m%60) }

func minutesWords(ms []uint32) string {
	var all []string
	for _, m := range ms {
		all = append(all, minuteWord(m))
	}
	return orWord(strings.Join(all, " and "), "only when a technician asks") + map[bool]string{true: " on school days"}[len(all) > 0]
}

func datesWords(ds []*lapwingv1.Dates, none string) string {
	day := func(n uint32) string { return fmt.Sprintf("%d-%02d-%02d", n/10_000, n/100%100, n%100) }
	var all []string
	for _, d := range ds {
		if d.First == d.Last {
			all = append(all, day(d.First))
			continue
		}
		all = append(all, day(d.First)+" to "+day(d.Last))
	}
	return orWord(strings.Join(all, ", "), none)
}
