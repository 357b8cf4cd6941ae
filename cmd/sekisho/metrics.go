package main

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"sekisho/internal/config"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/gate/revproxy"
	"sekisho/internal/metrics"
)

// scanRecorder is the recorder of a database's scans and watch.
func (p *process) scanRecorder(d *config.Database) event.Recorder {
	var tables []event.Place
	for _, t := range scanTables(d) {
		tables = append(tables, t.Place)
	}
	return p.meter.Recorder(p.ledger.Recorder(event.Source("scan/"+string(place(d))), 0), d.Name, tables...)
}

// startMetrics shows the counters, where the configuration says so.
func (p *process) startMetrics(s *stage) error {
	if p.cfg.Metrics == nil {
		return nil
	}
	l, err := p.listenTLS(p.cfg.Metrics.Listen, p.cfg.Metrics.Cert, p.cfg.Metrics.Key)
	if err != nil {
		return fault.New(fault.MetricsListen, "address", p.cfg.Metrics.Listen).
			At(p.file, p.cfg.Line("metrics.listen"), "metrics.listen").Because(err)
	}
	p.meterProcess(s.ctx)
	for _, g := range p.gates {
		p.meterGate(g)
	}
	for _, g := range p.webs {
		p.meterWeb(g)
	}
	p.log.Info("metrics", "address", l.Addr().String())
	s.run("metrics", func(ctx context.Context) error { return p.meter.Serve(ctx, l, p.log) })
	return nil
}

// listenTLS listens, with TLS when there is a certificate.
func (p *process) listenTLS(address, certFile, keyFile string) (net.Listener, error) {
	var lc net.ListenConfig
	if certFile != "" {
		if _, err := tls.LoadX509KeyPair(certFile, keyFile); err != nil {
			return nil, err
		}
	}
	l, err := p.sockets.listen(&lc, address)
	if err != nil {
		return nil, err
	}
	if certFile != "" {
		l = tls.NewListener(l, &tls.Config{GetCertificate: renewed(certFile, keyFile, time.Now), MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"}})
	}
	return l, nil
}

// lagWait bounds the wait of a scrape for the disk.
const lagWait = 5 * time.Second

func (p *process) meterProcess(ctx context.Context) {
	m := p.meter
	m.Counter("ledger_events_total", "Events on disk.", func() float64 { return float64(p.ledger.Head()) })
	m.Gauge("ledger_events_waiting", "Events taken that are not on disk yet.", func() float64 {
		head := p.ledger.Head() // first, so that the difference is not negative
		return float64(p.ledger.Taken() - head)
	})
	m.Gauge("ledger_durable_lag_seconds", "How long it took, just now, until everything taken was on disk; at most 5.", func() float64 {
		return p.durableLag(ctx).Seconds()
	})
	m.Gauge("ledger_stopped", "1 while the ledger takes no events because its disk is full or failed.", func() float64 {
		if p.outage() != nil {
			return 1
		}
		return 0
	})
	m.Gauge("view_events_behind", "Events on disk that the disclosure view does not hold yet.", func() float64 {
		folded := p.view.folded()
		return max(0, float64(p.ledger.Head())-float64(folded))
	})
	m.Gauge("policy_generation", "Generation of the policy in force.", func() float64 { return float64(p.policy.Load().Generation()) })
}

func (p *process) durableLag(ctx context.Context) time.Duration {
	begin, taken := time.Now(), p.ledger.Taken()
	if taken == 0 || p.ledger.Head() >= taken {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, lagWait)
	defer cancel()
	_, _ = p.ledger.Wait(ctx, taken-1) // a ledger that stopped shows as the longest lag
	if p.ledger.Head() < taken {
		return lagWait
	}
	return time.Since(begin)
}

func (p *process) meterWeb(g *webGate) {
	label := metrics.Label{Name: "gate", Value: g.label}
	for _, c := range []struct {
		name, help string
		read       func(*revproxy.Metrics) uint64
	}{
		{"web_requests_total", "Requests passed to an upstream.", func(m *revproxy.Metrics) uint64 { return m.Exchanges }},
		{"web_refused_total", "Requests and responses refused or cut, for whatever reason.", func(m *revproxy.Metrics) uint64 { return m.Refused }},
		{"web_cards_total", "Requests and responses refused or cut for a card number.", func(m *revproxy.Metrics) uint64 { return m.Cards }},
		{"web_misread_total", "Requests refused because servers read them differently.", func(m *revproxy.Metrics) uint64 { return m.Misread }},
		{"web_upstream_failures_total", "Requests that no upstream answered.", func(m *revproxy.Metrics) uint64 { return m.Failed }},
		{"web_connections_turned_away_total", "Connections beyond the limits.", func(m *revproxy.Metrics) uint64 { return m.TurnedAway }},
		{"web_responses_stalled_total", "Responses that ended because the client took no more of them.", func(m *revproxy.Metrics) uint64 { return m.Stalled }},
	} {
		p.meter.Counter(c.name, c.help, func() float64 { m := g.server.Metrics(); return float64(c.read(&m)) }, label)
	}
	for reason, read := range map[string]func(*revproxy.Floods) uint64{
		"resets": func(f *revproxy.Floods) uint64 { return f.Resets },
		"frames": func(f *revproxy.Floods) uint64 { return f.Frames },
		"broken": func(f *revproxy.Floods) uint64 { return f.Broken },
	} {
		p.meter.Counter("web_floods_total", "Connections of HTTP/2 that were closed: most requests given up, frames without requests, or rules of the protocol broken.", func() float64 {
			m := g.server.Metrics()
			return float64(read(&m.Floods))
		}, label, metrics.Label{Name: "reason", Value: reason})
	}
	p.meter.Gauge("web_requests_open", "Requests under way.", func() float64 { return float64(g.server.Metrics().Open) }, label)
	p.meter.Gauge("web_upstreams", "Servers of the sites.", func() float64 { return float64(g.server.Metrics().Upstreams) }, label)
	p.meter.Gauge("web_upstreams_well", "Servers of the sites that are used.", func() float64 { return float64(g.server.Metrics().Well) }, label)
	p.meter.Gauge("web_bypass_open", "1 while an operator has opened the direct way around the gate.", func() float64 {
		if g.server.Unseen() {
			return 1
		}
		return 0
	}, label)
}

func (p *process) meterGate(g *gate) {
	label := metrics.Label{Name: "gate", Value: g.cfg.Name}
	gauge := func(name, help string, read func() float64) { p.meter.Gauge(name, help, read, label) }
	counter := func(name, help string, read func() uint64) {
		p.meter.Counter(name, help, func() float64 { return float64(read()) }, label)
	}
	gauge("gate_sessions", "Client sessions that are open.", func() float64 { return float64(len(g.server.Sessions())) })
	gauge("gate_logins", "Logins under way.", func() float64 { return float64(g.server.Carried().Pending) })
	gauge("gate_bypass_open", "1 while an operator has opened the direct way around the gate.", func() float64 {
		if g.bypass.open.Load() {
			return 1
		}
		return 0
	})
	gauge("gate_bypass_sessions", "Client sessions on the direct way.", func() float64 { return float64(g.bypass.sessions()) })
	n := g.server.Metrics()
	counter("gate_sessions_total", "Client sessions carried.", n.Sessions.Load)
	counter("gate_login_failures_total", "Logins that failed, clients that only left not counted.", n.LoginFailures.Load)
	counter("gate_statements_total", "Statements that ended well, protected or not.", n.Statements.Load)
	counter("gate_rows_total", "Rows passed to clients, protected or not.", n.Rows.Load)
	counter("gate_refused_total", "Statements that the policy refused.", n.Refused.Load)
	counter("gate_cut_total", "Statements that the policy cut in the middle.", n.Cut.Load)
	counter("gate_redacted_total", "Errors and notices of the server that were redacted.", n.Redacted.Load)
	counter("gate_injected_total", "Statements that got a subject key.", n.Injected.Load)
	counter("gate_lost_total", "Sessions whose protocol could not be followed: bounded from there on.", n.Lost.Load)
	counter("gate_analysis_failures_total", "Statements whose lineage could not be read: bounded.", n.AnalysisFailures.Load)
	counter("gate_lineage_mismatches_total", "Lineage that did not fit the rows: bounded.", n.Mismatches.Load)
	counter("gate_recorder_failures_total", "Records that the ledger did not take.", n.RecorderFailures.Load)
}
