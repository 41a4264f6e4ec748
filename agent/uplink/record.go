package uplink

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/lapwing-schools/lapwing/agent/spool"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// Record packs an event for spool.Append. Lane must be set; seq is the
// spool's to give and is left out.
func Record(e *lapwingv1.Event) (spool.Event, error) {
	b, err := proto.Marshal(e)
	if err != nil {
		return spool.Event{}, fmt.Errorf("pack event: %w", err)
	}
	return spool.Event{
		Lane: spool.Lane(e.GetLane()), Payload: b, Category: category(e), Wall: time.UnixMilli(e.GetWallMs()),
	}, nil
}

// category is what the digest of a full spool counts e under.
func category(e *lapwingv1.Event) string {
	switch b := e.GetBody().(type) {
	case *lapwingv1.Event_Capture:
		if c := b.Capture.GetCategories(); len(c) > 0 {
			return c[0]
		}
	case *lapwingv1.Event_Help:
		return "help"
	case *lapwingv1.Event_Tamper:
		return "tamper"
	}
	return ""
}

// unpack makes the event of a leased record.
func unpack(l spool.Lane, r spool.Entry) (*lapwingv1.Event, error) {
	e := &lapwingv1.Event{}
	if r.Digest != nil {
		e = digestEvent(l, r)
	} else if err := proto.Unmarshal(r.Payload, e); err != nil {
		return nil, fmt.Errorf("unpack event: %w", err)
	}
	e.Lane, e.Seq = lapwingv1.Lane(l), r.Seq
	return e, nil
}

// digestEvent is the event of a digest. Its id is made from what it says, so
// that sending it again after a break is seen as a repetition. Its boot is
// none that a machine had: only the wall clock says when it was.
func digestEvent(l spool.Lane, r spool.Entry) *lapwingv1.Event {
	d := r.Digest
	sum := sha256.Sum256(fmt.Appendf(nil, "digest %s %d %d %d", l, r.Seq, d.First.UnixMilli(), d.Last.UnixMilli()))
	// A ULID: 48 bits of time, 80 others.
	var id [16]byte
	copy(id[:], sum[:16])
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(max(d.Last.UnixMilli(), 0)))
	copy(id[:6], ms[2:])
	return &lapwingv1.Event{
		Id: id[:], Boot: sum[16:], WallMs: d.Last.UnixMilli(),
		Body: &lapwingv1.Event_Digest{Digest: &lapwingv1.Digest{
			ByCategory: d.ByCategory, FirstWallMs: d.First.UnixMilli(), LastWallMs: d.Last.UnixMilli(),
		}},
	}
}
