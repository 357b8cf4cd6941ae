// Package feed turns events into what package detect takes, and what it finds
// into events: flows and questions of egress gates and resolvers, who was read
// at a database gate, and whether a destination is on a list of known bad ones.
//
// It is pure: events go in, in the order of the ledger, and Detections come
// out, each once, also when what the ledger already holds is given again. It
// records nothing and knows no clock.
package feed

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"sekisho/internal/detect"
	"sekisho/internal/event"
	"sekisho/internal/indicator"
)

// Listed is the word for a destination on a list, in Detection.What.
const Listed = "indicator"

// Code is the code under which a kind of Detection is explained.
func Code(what string) string {
	for i, k := range []string{string(detect.FirstContact), string(detect.Beacon), string(detect.Tunnel), string(detect.Long), string(detect.Volume), string(detect.Leak), Listed} {
		if k == what {
			return fmt.Sprintf("SK%d", 3901+i)
		}
	}
	return ""
}

// mostOpen bounds the flows and sessions that are under way. What is beyond is
// seen when it ends, without what the beginning said.
const mostOpen = 200_000

// mostTold bounds the Detections that are remembered.
const mostTold = 1_000_000

// Config is what a Feed needs.
type Config struct {
	Detect detect.Config
	// Servers are roles whose hosts are servers. A host that reads at a
	// database gate is one without being named.
	Servers []string
	Lists   *indicator.Set // nil: none
	// Site is the name under which this process ships events, or empty. Hosts seen
	// by gates of other processes are told apart by those: "10.0.0.5@osaka". Two
	// sites may use the same addresses.
	Site string
}

// Feed holds what is under way. It is not safe for concurrent use.
type Feed struct {
	cfg      Config
	detector *detect.Detector
	servers  map[string]bool   // roles
	readers  map[string]bool   // hosts that read at a database gate
	flows    map[string]*flow  // by source and id
	sessions map[string]string // source and session → address
	told     map[string]bool   // keys of Detections that were made
}

type flow struct {
	detect.Flow
	began          bool // Flow was given once
	sent, received uint64
}

// New returns a feed that has seen nothing.
func New(cfg Config) *Feed {
	f := &Feed{cfg: cfg, detector: detect.New(cfg.Detect), servers: map[string]bool{}, readers: map[string]bool{},
		flows: map[string]*flow{}, sessions: map[string]string{}, told: map[string]bool{}}
	for _, role := range cfg.Servers {
		f.servers[role] = true
	}
	return f
}

// key tells Detections apart: of one kind, host and destination there is one,
// of volume and persons one an hour.
func key(d *event.Detection) string {
	k := d.What + "\x00" + d.Host + "\x00" + d.Dest
	if d.What == string(detect.Volume) || d.What == string(detect.Leak) {
		k += "\x00" + strconv.FormatInt(d.At/int64(time.Hour), 10)
	}
	return k
}

// Event takes one event and returns what it gives rise to.
func (f *Feed) Event(e *event.Event) []*event.Detection {
	var found []detect.Finding
	var listed []*event.Detection
	switch b := e.Body.(type) {
	case *event.Flow:
		found, listed = f.begin(e, b)
	case *event.FlowBytes:
		found = f.reading(flowKey(e, b.ID), b.Sent, b.Received, b.Nanos, false)
	case *event.FlowEnd:
		if fl := f.flows[flowKey(e, b.ID)]; fl != nil && b.Name != "" && b.Name != fl.Dest {
			fl.Content = append(fl.Content, detect.Feature{Name: "server_name", Value: b.Name})
			listed = f.list(listed, e, fl.Host, fl.Dest, b.Name, "")
		}
		found = f.reading(flowKey(e, b.ID), b.Sent, b.Received, b.Nanos, true)
	case *event.Lookup:
		found = f.detector.Query(nil, &detect.Query{At: e.At, Host: f.host(e, b.Client), Base: b.Base, Mark: b.Mark, Bytes: b.Bytes, Type: recordTypes[b.Type]})
		listed = f.list(nil, e, f.host(e, b.Client), b.Base, b.Name, "")
	case *event.SessionOpen:
		// What leaves by an egress gate is no reading of persons: it is what left.
		if len(f.sessions) < mostOpen && !strings.HasPrefix(string(b.Place), "egress/") {
			f.sessions[session(e, b.Session)] = f.host(e, b.Address)
		}
	case *event.SessionClose:
		delete(f.sessions, session(e, b.Session))
	case *event.Crossing:
		f.crossing(e, b)
	case *event.Detection:
		f.told[key(b)] = true
	}
	out := listed
	for i := range found {
		out = append(out, body(&found[i]))
	}
	return f.once(out)
}

// once leaves out what was made before. What is too much to remember is made
// again.
func (f *Feed) once(all []*event.Detection) (fresh []*event.Detection) {
	if len(f.told) > mostTold {
		clear(f.told)
	}
	for _, d := range all {
		if k := key(d); !f.told[k] {
			f.told[k] = true
			fresh = append(fresh, d)
		}
	}
	return fresh
}

func body(x *detect.Finding) *event.Detection {
	d := &event.Detection{What: string(x.Kind), Host: x.Host, Dest: x.Dest, From: x.From.UnixNano(), At: x.At.UnixNano(), Score: x.Score, Learning: x.Learning, Further: x.Further}
	for _, p := range x.Features {
		d.Features = append(d.Features, event.DetectionFeature{Name: p.Name, Value: p.Value})
	}
	return d
}

func session(e *event.Event, s event.Session) string {
	return string(e.Source) + "\x00" + strconv.FormatUint(uint64(s), 16)
}

func flowKey(e *event.Event, id string) string { return string(e.Source) + "\x00" + id }

// host names a host by the address that a gate saw, and by whose gate it was.
func (f *Feed) host(e *event.Event, address string) string {
	if _, site, remote := strings.Cut(string(e.Source), "@"); remote && site != f.cfg.Site && address != "" {
		return address + "@" + site
	}
	return address
}

// begin notes a flow. A refused one has no end: it is a contact all the same.
func (f *Feed) begin(e *event.Event, b *event.Flow) (found []detect.Finding, listed []*event.Detection) {
	host := f.host(e, b.Client)
	fl := &flow{Flow: detect.Flow{At: e.At, Host: host, Server: f.servers[b.Role] || f.readers[host], Dest: b.Host,
		Named:   b.Action == "allow" && b.Step == "allow",
		Content: content(b)}}
	listed = f.list(nil, e, host, b.Host, b.Host, b.Address)
	if b.Action == "refuse" {
		return f.detector.Flow(nil, &fl.Flow), listed
	}
	if len(f.flows) < mostOpen {
		f.flows[flowKey(e, b.ID)] = fl
	}
	return nil, listed
}

// content is what the gate saw of a flow.
func content(b *event.Flow) []detect.Feature {
	all := []detect.Feature{{Name: "protocol", Value: b.Protocol}, {Name: "port", Value: strconv.Itoa(int(b.Port))}, {Name: "decision", Value: b.Action + " " + b.Step}}
	for _, p := range []detect.Feature{{Name: "method", Value: b.Method}, {Name: "address", Value: b.Address}, {Name: "role", Value: b.Role}, {Name: "user", Value: b.User}} {
		if p.Value != "" {
			all = append(all, p)
		}
	}
	return all
}

// reading takes the counts of a flow so far.
func (f *Feed) reading(key string, sent, received uint64, nanos int64, end bool) []detect.Finding {
	fl := f.flows[key]
	if fl == nil {
		return nil
	}
	if end {
		delete(f.flows, key)
	}
	fl.Again, fl.began = fl.began, true
	fl.Sent, fl.Received, fl.Lasted = sent-min(sent, fl.sent), received-min(received, fl.received), time.Duration(nanos)
	fl.sent, fl.received = sent, received
	return f.detector.Flow(nil, &fl.Flow)
}

// crossing tells whom a host read.
func (f *Feed) crossing(e *event.Event, b *event.Crossing) {
	host := f.sessions[session(e, b.Session)]
	if host == "" {
		return
	}
	f.readers[host] = true
	for i := range b.Parts {
		p := &b.Parts[i]
		r := detect.Read{At: event.Time(b.To), Host: host, Source: p.Source, Subjects: p.Subjects}
		if p.Class != event.Exact {
			r.Bounded = p.Rows
		}
		f.detector.Read(&r)
	}
}

// list looks a destination up.
func (f *Feed) list(dst []*event.Detection, e *event.Event, host, dest, name, address string) []*event.Detection {
	i, ok := f.cfg.Lists.Name(name, e.At)
	if a, err := netip.ParseAddr(address); !ok && err == nil {
		i, ok = f.cfg.Lists.Address(a, e.At)
	}
	if !ok {
		return dst
	}
	d := &event.Detection{What: Listed, Host: host, Dest: dest, From: e.At.UnixNano(), At: e.At.UnixNano(), Score: 1}
	for _, p := range []event.DetectionFeature{{Name: "list", Value: i.List}, {Name: "indicator", Value: i.Value}, {Name: "note", Value: i.Note}, {Name: "name", Value: name}, {Name: "address", Value: address}} {
		if p.Value != "" {
			d.Features = append(d.Features, p)
		}
	}
	return append(dst, d)
}

// recordTypes are the numbers of the types that carry data (IANA, DNS
// parameters); others are told by their names only.
var recordTypes = map[string]uint16{"A": 1, "NS": 2, "CNAME": 5, "NULL": 10, "MX": 15, "TXT": 16, "KEY": 25, "AAAA": 28, "SRV": 33, "HTTPS": 65}
