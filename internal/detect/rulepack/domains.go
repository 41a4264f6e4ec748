package rulepack

import (
	"slices"

	"github.com/lapwing-schools/lapwing/internal/detect"
)

// domainKey is the key of the domains that packs write openly. It hides
// nothing; hashing makes a list of thousands small and quick.
var domainKey = [2]uint64{0x6C617077696E6720, 0x646F6D61696E7320}

// hashLists compiles a rule's domains and hashed files.
func (c *compiler) hashLists(r *Rule, p *Pack, signal uint32) {
	if len(r.Domains) > 0 {
		l := detect.HashList{Signal: signal, Key: domainKey}
		for _, t := range r.Domains {
			e, err := hashEntry(t.Value, Addresses)
			if err != nil {
				c.bad(t.Line, "domain %q %v", t.Value, err)
				continue
			}
			l.Hashes = append(l.Hashes, detect.Hash64(domainKey, e))
		}
		slices.Sort(l.Hashes)
		l.Hashes = slices.Compact(l.Hashes)
		c.prog.Lists = append(c.prog.Lists, l)
	}
	for _, t := range r.Hashes {
		if f, ok := p.HashFiles[t.Value]; ok {
			c.prog.Lists = append(c.prog.Lists, detect.HashList{Signal: signal, Words: f.Form == Phrases, Key: f.Key, Hashes: f.Hashes})
		}
	}
}
