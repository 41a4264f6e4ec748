package main

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/lapwing-schools/lapwing/collector/control"
	"github.com/lapwing-schools/lapwing/collector/roster"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

type directoryCmd struct {
	Import directoryImportCmd `cmd:"" help:"Replace the directory by a file."`
}

type directoryImportCmd struct {
	onData
	File    string `arg:"" help:"OneRoster 1.1 zip or folder, or a CSV with the columns account,name,role,year,aliases."`
	Preview bool   `help:"Say what would change, and change nothing."`
}

func (directoryImportCmd) Help() string {
	return `The file is the whole directory: who is not in it is marked as gone. Cases of accounts that now have an owner move to
where they belong. The same is done every night with the newest file in DATA/directory-inbox. Examples:

  lapwing-collector directory import --data /var/lib/lapwing --preview people.csv
  lapwing-collector directory import --data /var/lib/lapwing oneroster.zip`
}

func (c *directoryImportCmd) Run(ctx context.Context, o *output) error {
	data, err := readDirectoryFile(c.File)
	if err != nil {
		return err
	}
	return c.ask(o, func(client *control.Client) error {
		r, err := client.ImportDirectory(ctx, &lapwingv1.ImportDirectoryRequest{School: c.School, Name: filepath.Base(c.File), Data: data, Preview: c.Preview})
		if err != nil {
			return err
		}
		return printImport(o.out, r)
	})
}

func printImport(out io.Writer, r *lapwingv1.ImportDirectoryResponse) error {
	fmt.Fprintf(out, "Pupils %d, staff %d: added %d, changed %d, gone %d, as they were %d, left out %d.\n",
		r.Pupils, r.Staff, r.Added, r.Changed, r.Gone, r.Same, r.Skipped)
	fmt.Fprintf(out, "Accounts seen on devices: matched %d, unmatched %d.\n", r.Matched, r.Unmatched)
	for _, s := range r.Shared {
		fmt.Fprintf(out, "Two people share an account, so it matches neither: %s\n", s)
	}
	last := "This was a preview. Nothing was changed.\n"
	if r.Done {
		last = fmt.Sprintf("Done. This is version %d of the directory.\n", r.Version)
	}
	_, err := io.WriteString(out, last)
	return err
}

// readDirectoryFile reads the file as whoever runs the command, who need not be
// the account that the collector runs as. A folder becomes a zip.
func readDirectoryFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read directory file: %w", err)
	}
	if info.IsDir() {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		if err := z.AddFS(os.DirFS(path)); err != nil {
			return nil, fmt.Errorf("read directory folder: %w", err)
		}
		if err := z.Close(); err != nil {
			return nil, fmt.Errorf("read directory folder: %w", err)
		}
		return b.Bytes(), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read directory file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, roster.MaxUpload+1))
	if err != nil {
		return nil, fmt.Errorf("read directory file: %w", err)
	}
	if len(data) == 0 || len(data) > roster.MaxUpload {
		return nil, fmt.Errorf("read directory file: %s is empty or has over %d MB; export one school at a time", path, roster.MaxUpload>>20)
	}
	return data, nil
}
