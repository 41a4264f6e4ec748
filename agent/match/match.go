// Package match is the command "lapwing-agent match": it reads lines or JSONL,
// matches each against a rule set and prints one JSON object or line each. It
// is how a technician tries a rule, and how the rule packs are measured.
//
// It may import configs, internal/detect with its rulepack, internal/vocab and
// the standard library.
package match

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/lapwing-schools/lapwing/internal/detect"
	"github.com/lapwing-schools/lapwing/internal/vocab"
)

// MaxLine is the longest input line, in bytes.
const MaxLine = 8 << 20

// Flags are the command's options.
type Flags struct {
	JSON    bool // print JSON objects, one a line
	Explain bool // say which reading matched and which words raised or lowered it
	// Readings is "plain" or "all"; empty means all.
	Readings string
}

type input struct {
	ID   json.RawMessage `json:"id"`
	Text *string         `json:"text"`
}

// Result is one printed object.
type Result struct {
	ID       json.RawMessage `json:"id,omitempty"`
	Flag     bool            `json:"flag"`
	Level    string          `json:"level"` // alert, log or none
	Category []string        `json:"category"`
	Rule     []string        `json:"rule"`
	Severity string          `json:"severity"`       // low to critical, or none
	Hits     []Explanation   `json:"hits,omitempty"` // with --explain
}

// Explanation says why one rule hit.
type Explanation struct {
	Rule      string   `json:"rule"`
	Title     string   `json:"title"`
	Pack      string   `json:"pack"`
	Version   uint32   `json:"version"`
	Severity  string   `json:"severity"`
	Level     string   `json:"level"`
	Reading   string   `json:"reading"`
	Start     int      `json:"start"` // bytes of the text
	End       int      `json:"end"`
	Words     string   `json:"words"` // what was typed there
	RaisedBy  []string `json:"raised_by,omitempty"`
	LoweredBy []string `json:"lowered_by,omitempty"`
	// Growing: while typed, it would wait for the end of its last word.
	Growing bool `json:"growing,omitempty"`
}

// Run reads in line by line and writes a result for each to out. A line that
// is a JSON object with a "text" stands for that text, and keeps its "id"; any
// other is the text itself.
func Run(in io.Reader, out io.Writer, engine *detect.Engine, f Flags) error {
	opts := detect.Options{}
	switch f.Readings {
	case "", "all":
	case "plain":
		opts.Readings = detect.ReadPlain
	default:
		return fmt.Errorf("--readings is %q; give plain or all", f.Readings)
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), MaxLine)
	w := bufio.NewWriter(out)
	for lines.Scan() {
		id, text := parseLine(lines.Bytes())
		r := Summarise(text, engine.Match(text, opts), f.Explain)
		r.ID = id
		if err := write(w, text, r, f); err != nil {
			return fmt.Errorf("write result: %w", err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read input (a line may have up to %d bytes): %w", MaxLine, err)
	}
	return nil
}

func parseLine(b []byte) (json.RawMessage, string) {
	if t := bytes.TrimSpace(b); len(t) == 0 || t[0] != '{' {
		return nil, string(b)
	}
	var in input
	if json.Unmarshal(b, &in) != nil || in.Text == nil {
		return nil, string(b) // prose and code begin with a brace too
	}
	return in.ID, *in.Text
}

// Summarise folds the hits of one text into a result.
func Summarise(text string, hits []detect.Hit, explain bool) Result {
	r := Result{Level: "none", Severity: "none", Category: []string{}, Rule: []string{}}
	var severity vocab.Severity
	var level vocab.Level
	for _, h := range hits {
		r.Flag = true
		severity, level = max(severity, h.Severity), max(level, h.Level)
		for _, c := range h.Categories {
			r.Category = appendNew(r.Category, string(c))
		}
		r.Rule = appendNew(r.Rule, h.Rule)
		if explain {
			r.Hits = append(r.Hits, Explanation{
				Rule: h.Rule, Title: h.Title, Pack: h.Pack, Version: h.Version,
				Severity: h.Severity.String(), Level: h.Level.String(), Reading: h.Reading,
				Start: h.Start, End: h.End, Words: text[h.Start:h.End],
				RaisedBy: h.RaisedBy, LoweredBy: h.LoweredBy, Growing: h.Growing,
			})
		}
	}
	if r.Flag {
		r.Severity, r.Level = severity.String(), level.String()
	}
	return r
}

func appendNew(list []string, s string) []string {
	for _, x := range list {
		if x == s {
			return list
		}
	}
	return append(list, s)
}

func write(w io.Writer, text string, r Result, f Flags) error {
	if f.JSON {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return e.Encode(r)
	}
	head := "-"
	if r.Flag {
		head = fmt.Sprintf("%s %s %s", r.Level, r.Severity, strings.Join(r.Category, ","))
	}
	if _, err := fmt.Fprintf(w, "%s\t%s\t%s\n", head, strings.Join(r.Rule, ","), text); err != nil {
		return err
	}
	for _, h := range r.Hits {
		growing := ""
		if h.Growing {
			growing = "; while typed, waits for the end of the word"
		}
		_, err := fmt.Fprintf(w, "\t%s: %s; %q read as %s; raised by %s; lowered by %s%s\n",
			h.Rule, h.Title, h.Words, h.Reading, listOr(h.RaisedBy), listOr(h.LoweredBy), growing)
		if err != nil {
			return err
		}
	}
	return nil
}

func listOr(s []string) string {
	if len(s) == 0 {
		return "nothing"
	}
	return strings.Join(s, ", ")
}
