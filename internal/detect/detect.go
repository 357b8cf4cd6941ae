package detect

import (
	"time"

	"sekisho/internal/event"
)

// Kind is what was found. The words are stable: they stand in events.
type Kind string

// The kinds.
const (
	FirstContact Kind = "first-contact"   // a server talks to a destination for the first time
	Beacon       Kind = "beacon"          // a host calls a destination at regular times
	Tunnel       Kind = "dns-tunnel"      // names that a host asks for carry data
	Long         Kind = "long-connection" // one connection stays for hours
	Volume       Kind = "volume"          // much more left than this host ever sends
	Leak         Kind = "persons-left"    // a host read persons, and more than usual left it
)

// kinds in the order of their bits in a pair's record of what was raised.
var kinds = []Kind{FirstContact, Beacon, Tunnel, Long, Volume, Leak}

// Flow is a connection that has ended, or a reading of one that goes on.
type Flow struct {
	At       time.Time     // when it began
	Host     string        // who inside, as the gate saw it: an address
	Server   bool          // Host has the role of a server: it serves, and has few reasons to call
	Dest     string        // the name that was asked for, else the address; lower case
	Named    bool          // a rule of the policy names this very destination for this role: contacts, also regular ones, are meant
	Lasted   time.Duration // so far
	Sent     uint64        // bytes that left, since the last reading
	Received uint64        // bytes that came back, since the last reading
	Again    bool          // a further reading of a connection that was seen before
	// Content is what the gate saw of the connection itself (method, server
	// name, protocol). Findings keep that of the latest contact.
	Content []Feature
}

// Query is one question to the resolver: its Name, or, where the name is not
// kept, what is known of it.
type Query struct {
	At       time.Time
	Host     string
	Name     string // without the last dot; case does not matter
	Base     string // registered domain, when Name is empty
	Mark     string // tells names apart, when Name is empty
	Bytes    int    // length of what stands before Base, when Name is empty
	Type     uint16 // of the record, RFC 1035 §3.2.2
	Answered uint64 // bytes of the answer
}

// Read is what a database gate let a host read.
type Read struct {
	At       time.Time
	Host     string // client address at the database gate
	Source   event.SubjectSource
	Subjects event.Set // exact: who
	Bounded  uint64    // not exact: at most so many persons
}

// Feature is a measured property, with its unit in the name where it has one.
type Feature struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Finding is something suspicious. Host and Dest are empty where they have no
// meaning.
type Finding struct {
	Kind     Kind
	At       time.Time // of the observation that led to it
	From     time.Time // beginning of what it speaks of
	Host     string
	Dest     string
	Score    float64 // 0 to 1: how sure; 1 for kinds that are facts
	Learning bool    // in the learning time: it may have been so always
	Further  bool    // the same kind was raised for this destination before: no new alarm, one host more
	Features []Feature
}

// Config bounds a Detector and says when it speaks. Zero fields get the
// defaults.
type Config struct {
	Hosts        int // hosts that are remembered. Default 65,536
	Pairs        int // (host, destination) pairs that are remembered. Default 1,048,576
	PairsOfHost  int // of one host. Default 4,096
	Domains      int // (host, registered domain) pairs of the resolver. Default 524,288
	DomainsOfOne int // of one host. Default 2,048

	// Learn is how long nothing is called new. Default 24 h.
	Learn time.Duration
	// Common is the share of all hosts that makes a destination common: what
	// everybody uses is no beacon, unless it is new for all. Default 0.01, and
	// never fewer than 5 hosts.
	Common float64

	BeaconScore float64       // from which a beacon is raised. Default 0.75
	BeaconSpan  time.Duration // how long it must go on, unless the host is a server. Default 6 h
	TunnelBytes float64       // information in names, decaying by half every 6 h. Default 8 KiB
	LongServer  time.Duration // of a server. Default 1 h
	LongOther   time.Duration // of others, to destinations that are not common. Default 8 h
	VolumeFloor uint64        // bytes an hour below which volume is never raised. Default 200 MiB
	LeakPersons uint64        // persons within an hour below which Leak is never raised. Default 50
}

func setDefault[T int | float64 | uint64 | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

func (c *Config) fill() {
	setDefault(&c.Hosts, 1<<16)
	setDefault(&c.Pairs, 1<<20)
	setDefault(&c.PairsOfHost, 1<<12)
	setDefault(&c.Domains, 1<<19)
	setDefault(&c.DomainsOfOne, 1<<11)
	setDefault(&c.Learn, 24*time.Hour)
	setDefault(&c.Common, 0.01)
	setDefault(&c.BeaconScore, 0.75)
	setDefault(&c.BeaconSpan, 6*time.Hour)
	setDefault(&c.TunnelBytes, 8<<10)
	setDefault(&c.LongServer, time.Hour)
	setDefault(&c.LongOther, 8*time.Hour)
	setDefault(&c.VolumeFloor, 200<<20)
	setDefault(&c.LeakPersons, 50)
}

// Detector is the streaming state. It is not safe for concurrent use.
type Detector struct {
	cfg   Config
	begin int64 // first time seen, ns
	now   int64 // latest time seen, ns
	hosts *table[hostState]
	pairs *table[pair]
	names *table[nameTree]
}

// New returns a detector that has seen nothing.
func New(cfg Config) *Detector {
	cfg.fill()
	return &Detector{cfg: cfg,
		hosts: newTable[hostState](cfg.Hosts, 1),
		pairs: newTable[pair](cfg.Pairs, cfg.PairsOfHost),
		names: newTable[nameTree](cfg.Domains, cfg.DomainsOfOne),
	}
}

// Forgotten returns how many pairs were pushed out by newer ones. What is
// forgotten is new again when it is seen again.
func (d *Detector) Forgotten() uint64 { return d.pairs.dropped + d.names.dropped + d.hosts.dropped }

// Held returns how many pairs and hosts are remembered.
func (d *Detector) Held() int { return len(d.pairs.slots) + len(d.names.slots) + len(d.hosts.slots) }

// tick takes a time from outside. Times may come out of order: a connection is
// told of when it ends.
func (d *Detector) tick(at int64) {
	if d.begin == 0 || at < d.begin {
		d.begin = at
	}
	d.now = max(d.now, at)
}

// learned reports whether the learning time was over at.
func (d *Detector) learned(at int64) bool { return at-d.begin >= int64(d.cfg.Learn) }

// common reports whether so many hosts share something that it is ordinary.
func (d *Detector) common(hosts uint32) bool {
	return float64(hosts) >= max(5, d.cfg.Common*float64(len(d.hosts.cells)))
}

// Flow takes a connection and appends what it gives rise to.
func (d *Detector) Flow(dst []Finding, f *Flow) []Finding {
	at := f.At.UnixNano()
	d.tick(at)
	h, _, _ := d.hosts.at(f.Host, "")
	h.see(at)
	p, to, fresh := d.pairs.at(f.Host, f.Dest)
	if fresh {
		p.first = at
		if to.first == 0 {
			to.first = at
		}
	}
	o := observation{Flow: f, at: at, host: h, pair: p, dest: to}
	d.count(&o)
	dst = d.firstContact(dst, &o, fresh)
	dst = d.beacon(dst, &o)
	dst = d.long(dst, &o)
	dst = d.volume(dst, &o)
	return d.leak(dst, &o)
}

// observation is a flow with what is remembered of its parts. The pointers are
// good until the tables are asked again.
type observation struct {
	*Flow
	at   int64
	host *hostState
	pair *pair
	dest *destination
}

// raise makes a finding, once for each kind and pair.
func (d *Detector) raise(dst []Finding, o *observation, k Kind, from int64, score float64, features ...Feature) []Finding {
	if !o.pair.raise(k) {
		return dst
	}
	further := o.dest.raise(k)
	return append(dst, Finding{Kind: k, At: o.Flow.At.Add(o.Lasted), From: event.Time(from), Host: o.Host, Dest: o.Dest, Score: score,
		Learning: !d.learned(o.at), Further: further, Features: append(features, o.Content...)})
}

func bit(k Kind) uint8 {
	for i, other := range kinds {
		if other == k {
			return 1 << i
		}
	}
	panic("detect: a kind without a bit: " + string(k))
}

// firstContact speaks of servers whose destination no rule names.
func (d *Detector) firstContact(dst []Finding, o *observation, fresh bool) []Finding {
	if !fresh || !o.Server || o.Named || o.at-o.host.first < int64(d.cfg.Learn) {
		return dst
	}
	return d.raise(dst, o, FirstContact, o.at, 1, number("hosts_with_destination", float64(o.dest.pairs)), number("bytes_sent", float64(o.Sent)))
}

func (d *Detector) long(dst []Finding, o *observation) []Finding {
	if o.Server && o.Lasted >= d.cfg.LongServer && !o.Named || o.Lasted >= d.cfg.LongOther && !d.common(o.dest.pairs) {
		return d.raise(dst, o, Long, o.at, 1, number("seconds", o.Lasted.Seconds()), number("hosts_with_destination", float64(o.dest.pairs)))
	}
	return dst
}
