package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/lapwing-schools/lapwing/agent/match"
	"github.com/lapwing-schools/lapwing/configs"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
)

type matchCmd struct {
	Rules    string `type:"existingdir" placeholder:"DIR" help:"Folder of *.yaml rule packs; default those built in."`
	JSON     bool   `help:"Print one JSON object a line."`
	Explain  bool   `help:"Say which reading matched and which words raised or lowered it."`
	Readings string `enum:"plain,all" default:"all" help:"Match the text as typed only (plain), or disguised words too (all)."`
}

func (matchCmd) Help() string {
	return `Reads lines, or JSONL {"id","text"}, from standard input. Nothing is kept or sent. Example:

  echo "i hate monday mornings" | lapwing-agent match --json --explain`
}

func (c *matchCmd) Run(s *streams) error {
	rules := fs.FS(configs.Rules())
	if c.Rules != "" {
		rules = os.DirFS(c.Rules)
	}
	packs, problems := rulepack.ReadDir(rules)
	if len(problems) > 0 {
		errs := make([]error, len(problems))
		for i, p := range problems {
			errs[i] = errors.New(p.String())
		}
		return fmt.Errorf("read rule packs: %w", errors.Join(errs...))
	}
	engine, err := rulepack.Engine(packs)
	if err != nil {
		return fmt.Errorf("load rule packs: %w", err)
	}
	return match.Run(s.in, s.out, engine, match.Flags{JSON: c.JSON, Explain: c.Explain, Readings: c.Readings})
}
