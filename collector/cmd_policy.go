package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/lapwing-schools/lapwing/collector/datadir"
	"github.com/lapwing-schools/lapwing/collector/policy"
	"github.com/lapwing-schools/lapwing/configs"
	"github.com/lapwing-schools/lapwing/internal/policydoc/form"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

type policyCmd struct {
	Check  policyCheckCmd  `cmd:"" help:"Check a policy file, or a whole policy folder with its rule packs."`
	Show   policyShowCmd   `cmd:"" help:"Print what a school's policy says of each group."`
	Schema policySchemaCmd `cmd:"" help:"Print the JSON schema of the policy file, for editors."`
}

type policyCheckCmd struct {
	Path string `arg:"" type:"path" help:"policy.yaml, or the folder that holds it."`
}

func (policyCheckCmd) Help() string {
	return `Each problem has its file, line or field, and the limit. Example:

  lapwing-collector policy check /var/lib/lapwing/policy`
}

func (c *policyCheckCmd) Run(o *output) error {
	files, err := policyFiles(c.Path)
	if err != nil {
		return err
	}
	if err := policy.Check(files, configs.Rules(), shippedForm()); err != nil {
		fmt.Fprintln(o.err, err)
		return errReported
	}
	_, err = fmt.Fprintln(o.out, "The policy is good.")
	return err
}

// policyFiles reads a policy folder, or one file as if it lay in one.
func policyFiles(path string) (map[string][]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	if info.IsDir() {
		return policy.ReadFolder(path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	return map[string][]byte{"policy.yaml": b}, nil
}

// shippedForm is the policy of a school that has not written its own; a test
// holds that it is good.
func shippedForm() *form.Form {
	f, _ := form.Parse("policy.yaml", configs.Policy)
	return f
}

type policyShowCmd struct {
	dataFlag
	School string `help:"Short name of the school, where there are several."`
}

func (policyShowCmd) Help() string {
	return `One JSON object a group, as devices get it, without the compiled rules. What is in force
right now, and its history, is on the console's page /policy. Example:

  lapwing-collector policy show --data /var/lib/lapwing`
}

func (c *policyShowCmd) Run(o *output) error {
	files, err := policy.ReadFolder(datadir.PolicyPath(c.Data))
	if err != nil {
		return err
	}
	s, err := policy.ReadSource(files, configs.Rules())
	if err != nil {
		fmt.Fprintln(o.err, err)
		return errReported
	}
	f := shippedForm()
	if s.Default != nil {
		f = s.Default
	}
	if own, ok := s.Forms[c.School]; ok {
		f = own
	}
	for _, name := range slices.Sorted(maps.Keys(f.Groups)) {
		p := &lapwingv1.Policy{Group: name}
		if err := f.Fill(p, name, ""); err != nil {
			return fmt.Errorf("read %s: %w", filepath.Join(datadir.PolicyPath(c.Data), "policy.yaml"), err)
		}
		b, err := protojson.Marshal(p)
		if err != nil {
			return fmt.Errorf("print policy: %w", err)
		}
		if _, err := fmt.Fprintf(o.out, "%s\n", b); err != nil {
			return err
		}
	}
	return nil
}

type policySchemaCmd struct{}

func (policySchemaCmd) Help() string {
	return `Example:

  lapwing-collector policy schema > policy.schema.json`
}

func (policySchemaCmd) Run(o *output) error {
	_, err := o.out.Write(form.Schema)
	return err
}
