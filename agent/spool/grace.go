package spool

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// The grace log keeps acknowledged urgent records for the case that the
// collector loses them after all (contract "Re-offer"): each for 24 hours at
// least and 48 at most, under a key of its own day, which is then overwritten
// and removed with the log. It is bounded, never synced and best effort: what
// it promises is the collector's to keep.
const (
	graceKeep   = 24 * time.Hour
	graceBytes  = 1 << 20 // of one log
	graceLogs   = 4       // of two days and two clocks that were set back
	gracePrefix = "grace-"
	graceLog    = ".log"
	graceKey    = ".key"
)

type grace struct {
	cfg  Config
	logs []*graceDay // oldest first
	now  *graceDay   // the one written to: the last of logs, or nil
}

// graceDay is one log and its key.
type graceDay struct {
	start time.Time
	seal  sealer
	f     file // nil unless it is written to
	size  int64
}

func (d *graceDay) name() string { return fmt.Sprintf("%s%016x", gracePrefix, d.start.UnixMilli()) }

// openGrace finds the logs of earlier runs and removes those whose time is up.
func openGrace(cfg Config) *grace {
	g := &grace{cfg: cfg}
	names, err := cfg.fs.Names(cfg.Dir)
	if err != nil {
		return g
	}
	for _, name := range names {
		base, isKey := strings.CutSuffix(name, graceKey)
		number, isGrace := strings.CutPrefix(base, gracePrefix)
		if ms, err := strconv.ParseInt(number, 16, 64); isKey && isGrace && err == nil {
			d := &graceDay{start: time.UnixMilli(ms)}
			key, _ := readAll(cfg.fs, filepath.Join(cfg.Dir, name))
			// A log whose key cannot be read is kept in the list to be removed.
			if seal, err := newSealer(key); err == nil {
				d.seal = seal
			}
			g.logs = append(g.logs, d)
		}
	}
	slices.SortFunc(g.logs, func(a, b *graceDay) int { return a.start.Compare(b.start) })
	g.expire()
	g.resume()
	return g
}

// resume goes on with the last log if its day is not over: a laptop that is
// switched on ten times a day must not push its own records out.
func (g *grace) resume() {
	if len(g.logs) == 0 {
		return
	}
	d := g.logs[len(g.logs)-1]
	if age := g.cfg.Now().Sub(d.start); d.seal.aead == nil || age < 0 || age >= graceKeep {
		return
	}
	f, err := g.cfg.fs.Open(filepath.Join(g.cfg.Dir, d.name()+graceLog), false)
	if err != nil {
		return
	}
	if d.size, err = f.Size(); err != nil {
		_ = f.Close()
		return
	}
	// What a crash left half written is passed over by readers.
	d.f, g.now = f, d
}

// expire removes logs whose last record is a day old, or that the clock has
// been set back behind, or that are too many.
func (g *grace) expire() {
	now := g.cfg.Now()
	g.logs = slices.DeleteFunc(g.logs, func(d *graceDay) bool {
		age := now.Sub(d.start)
		if age < 2*graceKeep && age > -graceKeep {
			return false
		}
		g.destroy(d)
		return true
	})
	for len(g.logs) > graceLogs {
		g.destroy(g.logs[0])
		g.logs = g.logs[1:]
	}
}

// destroy overwrites the key, and removes key and log.
func (g *grace) destroy(d *graceDay) {
	if g.now == d {
		g.release()
	}
	base := filepath.Join(g.cfg.Dir, d.name())
	if f, err := g.cfg.fs.Open(base+graceKey, false); err == nil {
		if _, err := f.WriteAt(make([]byte, chacha20poly1305.KeySize), 0); err == nil {
			_ = f.Sync()
		}
		_ = f.Close()
	}
	_ = g.cfg.fs.Remove(base + graceLog)
	_ = g.cfg.fs.Remove(base + graceKey)
}

func (g *grace) release() {
	if g.now != nil && g.now.f != nil {
		_ = g.now.f.Close()
		g.now.f = nil
	}
	g.now = nil
}

// day returns the log to write to, a new one if the last is a day old.
func (g *grace) day() (*graceDay, error) {
	now := g.cfg.Now()
	if d := g.now; d != nil && now.Sub(d.start) < graceKeep && !now.Before(d.start) {
		return d, nil
	}
	g.release()
	g.expire()
	d := &graceDay{start: now.Truncate(time.Millisecond)}
	key := make([]byte, chacha20poly1305.KeySize)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	seal, err := newSealer(key)
	if err != nil {
		return nil, err
	}
	d.seal = seal
	base := filepath.Join(g.cfg.Dir, d.name())
	if err := writeNew(g.cfg.fs, g.cfg.Dir, d.name()+graceKey, key); err != nil {
		return nil, err
	}
	if d.f, err = g.cfg.fs.Open(base+graceLog, true); err != nil {
		return nil, err
	}
	g.logs = append(g.logs, d)
	g.now = d
	g.expire()
	return d, nil
}

// keepGrace copies records that were just acknowledged into the grace log. The
// caller holds commit.
func (s *Spool) keepGrace(acked []leasedRecord) {
	d, err := s.grace.day()
	if err != nil || d.size >= graceBytes {
		return
	}
	var buf []byte
	stamp := binary.BigEndian.AppendUint64(nil, uint64(s.cfg.Now().UnixMilli()))
	for len(acked) > 0 {
		g := acked[0].seg
		n := slices.IndexFunc(acked, func(r leasedRecord) bool { return r.seg != g })
		if n < 0 {
			n = len(acked)
		}
		s.mu.Lock()
		b, _, _ := s.readSegment(g, acked[0].off, acked[n-1].off+acked[n-1].size)
		s.mu.Unlock()
		buf = s.copyGrace(buf, d, g, b, stamp)
		acked = acked[n:]
	}
	if _, err := d.f.WriteAt(buf, d.size); err == nil {
		d.size += int64(len(buf))
	}
}

// copyGrace appends the records in b, a part of g, to buf, sealed for the log.
func (s *Spool) copyGrace(buf []byte, d *graceDay, g *segment, b, stamp []byte) []byte {
	for off := 0; ; {
		f, next, _, v := nextFrame(b, off)
		if v != whole {
			return buf
		}
		off = next
		p, err := s.seal.open(g.place(), f)
		if err != nil {
			continue
		}
		if longer, err := d.seal.appendFrame(buf, d.name(), f.seq, f.kind, append(slices.Clone(stamp), p...)); err == nil {
			buf = longer
		}
	}
}

// Reoffer calls visit with every urgent record that was acknowledged at or
// after since and is still kept, in order, until visit fails. It is best
// effort: what cannot be read is passed over.
func (s *Spool) Reoffer(since time.Time, visit func(Entry) error) error {
	s.commit.Lock()
	defer s.commit.Unlock()
	if err := s.closedErr(); err != nil {
		return err
	}
	s.grace.expire()
	for _, d := range s.grace.logs {
		if d.seal.aead == nil {
			continue
		}
		b, err := readAll(s.cfg.fs, filepath.Join(s.cfg.Dir, d.name()+graceLog))
		if err != nil {
			continue
		}
		for off := 0; ; {
			f, next, _, v := nextFrame(b, off)
			if v != whole {
				break
			}
			off = next
			e, at, ok := d.entry(f)
			if !ok || at.Before(since.Truncate(time.Millisecond)) {
				continue
			}
			if err := visit(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *graceDay) entry(f frame) (e Entry, at time.Time, ok bool) {
	p, err := d.seal.open(d.name(), f)
	if err != nil || len(p) < 8 {
		return Entry{}, time.Time{}, false
	}
	at = time.UnixMilli(int64(binary.BigEndian.Uint64(p)))
	e = Entry{Seq: f.seq, Payload: p[8:]}
	if f.kind == kindDigest {
		var dg digest
		if json.Unmarshal(p[8:], &dg) != nil {
			return Entry{}, at, false
		}
		e.Payload, e.Digest = nil, dg.public()
	}
	return e, at, true
}

// Expire destroys what has been kept long enough. Call it now and then while
// the service runs (a heartbeat is often enough); Open does it too. It writes
// nothing unless something is due.
func (s *Spool) Expire() {
	s.commit.Lock()
	defer s.commit.Unlock()
	if s.closedErr() == nil {
		s.grace.expire()
	}
}
