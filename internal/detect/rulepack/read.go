package rulepack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds a pack's file; the largest of ours is a hundredth of it.
const maxFile = 8 << 20

// ReadDir reads every *.yaml and *.yml file at the top of fsys, by name.
// Packs that could be read are returned even when others have problems.
func ReadDir(fsys fs.FS) ([]Pack, []Problem) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, []Problem{{File: ".", Text: fmt.Sprintf("cannot be read: %v", err)}}
	}
	var packs []Pack
	var problems []Problem
	for _, e := range entries {
		if x := path.Ext(e.Name()); e.IsDir() || x != ".yaml" && x != ".yml" {
			continue
		}
		p, bad := readFile(fsys, e.Name())
		problems = append(problems, bad...)
		if len(bad) == 0 {
			packs = append(packs, p)
		}
	}
	if len(packs) == 0 && len(problems) == 0 {
		problems = append(problems, Problem{File: ".", Text: "no rule pack (*.yaml) is here"})
	}
	return packs, problems
}

func readFile(fsys fs.FS, name string) (Pack, []Problem) {
	f, err := fsys.Open(name)
	if err != nil {
		return Pack{}, []Problem{{File: name, Text: fmt.Sprintf("cannot be opened: %v", err)}}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Pack{}, []Problem{{File: name, Text: fmt.Sprintf("cannot be read: %v", err)}}
	}
	if len(b) > maxFile {
		return Pack{}, []Problem{{File: name, Text: fmt.Sprintf("is larger than %d bytes", maxFile)}}
	}
	return Parse(name, b)
}

// Parse reads one pack from YAML.
func Parse(file string, b []byte) (Pack, []Problem) {
	p := Pack{}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&p); err != nil {
		if errors.Is(err, io.EOF) {
			return Pack{}, []Problem{{File: file, Text: "is empty"}}
		}
		return Pack{}, yamlProblems(file, err)
	}
	p.File = file
	return p, nil
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)

func yamlProblems(file string, err error) []Problem {
	texts := []string{err.Error()}
	var te *yaml.TypeError
	if errors.As(err, &te) {
		texts = slices.Clone(te.Errors)
	}
	var out []Problem
	for _, t := range texts {
		p := Problem{File: file, Text: t}
		if m := yamlLine.FindStringSubmatch(strings.TrimSpace(t)); m != nil {
			p.Line, _ = strconv.Atoi(m[1])
			p.Text = m[2]
		}
		out = append(out, p)
	}
	return out
}
