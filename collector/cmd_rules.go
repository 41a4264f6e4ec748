package main

import (
	"context"
	"os"
	"time"

	"github.com/lapwing-schools/lapwing/collector/control"
	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

type rulesCmd struct {
	Check   rulesCheckCmd   `cmd:"" help:"Check the packs of a folder and print the automaton's size."`
	Test    rulesTestCmd    `cmd:"" help:"Run the examples that every rule carries."`
	List    rulesListCmd    `cmd:"" help:"List the rules at work with hits and verdicts, one JSON object a line."`
	Changes rulesChangesCmd `cmd:"" help:"List exemptions and changes of rules, one JSON object a line."`
	Hash    rulesHashCmd    `cmd:"" help:"Hash a licensed list, on the licence holder's own machine."`
}

type rulesCheckCmd struct {
	Dir string `arg:"" type:"existingdir" name:"dir" help:"Folder of *.yaml rule packs."`
}

func (rulesCheckCmd) Help() string {
	return `Each problem has its file, line, rule and reason. Example:

  lapwing-collector rules check configs/rules`
}

func (c *rulesCheckCmd) Run(o *output) error {
	return reported(rulepack.CheckCommand(os.DirFS(c.Dir), o.out))
}

type rulesTestCmd struct {
	Dir string `arg:"" type:"existingdir" name:"dir" help:"Folder of *.yaml rule packs."`
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

type rulesListCmd struct {
	onData
	JSON bool `required:"" help:"Print one JSON object a line."`
}

func (rulesListCmd) Help() string {
	return `The counts are of 12 months and of every queue, those of staff cases included. Example:

  lapwing-collector rules list --data /var/lib/lapwing --json`
}

func (c *rulesListCmd) Run(ctx context.Context, o *output) error {
	return c.ask(o, func(client *control.Client) error {
		stream, err := client.ListRules(ctx, &lapwingv1.ListRulesRequest{School: c.School})
		if err != nil {
			return err
		}
		return printEach(o.out, stream, ruleJSON)
	})
}

type rulesChangesCmd struct {
	onData
	JSON bool `required:"" help:"Print one JSON object a line."`
}

func (rulesChangesCmd) Help() string {
	return `Who proposed and who decided what, and why. Example:

  lapwing-collector rules changes --data /var/lib/lapwing --json`
}

func (c *rulesChangesCmd) Run(ctx context.Context, o *output) error {
	return c.ask(o, func(client *control.Client) error {
		stream, err := client.ListChanges(ctx, &lapwingv1.ListChangesRequest{School: c.School})
		if err != nil {
			return err
		}
		return printEach(o.out, stream, changeJSON)
	})
}

// ruleLine is a line of `rules list --json`.
type ruleLine struct {
	ID       string   `json:"id"`
	Title    string   `json:"title"`
	Category []string `json:"category"`
	Severity string   `json:"severity"`
	Level    string   `json:"level"`
	Hits     uint32   `json:"hits"`
	Right    uint32   `json:"right"`
	Wrong    uint32   `json:"wrong"`
	Changed  []string `json:"changed"`
}

func ruleJSON(r *lapwingv1.RuleRecord) any {
	return ruleLine{r.Id, r.Title, r.Category, r.Severity, r.Level, r.Hits, r.Right, r.Wrong, append([]string{}, r.Changed...)}
}

// changeLine is a line of `rules changes --json`.
type changeLine struct {
	ID         string     `json:"id"`
	Kind       string     `json:"kind"`
	Subject    string     `json:"subject"`
	What       string     `json:"what"`
	State      string     `json:"state"`
	ProposedBy string     `json:"proposed_by"`
	ProposedAt time.Time  `json:"proposed_at"`
	DecidedBy  string     `json:"decided_by"`
	DecidedAt  *time.Time `json:"decided_at"` // null: not yet
	Reason     string     `json:"reason"`
	RiskNote   string     `json:"risk_note"`
	Until      *time.Time `json:"until"` // of an exemption
}

func changeJSON(c *lapwingv1.ChangeRecord) any {
	at := func(ms int64) *time.Time {
		if ms == 0 {
			return nil
		}
		t := time.UnixMilli(ms).UTC()
		return &t
	}
	return changeLine{c.Id, c.Kind, c.Subject, c.What, c.State, c.ProposedBy, time.UnixMilli(c.ProposedMs).UTC(), c.DecidedBy, at(c.DecidedMs), c.Reason, c.RiskNote, at(c.UntilMs)}
}
