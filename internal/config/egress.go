package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"time"

	"sekisho/internal/fault"
	"sekisho/internal/policy/exit"
)

// Egress is what leaves: its policy and the gates that keep it.
type Egress struct {
	PolicyFile string       `yaml:"policy_file" doc:"File with who may reach what (docs/guide/egress.md). Reloaded on SIGHUP and on sekisho policy reload. Required."`
	Gates      []EgressGate `yaml:"gates,omitempty" doc:"Forward proxies and transparent gates."`
	Resolvers  []Resolver   `yaml:"resolvers,omitempty" doc:"Gates for names (DNS). The gates above resolve through the first; without one, as the system does."`
}

// EgressGate is a gate for what leaves.
type EgressGate struct {
	Name        string         `yaml:"name" doc:"Name in events: letters, digits, - and _. Required, unique among all gates."`
	Listen      string         `yaml:"listen,omitempty" doc:"Address ip:port of the forward proxy: HTTP, CONNECT and SOCKS5 on one port. This or transparent is required. Unique."`
	Transparent string         `yaml:"transparent,omitempty" doc:"Address ip:port where the network leads connections (sekisho egress setup prints how). Linux. Unique."`
	TLS         EgressTLS      `yaml:"tls,omitempty" doc:"TLS between clients and the proxy."`
	Users       string         `yaml:"users,omitempty" doc:"File of lines \"user\" \"SCRAM-SHA-256$…\" (as in pg_authid), mode 0600: who may log in at the proxy. Default: nobody can."`
	OnFailure   string         `yaml:"on_failure,omitempty" doc:"closed: what cannot be recorded does not leave. open: it leaves and a gap is written. Default: closed." enum:"closed,open"`
	Strict      bool           `yaml:"strict,omitempty" doc:"Every flow waits for its record to be on disk. Default: false."`
	Upstream    EgressUpstream `yaml:"upstream,omitempty" doc:"A proxy beyond the gate. Default: none."`
	Read        *EgressRead    `yaml:"read,omitempty" doc:"Say whose data leaves: look into what goes to entries of the policy with inner: read, with certificates of an own authority (sekisho egress ca). Default: nothing is looked into."`
	Limits      EgressLimits   `yaml:"limits,omitempty" doc:"What one gate bears."`
	Portable    bool           `yaml:"portable,omitempty" doc:"Use ordinary goroutines instead of epoll. Default: false on Linux."`
}

// EgressTLS is TLS between clients and the proxy.
type EgressTLS struct {
	Cert     string `yaml:"cert,omitempty" doc:"PEM file of the certificate chain."`
	Key      string `yaml:"key,omitempty" doc:"PEM file of its key, mode 0600."`
	ClientCA string `yaml:"client_ca,omitempty" doc:"PEM file of the authorities that may sign clients' certificates, whose common names the policy knows."`
}

// EgressRead says whose data leaves.
type EgressRead struct {
	Databases []string `yaml:"databases,omitempty" doc:"Databases whose persons may be in what leaves here. Default: all."`
	Roots     string   `yaml:"roots,omitempty" doc:"PEM file of the authorities that may vouch for servers. Default: the system's."`
}

// EgressUpstream is a proxy beyond the gate.
type EgressUpstream struct {
	Address string `yaml:"address,omitempty" doc:"Address host:port of a proxy that speaks CONNECT."`
	ByName  bool   `yaml:"by_name,omitempty" doc:"It resolves names itself; the gate then cannot check addresses. Default: false, it is given the checked address."`
}

// EgressLimits bound a gate.
type EgressLimits struct {
	Connections int      `yaml:"connections,omitempty" doc:"Connections of clients at once, from 1 to 100000. Default: 10000."`
	PerClient   int      `yaml:"per_client,omitempty" doc:"Connections of one client at once, from 1 to 100000. Default: 1000."`
	Handshake   Duration `yaml:"handshake,omitempty" doc:"Time until a client has said where it goes and what it carries, from 1s to 5m. Default: 10s."`
	Dial        Duration `yaml:"dial,omitempty" doc:"Time to resolve and to connect, from 1s to 5m. Default: 10s."`
	Idle        Duration `yaml:"idle,omitempty" doc:"Time after which a tunnel without a byte is closed, from 1m to 24h. Default: 1h."`
	Lifetime    Duration `yaml:"lifetime,omitempty" doc:"Time after which a tunnel is closed whatever it does, from 1m to 720h. Default: none."`
	Bandwidth   Bytes    `yaml:"bandwidth,omitempty" doc:"Bytes a second in each direction of one flow, from 16KiB to 1GiB. Default: no bound."`
	Drain       Duration `yaml:"drain,omitempty" doc:"Time that flows get to end when the gate stops. Default: 10s."`
}

func (c *Config) egressDefaults() {
	if c.Egress == nil {
		return
	}
	for i := range c.Egress.Resolvers {
		setDefault(&c.Egress.Resolvers[i].OnFailure, "closed")
		setDefault(&c.Egress.Resolvers[i].Entries, 100_000)
	}
	for i := range c.Egress.Gates {
		g := &c.Egress.Gates[i]
		setDefault(&g.OnFailure, "closed")
		setDefault(&g.Limits.Connections, 10_000)
		setDefault(&g.Limits.PerClient, 1_000)
		setDefault(&g.Limits.Handshake, Duration(10*time.Second))
		setDefault(&g.Limits.Dial, Duration(10*time.Second))
		setDefault(&g.Limits.Idle, Duration(time.Hour))
		setDefault(&g.Limits.Drain, Duration(defaultDrain))
	}
}

func (c *Config) egressPaths() (paths []*string) {
	if c.Hub != nil {
		paths = append(paths, &c.Hub.PolicyFile)
	}
	if c.Egress == nil {
		return paths
	}
	paths = append(paths, &c.Egress.PolicyFile)
	for i := range c.Egress.Gates {
		g := &c.Egress.Gates[i]
		paths = append(paths, &g.TLS.Cert, &g.TLS.Key, &g.TLS.ClientCA, &g.Users)
		if g.Read != nil {
			paths = append(paths, &g.Read.Roots)
		}
	}
	for i := range c.Egress.Resolvers {
		r := &c.Egress.Resolvers[i]
		paths = append(paths, &r.TLS.Cert, &r.TLS.Key)
	}
	return paths
}

func (k *checker) egress(e *Egress, names, listens map[string]string) {
	k.require("egress.policy_file", e.PolicyFile, "name the file with who may reach what")
	if len(e.Gates) == 0 && len(e.Resolvers) == 0 {
		k.missing("egress.gates", "name at least one gate")
	}
	for i := range e.Gates {
		path := fmt.Sprintf("egress.gates[%d]", i)
		k.name(path+".name", e.Gates[i].Name, names)
		k.egressGate(path, &e.Gates[i], listens)
	}
	for i := range e.Resolvers {
		path := fmt.Sprintf("egress.resolvers[%d]", i)
		k.name(path+".name", e.Resolvers[i].Name, names)
		k.resolver(path, &e.Resolvers[i], listens)
	}
}

func (k *checker) egressGate(path string, g *EgressGate, listens map[string]string) {
	others := false
	if g.Listen != "" {
		others = k.listen(path+".listen", g.Listen, listens)
	}
	if g.Transparent != "" {
		k.listen(path+".transparent", g.Transparent, listens)
	}
	if g.Listen == "" && g.Transparent == "" {
		k.missing(path+".listen", "write the address to listen on, such as 127.0.0.1:3128")
	}
	if (g.TLS.Cert == "") != (g.TLS.Key == "") {
		k.add(path+".tls", fault.New(fault.ConfigConflict, "problem", "TLS needs both cert and key", "hint", "name both files"))
	}
	if g.TLS.ClientCA != "" && g.TLS.Cert == "" {
		k.add(path+".tls.client_ca", fault.New(fault.ConfigConflict, "problem", "clients show certificates inside TLS only", "hint", "set tls.cert and tls.key"))
	}
	if g.Users != "" && others && g.TLS.Cert == "" {
		k.add(path+".users", fault.New(fault.ConfigConflict, "problem", "passwords would cross the network in plain text", "hint", "set tls.cert and tls.key, or listen on 127.0.0.1"))
	}
	k.oneOf(path+".on_failure", g.OnFailure, "closed", "open")
	if g.Upstream.Address != "" {
		k.address(path+".upstream.address", g.Upstream.Address)
	} else if g.Upstream.ByName {
		k.missing(path+".upstream.address", "write the address of the proxy beyond, such as proxy.example:3128")
	}
	l := &g.Limits
	k.count(path+".limits.connections", l.Connections, 100_000)
	k.count(path+".limits.per_client", l.PerClient, 100_000)
	k.within(path+".limits.handshake", l.Handshake, time.Second, 5*time.Minute)
	k.within(path+".limits.dial", l.Dial, time.Second, 5*time.Minute)
	k.within(path+".limits.idle", l.Idle, time.Minute, 24*time.Hour)
	k.within(path+".limits.lifetime", l.Lifetime, time.Minute, 720*time.Hour)
	k.size(path+".limits.bandwidth", l.Bandwidth, 16<<10, 1<<30)
	k.within(path+".limits.drain", l.Drain, time.Millisecond, time.Hour)
}

// exitPolicy compiles the policy of what leaves.
func (k *checker) exitPolicy(l *Loaded) {
	if l.Egress == nil || l.Egress.PolicyFile == "" {
		return
	}
	file := l.Egress.PolicyFile
	if !filepath.IsAbs(file) {
		file = filepath.Join(filepath.Dir(k.file), file)
	}
	p, err := ExitPolicyFile(file)
	if err != nil {
		k.found = append(k.found, fault.Faults(err)...)
		return
	}
	l.Exit = p
}

// ExitPolicyFile reads and compiles a policy of what leaves on its own.
func ExitPolicyFile(file string) (*exit.Policy, error) {
	text, err := readFile(file)
	if err != nil {
		return nil, err
	}
	return ExitPolicyText(file, text)
}

// ExitPolicyText compiles the text of a policy of what leaves; file names it in
// errors.
func ExitPolicyText(file string, text []byte) (*exit.Policy, error) {
	src := new(exit.Source)
	doc, err := decode(file, text, src)
	if err != nil {
		return nil, err
	}
	p, err := exit.Compile(src)
	if err == nil {
		return p, nil
	}
	return nil, each(err, func(e *exit.Error) *fault.Error {
		return fault.New(policyCode(e.Path), "place", e.Path, "problem", e.What, "hint", e.Try).At(file, lineOf(doc, e.Path), e.Path)
	})
}

// Resolver is a gate for names.
type Resolver struct {
	Name      string             `yaml:"name" doc:"Name in events: letters, digits, - and _. Required, unique among all gates."`
	Listen    string             `yaml:"listen" doc:"Address ip:port for DNS over UDP and TCP: one address, not 0.0.0.0. Required, unique."`
	TLS       ResolverTLS        `yaml:"tls,omitempty" doc:"DNS over TLS."`
	Upstreams []ResolverUpstream `yaml:"upstreams" doc:"Resolvers of your own or of your provider, asked in order until one answers. Required."`
	Sinkhole  []string           `yaml:"sinkhole,omitempty" doc:"Addresses that refused names lead to. Default: there is no such name."`
	Entries   int                `yaml:"entries,omitempty" doc:"Answers kept in memory, from 1000 to 10000000. Default: 100000."`
	OnFailure string             `yaml:"on_failure,omitempty" doc:"closed: what cannot be recorded is not asked. open: it is asked and a gap is written. Default: closed." enum:"closed,open"`
	Strict    bool               `yaml:"strict,omitempty" doc:"Every question waits for its record to be on disk. Default: false."`
}

// ResolverTLS is DNS over TLS.
type ResolverTLS struct {
	Listen string `yaml:"listen,omitempty" doc:"Address ip:port for DNS over TLS, usually port 853."`
	Cert   string `yaml:"cert,omitempty" doc:"PEM file of the certificate chain."`
	Key    string `yaml:"key,omitempty" doc:"PEM file of its key, mode 0600."`
}

// ResolverUpstream is a resolver that is asked.
type ResolverUpstream struct {
	Address    string `yaml:"address" doc:"Address ip:port. Required."`
	ServerName string `yaml:"server_name,omitempty" doc:"Name in its certificate: it is asked over TLS then. Default: UDP, and TCP for long answers."`
}

func (k *checker) resolver(path string, r *Resolver, listens map[string]string) {
	if k.require(path+".listen", r.Listen, "write the address to listen on, such as 127.0.0.1:53") {
		k.listen(path+".listen", r.Listen, listens)
		if a, err := netip.ParseAddrPort(r.Listen); err == nil && a.Addr().IsUnspecified() {
			k.value(path+".listen", r.Listen, "answers would come from another address than was asked", "name one address of this machine")
		}
	}
	if r.TLS.Listen != "" {
		k.listen(path+".tls.listen", r.TLS.Listen, listens)
	}
	if (r.TLS.Listen == "") != (r.TLS.Cert == "") || (r.TLS.Cert == "") != (r.TLS.Key == "") {
		k.add(path+".tls", fault.New(fault.ConfigConflict, "problem", "DNS over TLS needs listen, cert and key", "hint", "write all three"))
	}
	if len(r.Upstreams) == 0 {
		k.missing(path+".upstreams", "name at least one resolver of your own or of your provider")
	}
	for i, u := range r.Upstreams {
		at := fmt.Sprintf("%s.upstreams[%d].address", path, i)
		if k.require(at, u.Address, "write the resolver's address, such as 192.0.2.53:53") {
			if _, err := netip.ParseAddrPort(u.Address); err != nil {
				k.value(at, u.Address, "it is not ip:port", "write for example 192.0.2.53:53")
			}
		}
	}
	for i, text := range r.Sinkhole {
		if _, err := netip.ParseAddr(text); err != nil {
			k.value(fmt.Sprintf("%s.sinkhole[%d]", path, i), text, "it is not an address", "write for example 192.0.2.53")
		}
	}
	if r.Entries != 0 && (r.Entries < 1000 || r.Entries > 10_000_000) {
		k.value(path+".entries", fmt.Sprint(r.Entries), "it must be from 1000 to 10000000", "choose a number within these")
	}
	k.oneOf(path+".on_failure", r.OnFailure, "closed", "open")
}
