package console

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lapwing-schools/lapwing/collector/auth"
	"github.com/lapwing-schools/lapwing/collector/store"
	"github.com/lapwing-schools/lapwing/internal/checks"
)

// devicesView is the list. It holds no person and no text: store.Device has none.
type devicesView struct {
	Sentence, Rest string
	Tabs           []tab
	Rows           []deviceRow
	Any            bool
	Enrol          bool // the reader may let devices in
	Permits        bool // there are pages of media permissions
	Show, Search   string
	Lists          []deviceList
	Filtered       bool
	Only           []onlyChip
	Back           string // where a form about many comes back to
	Next, CSV      string
	Shown          string
	May            bool // acts on many at once
	Groups         []string
	Done           string
	CheckDue       string
}

// deviceList is one list of the filter.
type deviceList struct {
	Name, Label, All string
	Options          []listOption
}

type listOption struct {
	Value, Label string
	Chosen       bool
}

// deviceTabs are the views of the list; the first is what opens.
var deviceTabs = []struct {
	name, label string
	count       func(store.DeviceCounts) int
	narrow      func(*store.DeviceQuery)
}{
	{"attention", "Need attention", func(n store.DeviceCounts) int { return n.Troubled }, func(q *store.DeviceQuery) { q.Troubled = true }},
	{"all", "All", func(n store.DeviceCounts) int { return n.All }, func(*store.DeviceQuery) {}},
	{"silent", "Silent", func(n store.DeviceCounts) int { return n.Silent }, func(q *store.DeviceQuery) { q.Silent = true }},
	{"away", "Not expected on now", func(n store.DeviceCounts) int { return n.Away }, func(q *store.DeviceQuery) { q.Away = true }},
	{"failing", "Failing a check", func(n store.DeviceCounts) int { return n.Failing }, func(q *store.DeviceQuery) { q.Fails = true }},
	{"unknown", "Cannot tell", func(n store.DeviceCounts) int { return n.Unknown }, func(q *store.DeviceQuery) { q.Unknown = true }},
	{"media", "USB media", func(n store.DeviceCounts) int { return n.Media }, func(q *store.DeviceQuery) { q.Media = true }},
}

// deviceQuery reads the address; what is not known there is left out, so that
// no address of an older version fails.
func (c *Console) deviceQuery(r *http.Request) (q store.DeviceQuery, show string) {
	get := func(name string) string {
		v := r.URL.Query().Get(name)
		if len(v) > 100 {
			return ""
		}
		return v
	}
	q = store.DeviceQuery{Now: c.now(), Group: get("group"), OS: get("system"), Version: get("version"), Search: get("q"), Limit: 25}
	if id := get("failing"); checks.Index(id) >= 0 {
		q.Failing = id
	}
	if n, err := strconv.Atoi(get("from")); err == nil && n >= 0 {
		q.Cursor = strconv.Itoa(n)
	}
	if days, err := strconv.Atoi(get("quiet")); err == nil && days > 0 && days < 3650 {
		q.Quiet = time.Duration(days) * 24 * time.Hour
	}
	if id := get("check"); checks.Index(id) >= 0 || derived[id] != "" {
		q.Check, q.State = id, checks.ParseState(get("state"))
	}
	for _, h := range happenedWords {
		if get("happened") == h.word {
			q.Happened = h.of
		}
	}
	q.Right = get("right") == "missing"
	q.Unheard = get("heard") == "no"
	q.Unproved = get("proof") == "missing"
	for _, t := range deviceTabs {
		if show = get("show"); show == t.name {
			t.narrow(&q)
			return q, show
		}
	}
	deviceTabs[0].narrow(&q)
	return q, deviceTabs[0].name
}

func (c *Console) devices(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	q, show := c.deviceQuery(r)
	plans := c.timetables(id.Tenant)
	q.AwaySince = plans.awaySince(q.Now)
	page, err := id.Tenant.FindDevices(r.Context(), q)
	if err != nil {
		return fmt.Errorf("find devices: %w", err)
	}
	now := c.now().In(c.zone)
	filtered := q.Check != "" || q.Unheard || q.Happened != 0 || q.Group != "" || q.OS != "" || q.Version != "" || q.Search != "" || q.Failing != "" || q.Quiet > 0 || q.Right || q.Unproved
	v := devicesView{Show: show, Search: q.Search, Any: len(page.Groups) > 0, Filtered: filtered, May: mayManage(id.Actor), Enrol: c.fleet != nil && mayManage(id.Actor), Permits: c.permits != nil, Done: deviceDone(r.URL.Query())}
	if v.CheckDue, err = c.checkDue(r, id); err != nil {
		return err
	}
	for _, row := range page.Rows {
		v.Rows = append(v.Rows, newListRow(row, plans, now))
	}
	for _, t := range deviceTabs {
		v.Tabs = append(v.Tabs, tab{t.label, address(r.URL.Query(), "show", t.name), t.count(page.Counts), t.name == show})
	}
	for _, g := range page.Groups {
		v.Groups = append(v.Groups, g.Name)
	}
	v.Lists = deviceChoices(q, page, v.Groups)
	v.Only = onlyOf(q, r.URL.Query())
	v.Back = address(r.URL.Query(), "from", "")
	if page.Next != "" {
		v.Next = address(r.URL.Query(), "from", page.Next)
	}
	v.CSV = "/devices.csv" + strings.TrimPrefix(address(r.URL.Query(), "from", ""), "/devices")
	v.Shown = fmt.Sprintf("Showing %s of %s", thousands(len(v.Rows)), plural(page.Total, "device", "devices"))
	n := page.Counts
	v.Sentence, v.Rest = deviceCounts{Total: n.All, Troubled: n.Troubled, Silent: n.Silent, Away: n.Away, Off: n.Off, Lacking: n.Lacking, Proved: n.Proved}.sentence()
	if n.All == 0 && v.Any {
		v.Sentence, v.Rest = "No device matches.", ""
	}
	return c.show(w, r, id, "devices", "/devices", "Devices", v)
}

// derived are the checks that the collector itself derives, as devices pass them.
var derived = map[string]string{
	checks.TypedTextSeen: "Typed text seen", checks.ProvedMonitored: "Proved by a test phrase", checks.EveryStandard: "Every standard met",
}

// onlyChip is a filter that a number of another page set, and no list of the form has.
type onlyChip struct {
	Text, Remove string
	Hidden       [][2]string // its part of the address
}

func onlyOf(q store.DeviceQuery, now url.Values) (chips []onlyChip) {
	without := func(names ...string) string {
		rest := url.Values{}
		for k, v := range now {
			if !slices.Contains(names, k) {
				rest[k] = v
			}
		}
		return address(rest, "from", "")
	}
	if q.Check != "" {
		known, _ := checks.Lookup(q.Check)
		_, state := stateWords(q.State)
		title := cmp.Or(derived[q.Check], known.Title)
		chips = append(chips, onlyChip{title + ": " + strings.ToLower(state), without("check", "state"), [][2]string{{"check", q.Check}, {"state", q.State.String()}}})
	}
	if q.Unheard {
		chips = append(chips, onlyChip{"silent, expected on or not", without("heard"), [][2]string{{"heard", "no"}}})
	}
	return chips
}

// address is the list with one parameter changed; a new view starts at its top.
func address(now url.Values, name, value string) string {
	next := url.Values{}
	for k, v := range now {
		if len(v) > 0 && v[0] != "" && k != "from" && k != "done" && k != name {
			next.Set(k, v[0])
		}
	}
	if value != "" {
		next.Set(name, value)
	}
	if len(next) == 0 {
		return "/devices"
	}
	return "/devices?" + next.Encode()
}

func deviceChoices(q store.DeviceQuery, page store.DevicePage, groups []string) []deviceList {
	words := func(all []string, chosen string, label func(string) string) (options []listOption) {
		for _, a := range all {
			options = append(options, listOption{a, label(a), a == chosen})
		}
		return options
	}
	same := func(s string) string { return s }
	var failing []listOption
	for _, k := range checks.All() {
		failing = append(failing, listOption{k.ID, k.Title, k.ID == q.Failing})
	}
	var quiet []listOption
	for _, days := range []int{1, 7, 30, 90} {
		quiet = append(quiet, listOption{strconv.Itoa(days), plural(days, "day", "days"), q.Quiet == time.Duration(days)*24*time.Hour})
	}
	var four []listOption
	for _, h := range happenedWords {
		four = append(four, listOption{h.word, h.label, h.of == q.Happened})
	}
	return []deviceList{
		{"group", "Group", "All groups", words(groups, q.Group, same)},
		{"system", "System", "Any", words(page.Systems, q.OS, systemWord)},
		{"failing", "Failing check", "Any", failing},
		{"quiet", "Not heard of for", "Any time", quiet},
		{"right", "Permission", "Any", []listOption{{"missing", "Missing", q.Right}}},
		{"proof", "Test phrase", "Any", []listOption{{"missing", "None in the last week", q.Unproved}}},
		{"happened", "In four weeks", "Anything", four},
		{"version", "Agent version", "Any", words(page.Versions, q.Version, same)},
	}
}

func systemWord(os string) string {
	switch os {
	case "linux":
		return "Linux"
	case "windows":
		return "Windows"
	case "darwin":
		return "macOS"
	}
	return os
}

// newListRow adds to what the sensors say what the checks and media do.
func newListRow(row store.DeviceRow, plans *timetables, now time.Time) deviceRow {
	d := newDeviceRow(row.Device, now)
	d.expect(row.Device, plans.of(row.Device), now)
	for _, k := range row.Checks {
		switch k.State {
		case checks.Pass:
			d.Passes++
		case checks.Fail:
			d.Fails++
			known, _ := checks.Lookup(k.ID)
			if d.rank < rankFail && (d.worst.ID == "" || known.Weight > d.worst.Weight) {
				d.worst = known
				d.Wrong, d.Detail = known.Title+": no", cmp.Or(k.Detail, known.Risk)+", since "+moment(k.Since.In(now.Location()), now)
			}
		default:
			d.Unknowns++
		}
	}
	if d.worst.ID != "" {
		d.rank = rankFail
	}
	if bad := row.BadMedia; !bad.IsZero() && now.Sub(bad) < store.MediaRecent && d.rank < rankFail {
		d.Wrong, d.Detail, d.rank = "USB media not permitted, or infected", moment(bad.In(now.Location()), now), rankFail
	}
	if row.Proof == checks.Fail && d.rank < rankSilent {
		d.Wrong, d.Detail, d.rank = "A test phrase did not arrive", "What is typed there may not reach the queue", rankFail
	}
	d.Told = len(row.Checks) > 0
	d.Proof = newRowProof(row, now)
	return d
}

// maxCSV bounds the export; a trust has no more.
const maxCSV = 100_000

// devicesCSV is the list as data, with the filters of its address.
func (c *Console) devicesCSV(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	q, _ := c.deviceQuery(r)
	q.Cursor, q.Limit = "", store.MaxFind
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="devices.csv"`)
	out := csv.NewWriter(w)
	head := []string{"device", "id", "group", "system", "agent", "last seen", "what is wrong", "text", "window", "usb", "lock", "proved monitored", "last test phrase"}
	for _, k := range checks.All() {
		head = append(head, k.ID)
	}
	_ = out.Write(head)
	now := c.now().In(c.zone)
	plans := c.timetables(id.Tenant)
	q.AwaySince = plans.awaySince(q.Now)
	for written := 0; written < maxCSV; {
		page, err := id.Tenant.FindDevices(r.Context(), q)
		if err != nil {
			return fmt.Errorf("find devices: %w", err)
		}
		for _, row := range page.Rows {
			d := newListRow(row, plans, now)
			seen := ""
			if at := row.Device.Report.Seen; !at.IsZero() {
				seen = at.UTC().Format(time.RFC3339)
			}
			line := []string{plain(d.Host), string(d.ID), plain(d.Group), plain(d.System), plain(d.Version), seen, plain(d.Wrong)}
			for _, s := range d.Sensors {
				line = append(line, s.Word)
			}
			line = append(line, d.Proof.Word, d.Proof.When)
			for _, k := range checks.All() {
				word := ""
				for _, said := range row.Checks {
					if said.ID == k.ID {
						word = said.State.String()
					}
				}
				line = append(line, word)
			}
			_ = out.Write(line)
			written++
		}
		if q.Cursor = page.Next; page.Next == "" {
			break
		}
	}
	out.Flush()
	return nil
}

// plain keeps a spreadsheet from taking a device's own words for a formula.
func plain(s string) string {
	if s != "" && strings.ContainsAny(s[:1], "=+-@\t\r") {
		return "'" + s
	}
	return s
}
