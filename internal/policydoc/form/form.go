// Package form owns the policy as a school writes it: one YAML file with its
// groups, timetables, safe harbours, exempt places, times of canaries and the
// notice. It turns the file into the parts of a policy message, and says what
// is wrong with it by file, line and field.
//
// It may import internal/vocab, the messages of proto/lapwing/v1 and a YAML
// reader. The agent does not import it: a device reads signed messages only.
package form

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Schema is the JSON schema of the file, for editors.
//
//go:embed schema.json
var Schema []byte

// MaxFile bounds the file, in bytes.
const MaxFile = 1 << 20

// Form is the whole file.
type Form struct {
	// ProposedBy and ApprovedBy are two people; the file says so, and the
	// ledger keeps what it said.
	ProposedBy string               `yaml:"proposed_by"`
	ApprovedBy string               `yaml:"approved_by"`
	Zone       string               `yaml:"zone"`
	Timetables map[string]Timetable `yaml:"timetables"`
	Groups     map[string]Group     `yaml:"groups"`
	Harbours   []Place              `yaml:"safe_harbours"`
	Exempt     []Place              `yaml:"exempt_places"`
	Canaries   []string             `yaml:"canaries"`
	Notice     *Notice              `yaml:"notice"`
	// Shared are accounts that several people use, beside guests': "exam*".
	Shared []string `yaml:"shared_accounts"`
}

// Timetable is when the school is open.
type Timetable struct {
	Hours  []Hours `yaml:"hours"`
	Terms  []Dates `yaml:"terms"`
	Closed []Dates `yaml:"closed"`
}

// Hours of some days of the week, as 08:30.
type Hours struct {
	Days  []string `yaml:"days"`
	Start string   `yaml:"from"`
	End   string   `yaml:"to"`
}

// Dates are days from first to last, as 2026-09-01; without last, one day.
type Dates struct {
	First string `yaml:"first"`
	Last  string `yaml:"last"`
}

// Group is what is so for the devices of one group. The group "pupil" is for
// every group that is not named, "staff" for those whose tokens say staff.
type Group struct {
	Timetable string   `yaml:"timetable"`
	Outside   string   `yaml:"outside"`  // all, urgent or nothing
	OffSite   string   `yaml:"off_site"` // the same
	Networks  []string `yaml:"site_networks"`
	// Categories that are kept within the hours; all when absent.
	Categories []string `yaml:"categories"`
	// Staff says that adults use these devices. Wider watching than the default
	// for staff then needs an assessment and the head's and the chair's names.
	Staff bool   `yaml:"staff"`
	DPIA  string `yaml:"dpia"`
	Head  string `yaml:"approved_by_head"`
	Chair string `yaml:"approved_by_chair"`

	Packs   *Packs   `yaml:"packs"`
	Limits  *Limits  `yaml:"limits"`
	USB     *USB     `yaml:"usb"`
	Lock    *Lock    `yaml:"lock"`
	Posture *Posture `yaml:"posture"`
}

// Packs says which rule packs are on, and which only log. Rules of suicide and
// self-harm stay on, and alert.
type Packs struct {
	Only    []string `yaml:"only"`
	Without []string `yaml:"without"`
	LogOnly []string `yaml:"log_only"`
}

// Limits narrow the floors of the agent.
type Limits struct {
	Excerpt   uint32 `yaml:"excerpt_chars"`
	PauseMS   uint32 `yaml:"fragment_pause_ms"`
	Heartbeat uint32 `yaml:"heartbeat_seconds"`
}

// USB says what media may be used; permits are given in the console.
type USB struct {
	Use             string `yaml:"use"` // recorded, permitted or none
	EncryptedOnly   bool   `yaml:"encrypted_only"`
	Scan            bool   `yaml:"scan"`
	ScanMegabytes   uint32 `yaml:"scan_megabytes"`
	ScanSeconds     uint32 `yaml:"scan_seconds"`
	Block           bool   `yaml:"block"`
	ReadOnly        bool   `yaml:"read_only"`
	CaseInfected    bool   `yaml:"case_infected"`
	CaseUnpermitted bool   `yaml:"case_unpermitted"`
}

// Lock is the rule for screens that are left open.
type Lock struct {
	Minutes uint32 `yaml:"unattended_minutes"`
	Exempt  bool   `yaml:"exempt"`
}

// Posture is what the checks compare with.
type Posture struct {
	Allowed      []string `yaml:"allowed_software"`
	Denied       []string `yaml:"denied_software"`
	FilterURL    string   `yaml:"filter_test_url"`
	FilterMarker string   `yaml:"filter_test_marker"`
	LockMinutes  uint32   `yaml:"lock_minutes"`
	UpdateDays   uint32   `yaml:"update_days"`
}

// Place is a safe harbour or an exempt place.
type Place struct {
	Name   string   `yaml:"name"`
	Hosts  []string `yaml:"hosts"`
	Apps   []string `yaml:"apps"`
	Titles []string `yaml:"titles"`
}

// Notice is what people are told.
type Notice struct {
	Version string `yaml:"version"`
	Mode    string `yaml:"mode"` // none, screen or paper
	Texts   []Text `yaml:"texts"`
}

// Text is the notice in one language.
type Text struct {
	Lang         string   `yaml:"lang"`
	Title        string   `yaml:"title"`
	Body         []string `yaml:"body"`
	WhoReads     []string `yaml:"who_reads"`
	WhoToTalkTo  []string `yaml:"who_to_talk_to"`
	ReadingHours string   `yaml:"reading_hours"`
}

// Problem is one thing that is wrong.
type Problem struct {
	File, Field string
	Line        int
	Text        string
}

// String is "file:line: field: text".
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	b.WriteString(p.Text)
	return b.String()
}

// Parse reads a file and checks every group of it.
func Parse(file string, b []byte) (*Form, []Problem) {
	if len(b) > MaxFile {
		return nil, []Problem{{File: file, Text: fmt.Sprintf("%d bytes, at most %d", len(b), MaxFile)}}
	}
	f := new(Form)
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	switch err := d.Decode(f); {
	case errors.Is(err, io.EOF):
		return nil, []Problem{{File: file, Text: "is empty"}}
	case err != nil:
		return nil, yamlProblems(file, err)
	}
	if err := d.Decode(new(Form)); !errors.Is(err, io.EOF) {
		return nil, []Problem{{File: file, Text: "has a second document; there is one"}}
	}
	if problems := f.check(); len(problems) > 0 {
		for i := range problems {
			problems[i].File = file
		}
		return nil, problems
	}
	return f, nil
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)

// yamlProblems never repeats a value: only lines, names of fields and types.
func yamlProblems(file string, err error) []Problem {
	texts := []string{err.Error()}
	var te *yaml.TypeError
	if errors.As(err, &te) {
		texts = te.Errors
	}
	problems := make([]Problem, 0, len(texts))
	for _, t := range texts {
		p := Problem{File: file, Text: t}
		if m := yamlLine.FindStringSubmatch(t); m != nil {
			fmt.Sscan(m[1], &p.Line)
			p.Text = m[2]
		}
		problems = append(problems, p)
	}
	return problems
}
