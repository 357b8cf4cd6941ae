package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"sekisho/internal/canary"
	"sekisho/internal/fault"
	"sekisho/internal/policy/site"
)

// Web is a web gate.
type Web struct {
	Name      string    `yaml:"name" doc:"Name in events: letters, digits, - and _. Required, unique among all gates."`
	Listen    string    `yaml:"listen" doc:"Address ip:port to listen on. Anything but loopback needs tls. Required, unique."`
	TLS       WebTLS    `yaml:"tls,omitempty" doc:"TLS towards browsers; HTTP/2 comes with it."`
	Sites     []Site    `yaml:"sites" doc:"The sites behind the gate. Requests of other hosts are refused. Required."`
	Paranoia  int       `yaml:"paranoia,omitempty" doc:"Level of the OWASP Core Rule Set, from 1 to 4: higher levels find more and are wrong more often. Default: 1."`
	Except    []int     `yaml:"except,omitempty" doc:"Rules of the rule set that do not count, by number, such as 942100."`
	Rules     string    `yaml:"rules,omitempty" doc:"File of the sites' own exceptions, virtual patches and typed fields. Read again on SIGHUP and on sekisho web reload; sekisho web except adds to it."`
	Learn     bool      `yaml:"learn,omitempty" doc:"Learn what the fields of pages hold, for sekisho web learned to show. Values are not kept. Default: false."`
	Hold      Bytes     `yaml:"hold,omitempty" doc:"How much of a request's body is held until it is judged, from 16KiB to 64MiB. Default: 1MiB."`
	Limits    WebLimits `yaml:"limits,omitempty" doc:"What clients may take, in memory and in time."`
	OnFailure string    `yaml:"on_failure,omitempty" doc:"closed: what cannot be recorded is refused with 503. open: it passes and a gap is written. Default: closed." enum:"closed,open"`
	Strict    bool      `yaml:"strict,omitempty" doc:"Every request waits for its record to be on disk. Default: false."`
}

// WebLimits bound what clients of a web gate may take.
type WebLimits struct {
	Connections int      `yaml:"connections,omitempty" doc:"Connections that may be open, up to 100000. Default: 16384."`
	PerAddress  int      `yaml:"per_address,omitempty" doc:"Connections of one address, with IPv6 one /64. Raise it where another proxy stands before the gate. Default: a quarter of connections."`
	Streams     int      `yaml:"streams,omitempty" doc:"Requests under way on one connection of HTTP/2, up to 1000. Default: 100."`
	HeaderBytes Bytes    `yaml:"header_bytes,omitempty" doc:"Bytes of a request's header, from 4KiB to 1MiB. Default: 64KiB."`
	Header      Duration `yaml:"header,omitempty" doc:"Time for a request's header, from 1s to 5m. Default: 10s."`
	Body        Duration `yaml:"body,omitempty" doc:"Wait for more of a request's body, from 1s to 10m. Default: 30s."`
	BodyRate    Bytes    `yaml:"body_rate,omitempty" doc:"Bytes a second that a body must come at after that time, on average, from 1 to 1MiB. Default: 500."`
	Send        Duration `yaml:"send,omitempty" doc:"Wait for a client to take more of a response, from 1s to 1h. Default: 2m."`
	Idle        Duration `yaml:"idle,omitempty" doc:"Wait for the next request of a connection, from 1s to 1h. Default: 2m."`
	Drain       Duration `yaml:"drain,omitempty" doc:"Time that requests get to end when the gate stops. Default: 10s."`
}

// WebTLS is TLS towards browsers.
type WebTLS struct {
	Cert string `yaml:"cert,omitempty" doc:"PEM file of the certificate chain."`
	Key  string `yaml:"key,omitempty" doc:"PEM file of its key, mode 0600."`
	// ACME obtains them instead.
	ACME *WebACME `yaml:"acme,omitempty" doc:"Obtain and renew the certificates of all sites from an authority by ACME, in place of cert and key."`
}

// WebACME says from whom certificates are obtained.
type WebACME struct {
	Agree     bool   `yaml:"agree" doc:"true: you accept the authority's terms of service. Required."`
	Email     string `yaml:"email,omitempty" doc:"Where the authority may write to."`
	Directory string `yaml:"directory,omitempty" doc:"Address of the authority's directory (RFC 8555), https. Default: that of Let's Encrypt."`
	Roots     string `yaml:"roots,omitempty" doc:"PEM file of whom the authority's own certificate is checked with, for one of your own. Default: whom the system trusts."`
}

// Site is one site behind a web gate.
type Site struct {
	Hosts     []string   `yaml:"hosts" doc:"Names that browsers ask for, without port. Required, unique in the gate."`
	Upstream  string     `yaml:"upstream" doc:"Where the site is: http://host:port or https://host:port. Required."`
	Others    []string   `yaml:"others,omitempty" doc:"More servers of the same site, as upstream. Each takes its turn; one that cannot be reached is passed over."`
	Health    *WebHealth `yaml:"health,omitempty" doc:"Ask upstream and others whether they are well. Default: one that cannot be reached is passed over for 5 seconds."`
	Firewall  string     `yaml:"firewall,omitempty" doc:"What is done about attacks: off, observe (record), report (record and raise) or enforce (refuse). Default: observe." enum:"off,observe,report,enforce"`
	Methods   []string   `yaml:"methods,omitempty" doc:"Methods that the firewall expects of requests, all of them, such as [GET, HEAD, POST, PUT, DELETE]; others count as an attack. Default: GET, HEAD, POST and OPTIONS."`
	Cards     string     `yaml:"cards,omitempty" doc:"What is done about card numbers in requests and responses: off, observe, report or enforce. Default: observe." enum:"off,observe,report,enforce"`
	Payment   []string   `yaml:"payment,omitempty" doc:"Beginnings of the paths that lead to payment, such as /checkout/. sekisho web stop payment stops them."`
	Paths     []SitePath `yaml:"paths,omitempty" doc:"Exceptions for paths; the longest prefix counts."`
	Pages     string     `yaml:"pages,omitempty" doc:"What is done about a part of a page under payment that goes to another host than a provider, asks for a card, or is not authorised: off, observe, report or enforce. Default: observe with providers, else off." enum:"off,observe,report,enforce"`
	Providers []Provider `yaml:"providers,omitempty" doc:"Payment providers: the only other hosts that the pages under payment may send to."`
	Logins    *Logins    `yaml:"logins,omitempty" doc:"Count attempts to log in by what came of them. Default: they are not counted."`
	Canary    *Canary    `yaml:"canary,omitempty" doc:"A walk through the checkout, on schedule, that proves that it leads to a provider and that a card number is refused. Default: none."`
	Persons   *Persons   `yaml:"persons,omitempty" doc:"Attribute responses to persons, so that sekisho scope answers for this site. Default: responses are counted only."`
}

// WebHealth says how the servers of a site are asked whether they are well.
type WebHealth struct {
	Path    string   `yaml:"path" doc:"Path to ask for; an answer below 400 is well. Required."`
	Every   Duration `yaml:"every,omitempty" doc:"Time between two questions, from 1s to 10m. Default: 10s."`
	Timeout Duration `yaml:"timeout,omitempty" doc:"Wait for an answer, from 100ms to 1m. Default: 2s."`
	Fails   int      `yaml:"fails,omitempty" doc:"Questions in a row that must fail, up to 100. Default: 2."`
}

// Logins says how attempts to log in to a site are counted. Requests with one
// field for a password and one for an account are attempts; paths name others.
type Logins struct {
	Paths    []LoginPath `yaml:"paths,omitempty" doc:"Paths whose fields have other names, or where success looks otherwise."`
	Session  int         `yaml:"session,omitempty" doc:"Failed attempts of one session within the window. 0: no limit. Default: 0."`
	Account  int         `yaml:"account,omitempty" doc:"Failed attempts for one account. 0: no limit. Default: 10."`
	Address  int         `yaml:"address,omitempty" doc:"Failed attempts from one address, with IPv6 one /64. 0: no limit. Default: 0."`
	Accounts int         `yaml:"accounts,omitempty" doc:"Accounts that may fail from one address or network (IPv4 /24, IPv6 /48): more is a list of passwords. Default: 20."`
	Window   Duration    `yaml:"window,omitempty" doc:"The time that is counted over, from 1m to 24h. Default: 1h."`
	Delay    Duration    `yaml:"delay,omitempty" doc:"How long an attempt waits once half of a limit is reached, up to 10s; with action enforce. Default: none."`
	Action   string      `yaml:"action,omitempty" doc:"What is done beyond a limit: observe, report or enforce (429 until the window is over). Default: report." enum:"observe,report,enforce"`
	Leaked   string      `yaml:"leaked,omitempty" doc:"File of leaked passwords: SHA-1 in hexadecimal, ascending, one a line. Whether a password was in it is recorded, never which."`
}

// LoginPath is an address of attempts.
type LoginPath struct {
	Path     string `yaml:"path" doc:"The path, such as /login. Required."`
	Account  string `yaml:"account,omitempty" doc:"Name of the field for the account."`
	Password string `yaml:"password,omitempty" doc:"Name of the field for the password."`
	Success  []int  `yaml:"success,omitempty" doc:"Statuses of an attempt that succeeded. Default: a redirect elsewhere, or an answer that is no page."`
}

// Provider is a payment provider.
type Provider struct {
	Host    string `yaml:"host" doc:"Its host, such as pay.example.com; every name under it is meant, too. Required."`
	AOC     string `yaml:"aoc,omitempty" doc:"Reference of its attestation of compliance (PCI DSS)."`
	Expires string `yaml:"expires,omitempty" doc:"Last day on which the attestation holds, such as 2027-03-31."`
}

// Canary is a walk through the checkout.
type Canary struct {
	Every Duration `yaml:"every,omitempty" doc:"Time between two, from 1m to 24h. Default: 1h."`
	Steps []string `yaml:"steps,omitempty" doc:"GET /path or POST /path field=value, in order; the last must lead to a provider. Steps or calls are required."`
	// Calls are in place of steps.
	Calls []canary.Call `yaml:"calls,omitempty" doc:"The requests of a checkout that a script sends on, in order, in place of steps. The test card number is then posted as JSON, too."`
	Card  string        `yaml:"card" doc:"Path that the test card number 4111 1111 1111 1111 is posted to; it must be refused. Required."`
}

// Persons says how what a site shows is attributed to persons.
type Persons struct {
	Databases []string `yaml:"databases,omitempty" doc:"Databases whose data the site shows; their identifiers tell persons. Default: all."`
	Cookies   []string `yaml:"cookies,omitempty" doc:"Cookies by which the application knows a session. Default: those of the usual frameworks, such as PHPSESSID and JSESSIONID."`
	Nobody    []string `yaml:"nobody,omitempty" doc:"Beginnings of paths that hold nobody's data, such as /static/. Personal data that is found there all the same is raised."`
	Ours      []string `yaml:"ours,omitempty" doc:"Values that are no person's, such as the shop's own e-mail address and telephone number."`
	Limits    Shown    `yaml:"limits,omitempty" doc:"How many other persons a visitor may be shown."`
}

// Shown limits how many other persons a visitor may be shown.
type Shown struct {
	Session int      `yaml:"session,omitempty" doc:"By one session. 0: no limit. Default: 0."`
	Account int      `yaml:"account,omitempty" doc:"By one account. 0: no limit. Default: 0."`
	Address int      `yaml:"address,omitempty" doc:"By one address, with IPv6 one /64. 0: no limit. Default: 0."`
	Window  Duration `yaml:"window,omitempty" doc:"The time that is counted over, from 1m to 24h. Default: 1h."`
	Action  string   `yaml:"action,omitempty" doc:"What is done beyond a limit: observe, report, or enforce (the response is not sent, and the visitor is refused until the window is over). Default: observe." enum:"observe,report,enforce"`
}

// SitePath is an exception for the paths under a prefix.
type SitePath struct {
	Prefix   string `yaml:"prefix" doc:"Beginning of the path, such as /admin/. Required."`
	Firewall string `yaml:"firewall,omitempty" doc:"As of the site. Default: that of the site." enum:"off,observe,report,enforce"`
	Cards    string `yaml:"cards,omitempty" doc:"As of the site. Default: that of the site." enum:"off,observe,report,enforce"`
}

func (c *Config) webDefaults() {
	for i := range c.Web {
		w := &c.Web[i]
		setDefault(&w.OnFailure, "closed")
		setDefault(&w.Paranoia, 1)
		setDefault(&w.Hold, 1<<20)
		l := &w.Limits
		setDefault(&l.Connections, 16<<10)
		setDefault(&l.PerAddress, max(1, l.Connections/4))
		setDefault(&l.Streams, 100)
		setDefault(&l.HeaderBytes, 64<<10)
		setDefault(&l.Header, Duration(10*time.Second))
		setDefault(&l.Body, Duration(30*time.Second))
		setDefault(&l.BodyRate, 500)
		setDefault(&l.Send, Duration(2*time.Minute))
		setDefault(&l.Idle, Duration(2*time.Minute))
		setDefault(&l.Drain, Duration(defaultDrain))
		for k := range w.Sites {
			s := &w.Sites[k]
			setDefault(&s.Firewall, "observe")
			setDefault(&s.Cards, "observe")
			if len(s.Providers) > 0 {
				setDefault(&s.Pages, "observe")
			}
			setDefault(&s.Pages, "off")
			if h := s.Health; h != nil {
				setDefault(&h.Every, Duration(10*time.Second))
				setDefault(&h.Timeout, Duration(2*time.Second))
				setDefault(&h.Fails, 2)
			}
			if s.Canary != nil {
				setDefault(&s.Canary.Every, Duration(time.Hour))
			}
			if l := s.Logins; l != nil {
				setDefault(&l.Account, 10)
				setDefault(&l.Accounts, 20)
				setDefault(&l.Window, Duration(time.Hour))
				setDefault(&l.Action, "report")
			}
			if p := s.Persons; p != nil {
				setDefault(&p.Limits.Window, Duration(time.Hour))
				setDefault(&p.Limits.Action, "observe")
			}
			for n := range s.Paths {
				setDefault(&s.Paths[n].Firewall, s.Firewall)
				setDefault(&s.Paths[n].Cards, s.Cards)
			}
		}
	}
}

// SiteRules reads and compiles the rules of sites. A file that is not there yet
// holds none. [Load] does not read it: a mistake in it must keep nobody from
// stopping a site.
func SiteRules(file string) (*site.Rules, []byte, error) {
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		r, err := site.Compile(&site.Source{})
		return r, nil, err
	}
	text, err := readFile(file)
	if err != nil {
		return nil, nil, err
	}
	r, err := SiteRulesText(file, text)
	return r, text, err
}

// SiteRulesText compiles rules that would be written to a file.
func SiteRulesText(file string, text []byte) (*site.Rules, error) {
	if len(text) > maxFile {
		return nil, fault.New(fault.ConfigUnreadable, "what", file).Because(fmt.Errorf("not a regular file of at most %s", Bytes(maxFile)))
	}
	src := new(site.Source)
	doc, err := decode(file, text, src)
	if err != nil {
		return nil, err
	}
	r, err := site.Compile(src)
	if err == nil {
		return r, nil
	}
	return nil, each(err, func(p *site.Problem) *fault.Error {
		return fault.New(fault.SiteRules, "place", p.Path, "problem", p.What, "hint", p.Try).At(file, lineOf(doc, p.Path), p.Path)
	})
}

// webModes are what can be done about an attack or a card number.
var webModes = []string{"off", "observe", "report", "enforce"}

func (k *checker) web(path string, w *Web, databases, listens map[string]string) {
	if k.require(path+".listen", w.Listen, "write the address to listen on, such as 127.0.0.1:8443") {
		if others := k.listen(path+".listen", w.Listen, listens); others && w.TLS.Cert == "" && w.TLS.ACME == nil {
			k.add(path+".listen", fault.New(fault.ConfigConflict, "problem", "a gate that others can reach needs TLS",
				"hint", "set tls.cert and tls.key or tls.acme, or listen on 127.0.0.1"))
		}
	}
	k.acme(path+".tls", w)
	if (w.TLS.Cert == "") != (w.TLS.Key == "") {
		k.add(path+".tls", fault.New(fault.ConfigConflict, "problem", "TLS needs both cert and key", "hint", "name both files"))
	}
	k.oneOf(path+".on_failure", w.OnFailure, "closed", "open")
	k.count(path+".paranoia", w.Paranoia, 4)
	k.size(path+".hold", w.Hold, 16<<10, 64<<20)
	k.webLimits(path+".limits", &w.Limits)
	if len(w.Sites) == 0 {
		k.missing(path+".sites", "name at least one site")
	}
	hosts := map[string]string{}
	for i := range w.Sites {
		at := fmt.Sprintf("%s.sites[%d]", path, i)
		k.site(at, &w.Sites[i], hosts)
		if p := w.Sites[i].Persons; p != nil {
			k.persons(at+".persons", p, databases)
		}
	}
}

func (k *checker) webLimits(path string, l *WebLimits) {
	k.count(path+".connections", l.Connections, 100_000)
	k.count(path+".per_address", l.PerAddress, 100_000)
	k.count(path+".streams", l.Streams, 1000)
	k.size(path+".header_bytes", l.HeaderBytes, 4<<10, 1<<20)
	k.within(path+".header", l.Header, time.Second, 5*time.Minute)
	k.within(path+".body", l.Body, time.Second, 10*time.Minute)
	k.size(path+".body_rate", l.BodyRate, 1, 1<<20)
	k.within(path+".send", l.Send, time.Second, time.Hour)
	k.within(path+".idle", l.Idle, time.Second, time.Hour)
	k.within(path+".drain", l.Drain, time.Millisecond, time.Hour)
}

func (k *checker) upstream(path, text string) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" && u.Path != "/" || u.User != nil || u.RawQuery != "" {
		k.value(path, text, "it is not http://host:port or https://host:port", "write for example http://127.0.0.1:8080")
	}
}

func (k *checker) site(path string, s *Site, hosts map[string]string) {
	if len(s.Hosts) == 0 {
		k.missing(path+".hosts", "write the names that browsers ask for, such as shop.example.jp")
	}
	for i, name := range s.Hosts {
		at := fmt.Sprintf("%s.hosts[%d]", path, i)
		if name == "" || name != strings.ToLower(name) || strings.ContainsAny(name, ":/ ") {
			k.value(at, name, "a host is a name in lower case without port", "write for example shop.example.jp")
			continue
		}
		k.unique(at, name, hosts)
	}
	if k.require(path+".upstream", s.Upstream, "write where the site is, such as http://127.0.0.1:8080") {
		k.upstream(path+".upstream", s.Upstream)
	}
	for i, other := range s.Others {
		k.upstream(fmt.Sprintf("%s.others[%d]", path, i), other)
	}
	if h := s.Health; h != nil {
		if k.require(path+".health.path", h.Path, "write for example /healthz") && h.Path[0] != '/' {
			k.value(path+".health.path", h.Path, "a path begins with /", "write for example /healthz")
		}
		k.within(path+".health.every", h.Every, time.Second, 10*time.Minute)
		k.within(path+".health.timeout", h.Timeout, 100*time.Millisecond, time.Minute)
		k.count(path+".health.fails", h.Fails, 100)
	}
	k.oneOf(path+".firewall", s.Firewall, webModes...)
	k.oneOf(path+".cards", s.Cards, webModes...)
	k.methods(path, s.Methods)
	k.pages(path, s)
	if l := s.Logins; l != nil {
		k.within(path+".logins.window", l.Window, time.Minute, 24*time.Hour)
		k.within(path+".logins.delay", l.Delay, time.Millisecond, 10*time.Second)
		k.oneOf(path+".logins.action", l.Action, "observe", "report", "enforce")
		for i, p := range l.Paths {
			if at := fmt.Sprintf("%s.logins.paths[%d].path", path, i); k.require(at, p.Path, "write for example /login") && p.Path[0] != '/' {
				k.value(at, p.Path, "a path begins with /", "write for example /login")
			}
		}
	}
	for i, prefix := range s.Payment {
		if prefix == "" || prefix[0] != '/' {
			k.value(fmt.Sprintf("%s.payment[%d]", path, i), prefix, "a path begins with /", "write for example /checkout/")
		}
	}
	for i, p := range s.Paths {
		at := fmt.Sprintf("%s.paths[%d]", path, i)
		if k.require(at+".prefix", p.Prefix, "write the beginning of the path, such as /admin/") && p.Prefix[0] != '/' {
			k.value(at+".prefix", p.Prefix, "a path begins with /", "write for example /admin/")
		}
		k.oneOf(at+".firewall", p.Firewall, webModes...)
		k.oneOf(at+".cards", p.Cards, webModes...)
	}
}

// methodName is a method as RFC 9110 and its registry write them.
var methodName = regexp.MustCompile(`^[A-Z]+(-[A-Z]+)*$`)

func (k *checker) methods(path string, methods []string) {
	if methods != nil && len(methods) == 0 {
		k.value(path+".methods", "[]", "the firewall would expect no method", "name those of the site, such as [GET, POST], or remove the line for GET, HEAD, POST and OPTIONS")
	}
	for i, m := range methods {
		at := fmt.Sprintf("%s.methods[%d]", path, i)
		switch {
		case m == "CONNECT" || m == "TRACE":
			k.value(at, m, "it is never passed on", "remove it")
		case !methodName.MatchString(m):
			k.value(at, m, "it is no method", "write it in capital letters, such as PUT")
		}
	}
}

// acme checks how certificates are obtained: for names that an authority can ask
// the public DNS for.
func (k *checker) acme(path string, w *Web) {
	a := w.TLS.ACME
	if a == nil {
		return
	}
	if w.TLS.Cert != "" || w.TLS.Key != "" {
		k.add(path, fault.New(fault.ConfigConflict, "problem", "certificates are either files or obtained", "hint", "remove cert and key, or acme"))
	}
	if !a.Agree {
		k.add(path+".acme.agree", fault.New(fault.ConfigConflict, "problem", "the authority's terms of service are not accepted", "hint", "read them and write agree: true"))
	}
	if a.Directory != "" && !strings.HasPrefix(a.Directory, "https://") {
		k.value(path+".acme.directory", a.Directory, "it is no https address", "write for example https://acme-v02.api.letsencrypt.org/directory")
	}
	for i := range w.Sites {
		for _, name := range w.Sites[i].Hosts {
			if net.ParseIP(name) != nil || !strings.Contains(name, ".") || strings.HasPrefix(name, "*") {
				k.value(path+".acme", name, "no authority knows this name", "give the site public names, or its own cert and key")
			}
		}
	}
}

func (k *checker) persons(path string, p *Persons, databases map[string]string) {
	for i, name := range p.Databases {
		if databases[name] == "" {
			k.add(fmt.Sprintf("%s.databases[%d]", path, i), fault.New(fault.ConfigReference, "value", quote(name), "hint", "name one of databases"))
		}
	}
	for i, prefix := range p.Nobody {
		if prefix == "" || prefix[0] != '/' {
			k.value(fmt.Sprintf("%s.nobody[%d]", path, i), prefix, "a path begins with /", "write for example /static/")
		}
	}
	k.within(path+".limits.window", p.Limits.Window, time.Minute, 24*time.Hour)
	k.oneOf(path+".limits.action", p.Limits.Action, "observe", "report", "enforce")
	for _, n := range []struct {
		name  string
		value int
	}{{"session", p.Limits.Session}, {"account", p.Limits.Account}, {"address", p.Limits.Address}} {
		if n.value < 0 || n.value > 1_000_000 {
			k.value(path+".limits."+n.name, fmt.Sprint(n.value), "it is not between 0 and 1000000", "write how many other persons may be shown")
		}
	}
}

func (k *checker) pages(path string, s *Site) {
	k.oneOf(path+".pages", s.Pages, webModes...)
	if (s.Pages != "" && s.Pages != "off" || len(s.Providers) > 0) && (len(s.Providers) == 0 || len(s.Payment) == 0) {
		k.add(path+".pages", fault.New(fault.ConfigConflict, "problem", "pages that lead to payment are guarded, but payment or providers is missing",
			"hint", "name the paths under payment and the hosts under providers"))
	}
	for i, p := range s.Providers {
		at := fmt.Sprintf("%s.providers[%d]", path, i)
		if k.require(at+".host", p.Host, "write the host of the payment provider, such as pay.example.com") && (p.Host != strings.ToLower(p.Host) || strings.ContainsAny(p.Host, ":/ ")) {
			k.value(at+".host", p.Host, "a host is a name in lower case without port", "write for example pay.example.com")
		}
		if p.Expires != "" {
			if _, err := time.Parse(time.DateOnly, p.Expires); err != nil {
				k.value(at+".expires", p.Expires, "it is no day", "write a day, such as 2026-12-31")
			}
		}
	}
	c := s.Canary
	if c == nil {
		return
	}
	k.within(path+".canary.every", c.Every, time.Minute, 24*time.Hour)
	switch {
	case len(c.Steps) == 0 && len(c.Calls) == 0:
		k.missing(path+".canary.steps", "write the steps to the payment provider, such as GET /plans/1")
	case len(c.Steps) > 0 && len(c.Calls) > 0:
		k.add(path+".canary.calls", fault.New(fault.ConfigConflict, "problem", "a canary walks by steps or by calls, not both", "hint", "write the steps as calls, such as ask: GET /plans/1"))
	}
	var p *canary.Problem
	if err := canary.CheckCalls(c.Calls); errors.As(err, &p) {
		at := fmt.Sprintf("%s.canary.calls[%d]", path, min(p.Call, len(c.Calls)-1))
		k.value(at, c.Calls[min(p.Call, len(c.Calls)-1)].Ask, p.What, p.Try)
	}
	if len(c.Calls) > 0 && len(s.Providers) == 0 {
		k.missing(path+".providers", "name the hosts of the payment providers that a canary has to reach")
	}
	if err := canary.Check(c.Steps); err != nil {
		k.value(path+".canary.steps", err.Error(), "it is not GET /path or POST /path field=value", "write for example POST /checkout/ n=1")
	}
	if k.require(path+".canary.card", c.Card, "write a path that the test card number is posted to, such as /contact") && c.Card[0] != '/' {
		k.value(path+".canary.card", c.Card, "a path begins with /", "write for example /contact")
	}
}
