package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lapwing-schools/lapwing/internal/detect/rulepack"
)

type rulesHashCmd struct {
	Key  string `required:"" type:"existingfile" help:"File with the list's key: 32 hexadecimal digits."`
	Form string `required:"" enum:"addresses,words" help:"What the entries are: addresses (hosts or hosts with paths) or words (1 to 5)."`
	In   string `arg:"" type:"existingfile" help:"Open entries, one a line; # begins a comment."`
	Out  string `arg:"" help:"Hashed list to write. A file that is there is not replaced."`
}

func (rulesHashCmd) Help() string {
	return `For the holder of a licensed list, on a machine of his own: no open entry may
come to a collector. No message repeats an entry. Example:

  openssl rand -hex 16 > list.key
  lapwing-collector rules hash --key list.key --form addresses list.txt list.hashes

Then name list.hashes under "hashes:" in configs/rules/licensed.yaml, and run
"lapwing-collector rules check" on that folder.`
}

func (c *rulesHashCmd) Run(o *output) error {
	key, err := os.Open(c.Key)
	if err != nil {
		return fmt.Errorf("read key: %w", err)
	}
	defer key.Close()
	in, err := os.Open(c.In)
	if err != nil {
		return fmt.Errorf("read entries: %w", err)
	}
	defer in.Close()
	var b bytes.Buffer // nothing half is left behind
	if err := rulepack.HashCommand(in, key, rulepack.HashForm(c.Form), &b); err != nil {
		return err
	}
	list, err := rulepack.ReadHashes(bytes.NewReader(b.Bytes()))
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if len(list.Hashes) == 0 {
		return fmt.Errorf("%s holds no entries", filepath.Base(c.In))
	}
	out, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return fmt.Errorf("write list: %w", err)
	}
	_, err = out.Write(b.Bytes())
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("write list: %w", err)
	}
	fmt.Fprintf(o.out, "ok: %d entries hashed to %s\n", len(list.Hashes), c.Out)
	return nil
}
