package configs

import (
	"embed"
	"io/fs"
)

//go:embed playbooks/*.yaml
var playbooks embed.FS

// Playbooks is the folder of default playbooks, one YAML file each. Their
// form is described in collector/playbook.
func Playbooks() fs.FS {
	sub, err := fs.Sub(playbooks, "playbooks")
	if err != nil {
		// Only for a name that is not valid, and this one is constant.
		return playbooks
	}
	return sub
}
