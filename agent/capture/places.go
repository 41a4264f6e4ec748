package capture

import (
	"slices"
	"strings"

	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// place is what the gate knows of where the focus is.
type place uint8

const (
	anywhere place = iota
	harbour        // somebody looks for help there
	exempt         // nobody's business
)

// Places are where nothing is captured. The core harbours are compiled in and
// in every Places, the zero one included: no policy takes them out.
type Places struct {
	hosts, titles, apps map[string]place
}

// coreHarbours are those of the contract, by host; a page below one counts too.
// No page at them may be written by anybody.
func coreHarbours() []string {
	return []string{
		"childline.org.uk", "samaritans.org", "nspcc.org.uk", "giveusashout.org", "kooth.com", "nhs.uk", "ceop.police.uk",
	}
}

// coreTitles are whole titles of the harbours' first pages, for a browser whose
// address is not known. They stand for a page only in a browser's own window.
func coreTitles() []string {
	return []string{
		"Childline | Childline", "Samaritans | Every life lost to suicide is a tragedy | Here to listen",
		"NSPCC | The UK children's charity | NSPCC", "CEOP Safety Centre", "Home - Kooth",
	}
}

// browserEndings follow the page's title in the title of a browser's window.
func browserEndings() map[string][]string {
	return map[string][]string{
		"chromium": {" - Chromium"}, "chromium-browser": {" - Chromium"}, "chrome": {" - Google Chrome"},
		"google-chrome": {" - Google Chrome"}, "google-chrome-stable": {" - Google Chrome"},
		"firefox": {" — Mozilla Firefox", " - Mozilla Firefox"}, "firefox-esr": {" — Mozilla Firefox", " - Mozilla Firefox"},
		"msedge": {" - Microsoft Edge"}, "microsoft-edge": {" - Microsoft Edge"}, "brave": {" - Brave"}, "brave-browser": {" - Brave"},
	}
}

// NewPlaces adds a policy's places to the core harbours. A harbour counts by its
// pages only: an editor or a chat that is called one switches nothing off.
func NewPlaces(policy []*lapwingv1.Place) Places {
	p := Places{hosts: map[string]place{}, titles: map[string]place{}, apps: map[string]place{}}
	for _, of := range policy {
		kind := exempt
		if of.GetKind() == lapwingv1.Place_KIND_HARBOUR {
			kind = harbour
		}
		for _, h := range of.GetHosts() {
			p.hosts[h] = kind
		}
		for _, t := range of.GetTitles() {
			p.titles[t] = kind
		}
		for _, a := range of.GetApps() {
			if kind == exempt {
				p.apps[strings.ToLower(a)] = kind
			}
		}
	}
	for _, h := range coreHarbours() {
		p.hosts[h] = harbour
	}
	for _, t := range coreTitles() {
		p.titles[t] = harbour
	}
	return p
}

// of says where a field is. The address decides where there is one: a title can
// be anything, and only a browser's counts at all.
func (p Places) of(f Field) place {
	if p.hosts == nil {
		p = NewPlaces(nil)
	}
	if k := p.apps[strings.ToLower(f.App)]; k != anywhere {
		return k
	}
	if f.Address != "" {
		return p.host(hostOf(f.Address))
	}
	for _, end := range browserEndings()[strings.ToLower(f.App)] {
		if page, ok := strings.CutSuffix(f.Title, end); ok {
			return p.titles[page]
		}
	}
	return anywhere
}

// host looks a host up, and then every domain that it is below.
func (p Places) host(h string) place {
	for h != "" {
		if k := p.hosts[h]; k != anywhere {
			return k
		}
		_, h, _ = strings.Cut(h, ".")
	}
	return anywhere
}

// hostOf reads the host of a web address, in lower case; empty for anything
// else, and for whatever browsers and this function might read differently.
func hostOf(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if scheme = strings.ToLower(scheme); !ok || scheme != "https" && scheme != "http" {
		return ""
	}
	if i := strings.IndexAny(rest, "/?#\\"); i >= 0 {
		rest = rest[:i]
	}
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	rest, _, _ = strings.Cut(rest, ":")
	rest = strings.ToLower(strings.TrimSuffix(rest, "."))
	other := func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' }
	if strings.ContainsFunc(rest, other) || slices.Contains(strings.Split(rest, "."), "") {
		return ""
	}
	return rest
}
