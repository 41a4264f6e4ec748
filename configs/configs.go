// Package configs embeds the files that Lapwing ships and people may edit:
// the rule packs. It imports the standard library only.
package configs

import (
	"embed"
	"io/fs"
)

//go:embed rules
var files embed.FS

// Rules holds the rule packs, *.yaml at its top.
func Rules() fs.FS {
	sub, err := fs.Sub(files, "rules")
	if err != nil {
		return files // fs.Sub fails only on a malformed path, and this one is constant
	}
	return sub
}
