package main

import (
	"os"

	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
)

type rulesCmd struct {
	Check rulesCheckCmd `cmd:"" help:"Check the packs of a folder and print the automaton's size."`
	Test  rulesTestCmd  `cmd:"" help:"Run the examples that every rule carries."`
	Hash  rulesHashCmd  `cmd:"" help:"Hash a licensed list, on the licence holder's own machine."`
}

type rulesCheckCmd struct {
	Dir string `arg:"" type:"existingdir" help:"Folder of *.yaml rule packs."`
}

func (rulesCheckCmd) Help() string {
	return `Each problem has its file, line, rule and reason. Example:

  lapwing-collector rules check configs/rules`
}

func (c *rulesCheckCmd) Run(o *output) error {
	return reported(rulepack.CheckCommand(os.DirFS(c.Dir), o.out))
}

type rulesTestCmd struct {
	Dir string `arg:"" type:"existingdir" help:"Folder of *.yaml rule packs."`
}

func (rulesTestCmd) Help() string {
	return `Example:

  lapwing-collector rules test configs/rules`
}

func (c *rulesTestCmd) Run(o *output) error {
	return reported(rulepack.TestCommand(os.DirFS(c.Dir), o.out))
}

// reported makes an error of an exit status whose reasons are printed already.
func reported(status int) error {
	if status == rulepack.ExitOK {
		return nil
	}
	return errReported
}
