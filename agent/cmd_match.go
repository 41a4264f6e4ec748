package main

import "github.com/lapwing-schools/lapwing/agent/match"

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
	engine, err := match.Engine(c.Rules)
	if err != nil {
		return err
	}
	return match.Run(s.in, s.out, engine, match.Flags{JSON: c.JSON, Explain: c.Explain, Readings: c.Readings})
}
