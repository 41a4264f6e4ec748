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

// maxHashFile bounds a hashed list: about a million entries.
const maxHashFile = 16 << 20

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
	p, problems := Parse(name, b)
	for _, r := range p.Rules {
		for _, t := range r.Hashes {
			if err := p.readHashes(fsys, t.Value); err != nil {
				problems = append(problems, Problem{File: name, Line: t.Line, Rule: r.ID.Value, Text: fmt.Sprintf("hashes %q: %v", t.Value, err)})
			}
		}
	}
	return p, problems
}

// readHashes reads a hashed list that a rule names.
func (p *Pack) readHashes(fsys fs.FS, name string) error {
	f, err := fsys.Open(name)
	if err != nil {
		return fmt.Errorf("cannot be opened: %w", err)
	}
	defer f.Close()
	h, err := ReadHashes(io.LimitReader(f, maxHashFile))
	if err != nil {
		return err
	}
	if p.HashFiles == nil {
		p.HashFiles = map[string]HashFile{}
	}
	p.HashFiles[name] = h
	return nil
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
