package ingest

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/status"

	"github.com/lapwing-schools/lapwing/collector/store"
	lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"
)

// take handles one frame after the Hello; why is empty while the stream goes on.
func (st *stream) take(ctx context.Context, f frame) (why string, err error) {
	if f.err != nil {
		return broken(f.err)
	}
	if b := f.msg.GetBatch(); b != nil {
		return st.batch(ctx, b) // limited by its events
	}
	if ok, _ := st.server.frames.Take(st.bucket(), 1); !ok {
		return "too_many", errTooMany
	}
	switch k := f.msg.Kind.(type) {
	case *lapwingv1.AgentMessage_Hello:
		return "order", errHello
	case *lapwingv1.AgentMessage_Heartbeat:
		if err := f.msg.Validate(); err != nil {
			return "invalid", notValid(err)
		}
		st.heartbeat(k.Heartbeat)
		return "", nil
	case *lapwingv1.AgentMessage_Posture:
		if err := f.msg.Validate(); err != nil {
			return "invalid", notValid(err)
		}
		st.server.reports.putChecks(st.tenant, checkReport(st.device.ID, k.Posture, st.server.cfg.Now()))
		return "", nil
	case *lapwingv1.AgentMessage_Goodbye:
		if err := f.msg.Validate(); err != nil {
			return "invalid", notValid(err)
		}
		st.report.Goodbye = goodbyeWord(k.Goodbye.Reason)
		return "goodbye", nil
	}
	return "invalid", notValid(f.msg.Validate())
}

func (st *stream) bucket() string { return string(st.device.ID) }

// batch commits one batch and answers it.
func (st *stream) batch(ctx context.Context, b *lapwingv1.Batch) (why string, err error) {
	ack, err := st.accept(ctx, b)
	switch {
	case errors.Is(err, ErrEnvelope):
		return "invalid", notValid(err)
	case errors.Is(err, errTooMany):
		return "too_many", err
	case err != nil:
		return "gone", status.FromContextError(err).Err()
	}
	err = st.wire.Send(&lapwingv1.CollectorMessage{Kind: &lapwingv1.CollectorMessage_Ack{Ack: ack}})
	if err != nil {
		return "gone", err
	}
	st.report.Seen = st.server.cfg.Now()
	st.server.reports.put(st.tenant, st.report)
	return "", nil
}

// accept puts a batch off, or hands it to the core.
//
// A device may have sent batch 2 before it reads that batch 1 was put off. An
// acknowledgement of 2 would cover 1 as well, and 1 would be lost. So once a
// batch of a lane is put off, everything after it is, until the device goes
// back to something that was put off. What lies before it (events that the
// device offers again) is in nobody's way.
func (st *stream) accept(ctx context.Context, b *lapwingv1.Batch) (*lapwingv1.Ack, error) {
	core := st.server.cfg.Core
	if err := b.ValidateEnvelope(); err != nil {
		return core.Accept(ctx, st.tenant, st.source(), b) // says and counts what is wrong
	}
	first, last := b.Events[0].Seq, b.Events[len(b.Events)-1].Seq
	waiting := &st.putOff[b.Lane]
	if waiting.to > 0 && first > waiting.to {
		waiting.add(first, last)
		return core.putOff(b.Lane, time.Second), nil
	}
	if st.held.Load() {
		waiting.add(first, last)
		return core.putOffAlone(b.Lane, heldWait), nil
	}
	if ok, wait := st.server.events.Take(st.bucket(), len(b.Events)); !ok {
		if ok, _ := st.server.frames.Take(st.bucket(), 1); !ok {
			return nil, errTooMany // it does not wait as it is told
		}
		waiting.add(first, last)
		return core.putOffAlone(b.Lane, wait), nil
	}
	ack, err := core.Accept(ctx, st.tenant, st.source(), b)
	switch {
	case err != nil:
	case ack.RetryAfterMs > 0:
		waiting.add(first, last)
	case last >= waiting.from:
		*waiting = span{}
	}
	return ack, err
}

func (st *stream) source() Device { return Device{ID: st.device.ID, Group: st.device.Audience} }

func (st *stream) heartbeat(h *lapwingv1.Heartbeat) {
	now := st.server.cfg.Now()
	r := &st.report
	r.Seen, r.Sessions, r.SpoolRecords = now, h.Sessions, h.SpoolRecords
	r.Dropped = h.DroppedRoutine + h.MergedUrgent
	r.Quarantined, r.PolicyVersion = h.QuarantinedSegments, h.PolicyVersion
	r.SkewMillis = skewMillis(h.Now, now)
	r.Unlooked = h.HarbourSeconds + h.ExemptSeconds
	r.Coverage = make([]store.SensorState, 0, len(h.Coverage))
	for _, c := range h.Coverage {
		r.Coverage = append(r.Coverage, store.SensorState{
			Sensor: c.Sensor, State: stateWord(c.State), Code: c.Code, Since: now.Add(-ago(h.Now, c.SinceMs)),
		})
	}
	st.server.reports.put(st.tenant, *r)
}

func stateWord(s lapwingv1.CoverageState) string {
	switch s {
	case lapwingv1.CoverageState_COVERAGE_STATE_OK:
		return "ok"
	case lapwingv1.CoverageState_COVERAGE_STATE_LIMITED:
		return "limited"
	case lapwingv1.CoverageState_COVERAGE_STATE_OFF:
		return "off"
	}
	return "unknown"
}

func goodbyeWord(r lapwingv1.Goodbye_Reason) string {
	switch r {
	case lapwingv1.Goodbye_REASON_SHUTDOWN:
		return "shutdown"
	case lapwingv1.Goodbye_REASON_SLEEP:
		return "sleep"
	case lapwingv1.Goodbye_REASON_UNINSTALL:
		return "uninstall"
	}
	return "restart"
}
