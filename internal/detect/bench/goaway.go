package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	goaway "github.com/TwiN/go-away"
)

// goAway prints for every line of JSONL whether TwiN/go-away with its own list
// takes it for profane, in the form of "lapwing-agent match --json".
func goAway(in io.Reader, out io.Writer) error {
	filter := goaway.NewProfanityDetector()
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 8<<20)
	w := bufio.NewWriter(out)
	for lines.Scan() {
		var l struct {
			ID   json.RawMessage `json:"id"`
			Text string          `json:"text"`
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return fmt.Errorf("read line: %w", err)
		}
		fmt.Fprintf(w, `{"id":%s,"flag":%t,"level":"log","category":[],"rule":[]}`+"\n", l.ID, filter.IsProfane(l.Text))
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read lines: %w", err)
	}
	return w.Flush()
}
