// Package metrics counts what the gates, scans and the process itself record,
// and shows it in Prometheus's text format (version 0.0.4, as
// https://prometheus.io/docs/instrumenting/exposition_formats/ has it).
//
// It is no evidence and keeps nothing: it begins at zero with the process, and
// counts what is handed to the ledger, taken or not. No label holds a value that a
// client or a row chose: labels are names of the configuration and words of
// ours.
package metrics

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sekisho/internal/event"
)

// Meter holds the metrics of one process. Its methods may be called from any
// goroutine.
type Meter struct {
	registry *prometheus.Registry

	crossings, rows, unattributed *prometheus.CounterVec // gate, class
	decisions                     *prometheus.CounterVec // gate, action
	flows                         *prometheus.CounterVec // gate, action, step
	flowEnds                      *prometheus.CounterVec // gate, outcome
	flowBytes                     *prometheus.CounterVec // gate, direction
	questions                     *prometheus.CounterVec // gate, action
	findings                      *prometheus.CounterVec // source, code
	gaps, uncovered, gapSeconds   *prometheus.CounterVec // source
	scans                         *prometheus.CounterVec // database, table
	scanned, scannedRows          *prometheus.GaugeVec   // database, table
}

// New returns a meter that counts nothing yet.
func New(version string) *Meter {
	m := &Meter{registry: prometheus.NewRegistry()}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sekisho_" + name, Help: help}, labels)
		m.registry.MustRegister(v)
		return v
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "sekisho_" + name, Help: help}, labels)
		m.registry.MustRegister(v)
		return v
	}
	m.crossings = counter("crossings_total", "Executions with protected columns, by the class that the gate recorded.", "gate", "class")
	m.rows = counter("rows_total", "Rows with protected columns, by class.", "gate", "class")
	m.unattributed = counter("rows_without_number_total", "Rows of exact crossings whose subject has no number.", "gate", "class")
	m.decisions = counter("decisions_total", "Policy decisions that refused, masked, cut or reported.", "gate", "action")
	m.findings = counter("findings_total", "Findings, by code (SK7301 to SK7304: the bypass watch).", "source", "code")
	m.gaps = counter("gaps_total", "Gaps written down: times in which something was not recorded.", "source")
	m.gapSeconds = counter("gap_seconds_total", "Length of the gaps.", "source")
	m.uncovered = counter("uncovered_intervals_total", "Intervals in which somebody may have passed unseen.", "source")
	m.flows = counter("egress_flows_total", "Flows at gates for what leaves, begun or refused.", "gate", "action", "step")
	m.flowEnds = counter("egress_flow_ends_total", "Flows that ended, by what came of them.", "gate", "outcome")
	m.flowBytes = counter("egress_bytes_total", "Bytes of flows that ended.", "gate", "direction")
	m.questions = counter("egress_questions_total", "DNS questions that left, were refused, or were answered from memory.", "gate", "action")
	m.scans = counter("scans_total", "Readings of holdings that were recorded.", "database", "table")
	m.scanned = gauge("scan_timestamp_seconds", "When the snapshot of the last recorded reading was taken, Unix time.", "database", "table")
	m.scannedRows = gauge("scan_rows", "Rows of the last recorded reading.", "database", "table")
	gauge("build_info", "Always 1.", "version").WithLabelValues(version).Set(1)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Label is a name and its value.
type Label struct{ Name, Value string }

// Gauge shows what read returns at every scrape; read must not block for long.
func (m *Meter) Gauge(name, help string, read func() float64, labels ...Label) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Name: "sekisho_" + name, Help: help, ConstLabels: constant(labels)}, read))
}

// Counter is Gauge for numbers that never fall.
func (m *Meter) Counter(name, help string, read func() float64, labels ...Label) {
	m.registry.MustRegister(prometheus.NewCounterFunc(
		prometheus.CounterOpts{Name: "sekisho_" + name, Help: help, ConstLabels: constant(labels)}, read))
}

func constant(labels []Label) prometheus.Labels {
	out := prometheus.Labels{}
	for _, l := range labels {
		out[l.Name] = l.Value
	}
	return out
}

// Handler answers GET /metrics.
func (m *Meter) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))
	return mux
}

// Serve answers on l until ctx ends; then it returns nil.
func (m *Meter) Serve(ctx context.Context, l net.Listener, log *slog.Logger) error {
	s := &http.Server{
		Handler: m.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { stopped <- s.Close() })
	err := s.Serve(l)
	if stop() {
		return err // nobody asked
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, <-stopped)
}

// className is the label of a class.
func className(c event.Class) string {
	if int(c) < len(classNames) && classNames[c] != "" {
		return classNames[c]
	}
	return "other"
}

var classNames = [...]string{event.Exact: "exact", event.Bounded: "bounded", event.Aggregate: "aggregate"}
