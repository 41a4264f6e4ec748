package doctor

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/lapwing-schools/lapwing/internal/buildinfo"
)

// LogDir is the folder of log files in the agent's directory.
const LogDir = "log"

// maxLog bounds what of each log file goes along, in bytes, the newest.
const maxLog = 2 << 20

// Bundle writes a zip for whoever helps: the checks, the status, versions, log
// files, and the names and sizes of files. It holds no file of the spool, no
// key, no policy and no proxy setting, so no captured text and no secret: log
// files never had any (internal/logging).
func Bundle(w io.Writer, env Env, r Report) error {
	z := zip.NewWriter(w)
	st := env.Status
	if st.Uplink != nil && st.Uplink.State == "revoked" {
		up := *st.Uplink
		up.Detail = "" // why is a person's free text, and may hold a name
		st.Uplink = &up
	}
	for name, value := range map[string]any{"doctor.json": r, "status.json": st} {
		f, err := z.Create(name)
		if err != nil {
			return err
		}
		enc := json.NewEncoder(f)
		enc.SetIndent("", "  ")
		if err := enc.Encode(value); err != nil {
			return err
		}
	}
	f, err := z.Create("versions.txt")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(f, "lapwing-agent %s\n%s %s/%s\n", buildinfo.Read(), runtime.Version(), runtime.GOOS, runtime.GOARCH); err != nil {
		return err
	}
	if err := addFiles(z, env.Dir); err != nil {
		return err
	}
	if err := addLogs(z, filepath.Join(env.Dir, LogDir)); err != nil {
		return err
	}
	return z.Close()
}

// addFiles lists names, sizes and times; never contents.
func addFiles(z *zip.Writer, dir string) error {
	f, err := z.Create("files.txt")
	if err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		if err != nil {
			_, err = fmt.Fprintf(f, "%s: cannot be read\n", rel)
			return err
		}
		info, err := d.Info()
		if err != nil {
			return nil // gone meanwhile
		}
		_, err = fmt.Fprintf(f, "%s %10d %s %s\n", info.Mode(), info.Size(), info.ModTime().UTC().Format("2006-01-02T15:04:05Z"), rel)
		return err
	})
}

func addLogs(z *zip.Writer, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // none written yet, or not for this account
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		if !e.Type().IsRegular() || filepath.Ext(e.Name()) != ".log" {
			continue
		}
		if err := addTail(z, filepath.Join(dir, e.Name()), LogDir+"/"+e.Name()); err != nil {
			return err
		}
	}
	return nil
}

func addTail(z *zip.Writer, path, name string) error {
	in, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil
	}
	out, err := z.Create(name)
	if err != nil {
		return err
	}
	from := max(0, info.Size()-maxLog)
	_, err = io.Copy(out, io.NewSectionReader(in, from, info.Size()-from))
	return err
}
