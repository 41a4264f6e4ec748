package ingest

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// coreMetrics count; no label names a school, a device or a person.
type coreMetrics struct {
	batches *prometheus.CounterVec
	events  *prometheus.CounterVec
	suspect prometheus.Counter
	crowds  prometheus.Counter
	commit  prometheus.Histogram
}

func newCoreMetrics(reg prometheus.Registerer) (*coreMetrics, error) {
	m := &coreMetrics{
		batches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lapwing_ingest_batches_total",
			Help: "Batches received, by result: committed, invalid, or put off because the collector was busy, its store full, or a commit failed.",
		}, []string{"result"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lapwing_ingest_events_total",
			Help: "Events of committed batches, by lane and result: kept, duplicate or refused.",
		}, []string{"lane", "result"}),
		suspect: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lapwing_ingest_suspect_times_total",
			Help: "Events whose time was in the future or absurdly old, kept with the time of receipt.",
		}),
		crowds: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lapwing_ingest_new_accounts_put_off_total",
			Help: "Batches of which a part was put off because its device named too many new accounts.",
		}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "lapwing_ingest_commit_seconds",
			Help:    "From handing a batch to the store until it was durable.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}),
	}
	return m, register(reg, m.batches, m.events, m.suspect, m.crowds, m.commit)
}

type serverMetrics struct {
	streams  prometheus.Gauge
	opened   prometheus.Counter
	ended    *prometheus.CounterVec
	policies prometheus.Counter
	behind   prometheus.Counter
	twins    *prometheus.CounterVec
	asked    prometheus.Counter
	canaries prometheus.Counter
	panics   prometheus.Counter
}

func newServerMetrics(reg prometheus.Registerer) (*serverMetrics, error) {
	m := &serverMetrics{
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "lapwing_agent_streams", Help: "Devices connected now.",
		}),
		opened: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lapwing_agent_streams_opened_total", Help: "Streams that passed authentication.",
		}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lapwing_agent_streams_ended_total", Help: "Streams that ended, by reason.",
		}, []string{"reason"}),
		policies: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lapwing_agent_policies_sent_total", Help: "Policies sent down a stream.",
		}),
		behind: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lapwing_agent_policies_behind_total",
			Help: "Times a device had a newer policy than the collector, which it keeps: after a restore, for instance. It gets no policy until the collector's version is higher.",
		}),
		twins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "lapwing_agent_suspected_clones_total", Help: "Devices first seen on two machines, by how it showed.",
		}, []string{"reason"}),
		asked: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lapwing_agent_reoffers_asked_total", Help: "Times a device was asked to offer again what it sent before.",
		}),
		canaries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lapwing_agent_canaries_asked_total", Help: "Times a device was asked to prove that it is monitored.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lapwing_agent_panics_total", Help: "Streams that ended in an error of the collector's own.",
		}),
	}
	return m, register(reg, m.streams, m.opened, m.ended, m.policies, m.behind, m.twins, m.asked, m.canaries, m.panics)
}

func register(reg prometheus.Registerer, all ...prometheus.Collector) error {
	for _, c := range all {
		if err := reg.Register(c); err != nil {
			return fmt.Errorf("register ingest metrics: %w", err)
		}
	}
	return nil
}
