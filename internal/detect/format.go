package detect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// magic opens every compiled rule set; the last two bytes are the format's version.
const magic = "LWRULES\x01"

// Limits of a compiled rule set. They bound memory on a device, whatever bytes
// arrive; the largest set of the goals (50,000 phrases) uses a fifth of them.
const (
	maxCompiled    = 16 << 20
	maxWords       = 1 << 20
	maxWordBytes   = 64
	maxLiteral     = 16
	maxSlots       = 12
	maxGap         = 16
	maxClasses     = 1 << 20
	maxRules       = 1 << 16
	maxConditions  = 64
	maxText        = 4096
	maxBloomHashes = 16
)

// ErrFormat is wrapped by every error of Load.
var ErrFormat = errors.New("compiled rules are not valid")

// Encode writes p in the flat format that Load reads. It refuses a Program
// that Load would refuse.
func Encode(p *Program) ([]byte, error) {
	var w writer
	w.buf = append(w.buf, magic...)
	w.num(len(p.Words))
	for _, x := range p.Words {
		w.str(x.Text)
		w.byte(byte(x.Flags))
		w.u(x.Same)
	}
	w.u(p.Classes)
	w.u(p.Signals)
	w.num(len(p.Literals))
	for _, l := range inOrder(p.Literals) {
		w.us(l.Words)
		w.us(l.Classes)
	}
	w.num(len(p.Patterns))
	for _, t := range p.Patterns {
		w.u(t.Signal)
		w.num(len(t.Slots))
		for _, s := range t.Slots {
			w.u(s.Class)
			w.byte(s.MinGap)
			w.byte(s.MaxGap)
			w.bool(s.Optional)
		}
	}
	w.num(len(p.Packs))
	for _, k := range p.Packs {
		w.str(k.Name)
		w.u(k.Version)
	}
	w.num(len(p.Rules))
	for i := range p.Rules {
		w.rule(&p.Rules[i])
	}
	w.u(p.Guard)
	w.bytes(p.Known.Bits)
	w.byte(p.Known.Hashes)
	w.num(len(p.Lists))
	for _, l := range p.Lists {
		w.u(l.Signal)
		w.bool(l.Words)
		w.u64(l.Key[0])
		w.u64(l.Key[1])
		w.num(len(l.Hashes))
		for _, h := range l.Hashes {
			w.u64(h)
		}
	}
	if _, err := decode(w.buf); err != nil {
		return nil, fmt.Errorf("encode rules: %w", err)
	}
	return w.buf, nil
}

// inOrder sorts literals by their words.
func inOrder(l []Literal) []Literal {
	l = slices.Clone(l)
	slices.SortFunc(l, func(a, b Literal) int { return slices.Compare(a.Words, b.Words) })
	return l
}

type writer struct{ buf []byte }

func (w *writer) byte(b byte)    { w.buf = append(w.buf, b) }
func (w *writer) u(v uint32)     { w.buf = binary.AppendUvarint(w.buf, uint64(v)) }
func (w *writer) num(n int)      { w.buf = binary.AppendUvarint(w.buf, uint64(n)) }
func (w *writer) u64(v uint64)   { w.buf = binary.LittleEndian.AppendUint64(w.buf, v) }
func (w *writer) str(s string)   { w.num(len(s)); w.buf = append(w.buf, s...) }
func (w *writer) bytes(b []byte) { w.num(len(b)); w.buf = append(w.buf, b...) }

func (w *writer) bool(b bool) {
	if b {
		w.byte(1)
		return
	}
	w.byte(0)
}

func (w *writer) us(v []uint32) {
	w.num(len(v))
	for _, x := range v {
		w.u(x)
	}
}

// ruleWordEnds stands above the audiences in a rule's byte of flags.
const ruleWordEnds = 1 << 2

func (r *Rule) flags() byte {
	f := byte(r.Audiences)
	if r.WordEnds {
		f |= ruleWordEnds
	}
	return f
}

func (w *writer) rule(r *Rule) {
	w.str(r.ID)
	w.str(r.Title)
	w.u(r.Pack)
	w.u(r.Version)
	w.num(len(r.Categories))
	for _, c := range r.Categories {
		w.str(string(c))
	}
	w.str(string(r.FourC))
	w.byte(byte(r.Severity))
	w.byte(byte(r.Level))
	w.byte(r.flags())
	w.byte(r.YearMin)
	w.byte(r.YearMax)
	w.u(r.Signal)
	w.num(len(r.Conditions))
	for _, c := range r.Conditions {
		w.str(c.Name)
		w.byte(byte(c.Effect))
		w.byte(byte(c.Side))
		w.u(c.Signal)
		w.byte(c.Within)
	}
}
