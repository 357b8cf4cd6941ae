package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/gate/cutting"
	"sekisho/internal/hub"
	"sekisho/internal/hub/answer"
	"sekisho/internal/hub/pki"
	"sekisho/internal/hub/site"
	"sekisho/internal/policy/cut"
)

// ownSite is the name under which gates of a process that makes its own orders
// answer.
const ownSite = "hub"

// cutRoom is where cuts are made, or, at a remote gate, taken.
type cutRoom struct {
	gates  *answer.Gates
	cuts   *hub.Cuts   // nil at a remote gate
	server *hub.Server // nil without a hub section
	site   *site.Site  // nil but at a remote gate
	keys   hub.Config  // signs and verifies what is sent to remote gates
}

// hubDir is where orders, tokens and the membership of a hub are kept.
func hubDir(c *config.Config) string { return filepath.Join(c.Data, "hub") }

// joined reports whether the process belongs to a hub.
func joined(c *config.Config) bool {
	_, err := os.Stat(filepath.Join(hubDir(c), site.File))
	return err == nil
}

func cutFault(problem error) error {
	return fault.New(fault.CutRefused, "problem", problem, "hint", "see `sekisho cut --help`")
}

// startCuts puts in force what was cut, before any gate opens, and begins to
// talk with remote gates or with the hub.
func (p *process) startCuts(ctx context.Context, s *stage) error {
	c := p.cfg.Config
	if err := os.MkdirAll(hubDir(c), 0o700); err != nil {
		return err
	}
	p.cut = &cutRoom{}
	if joined(c) {
		return p.startSite(ctx, s)
	}
	if err := p.openCuts(ctx); err != nil {
		return fault.New(fault.Internal).Because(fmt.Errorf("cuts: %w", err))
	}
	s.run("cuts", p.cut.cuts.Run)
	if c.Hub == nil {
		return nil
	}
	return p.startHub(s)
}

// signer reads or makes a pair of keys among the process's keys.
func signer(skey, _ string, err error) (note.Signer, error) {
	if err != nil {
		return nil, err
	}
	return note.NewSigner(skey)
}

func (p *process) openCuts(ctx context.Context) error {
	c := p.cfg.Config
	receipts, err := signer(hub.ReceiptsKey(c.Keys, ownSite))
	if err != nil {
		return err
	}
	skey, vkey, err := hub.OrdersKey(c.Keys, c.Tenant)
	if err != nil {
		return err
	}
	cfg := hub.Config{Tenant: c.Tenant, Dir: hubDir(c), Files: p.files(hubDir(c)), Now: p.now,
		Record: func(ctx context.Context, bodies ...event.Body) error {
			_, err := p.self.Record(ctx, event.Durable, bodies...)
			return err
		}}
	if c.Hub != nil {
		cfg.Wait = time.Duration(c.Hub.Wait)
	}
	if cfg.Signer, err = note.NewSigner(skey); err != nil {
		return err
	}
	if cfg.Verifier, err = note.NewVerifier(vkey); err != nil {
		return err
	}
	p.cut.gates = answer.New(ownSite, receipts, p.now)
	cfg.Gates = p.cut.gates
	p.cut.keys = cfg
	p.cut.cuts, err = hub.Open(ctx, cfg, p.past.cuts)
	return err
}

// startHub listens for remote gates.
func (p *process) startHub(s *stage) error {
	c := p.cfg.Config
	fail := func(err error) error {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return fault.New(fault.HubListen, "address", c.Hub.Listen).At(p.file, p.cfg.Line("hub.listen"), "hub.listen").Because(err)
	}
	authority, err := pki.Open(c.Keys, p.now)
	if err != nil {
		return fail(err)
	}
	_, orders, err := hub.OrdersKey(c.Keys, c.Tenant)
	if err != nil {
		return fail(err)
	}
	var lc net.ListenConfig
	l, err := p.sockets.listen(&lc, c.Hub.Listen)
	if err != nil {
		return fail(err)
	}
	url, hosts := c.Hub.Address()
	if p.cut.server, err = hub.NewServer(hub.ServerConfig{Listener: l, URL: url, Hosts: hosts, Dir: hubDir(c), Authority: authority, Cuts: p.cut.cuts,
		Orders: orders, Intake: intake{p.ledger}, Now: p.now, Log: p.log}); err != nil {
		return fail(errors.Join(err, l.Close()))
	}
	if err := p.pushExitPolicy(); err != nil {
		return errors.Join(err, l.Close())
	}
	s.run("hub", p.cut.server.Run)
	return nil
}

// hubPatience is how long a remote gate that starts tries to reach the hub
// before its gates open with the order that they have.
const hubPatience = 5 * time.Second

// startSite takes the last order into force and then the newest, if the hub can
// be reached.
func (p *process) startSite(ctx context.Context, s *stage) error {
	c := p.cfg.Config
	member, err := site.Read(hubDir(c))
	if err != nil {
		return fault.New(fault.Internal).Because(err)
	}
	receipts, err := signer(hub.ReceiptsKey(c.Keys, member.Site))
	if err != nil {
		return fault.New(fault.Internal).Because(err)
	}
	p.cut.gates = answer.New(member.Site, receipts, p.now)
	p.cut.site, err = site.Open(ctx, site.Config{Dir: hubDir(c), Files: p.files(hubDir(c)), Gates: p.cut.gates, Policies: sitePolicies{p}, Lines: p.ledger,
		Ships: func(source string) bool { return hub.Ships(source, member.Site) }, Now: p.now, Log: p.log})
	if err != nil {
		return fault.New(fault.Internal).Because(fmt.Errorf("remote gate: %w", err))
	}
	s.run("hub", p.cut.site.Run)
	wait, cancel := context.WithTimeout(ctx, hubPatience)
	defer cancel()
	select {
	case <-p.cut.site.Ready():
	case <-wait.Done():
	}
	return ctx.Err()
}

// addCutter makes a gate obey cuts. Call it before the gate forwards anything.
func (p *process) addCutter(ctx context.Context, name string, g cutting.Cutter) error {
	if err := p.cut.gates.Add(ctx, name, g); err != nil {
		return fault.New(fault.GateFailed, "gate", `"`+name+`"`).Because(err)
	}
	return nil
}

// Cut implements cutting.Cutter: the gate and the direct way around it.
func (g *gate) Cut(ctx context.Context, set *cut.Set) (int, error) {
	n, err := g.server.Cut(ctx, set)
	direct, bad := g.bypass.Cut(ctx, set)
	return n + direct, errors.Join(err, bad)
}

// Generation implements cutting.Cutter.
func (g *gate) Generation() uint64 { return min(g.server.Generation(), g.bypass.cuts.Generation()) }

// authority returns where cuts are made, or a fault at a remote gate.
func (p *process) authority() (*hub.Cuts, error) {
	if p.cut == nil {
		return nil, fault.New(fault.CutRefused, "problem", "no gates run in this process", "hint", "start `sekisho up`, and order again")
	}
	if p.cut.cuts == nil {
		return nil, fault.New(fault.CutRefused, "problem", "this process is a remote gate", "hint", "give the order at the hub, "+p.cut.site.Member().Hub)
	}
	return p.cut.cuts, nil
}

// Cuts implements control.Operator.
func (p *process) Cuts(context.Context) (control.Cuts, error) {
	cuts, err := p.authority()
	if err != nil {
		return control.Cuts{}, err
	}
	return shownCuts(cuts.Show()), nil
}

// longestCut bounds the end of a cut.
const longestCut = 366 * 24 * time.Hour

// OrderCut implements control.Operator.
func (p *process) OrderCut(ctx context.Context, r control.CutOrder) (control.Cuts, error) {
	cuts, err := p.authority()
	if err != nil {
		return control.Cuts{}, err
	}
	if r.For <= 0 || r.For > longestCut {
		return control.Cuts{}, cutFault(errors.New("a cut ends after more than nothing and at most 366 days"))
	}
	e := cut.Entry{Kind: cut.Kind(r.As), Target: r.Target, Until: p.now().Add(r.For).UnixNano(), Case: r.Case}
	if r.As == "" {
		if e.Kind, err = p.kindOf(r.Target); err != nil {
			return control.Cuts{}, err
		}
	}
	if e.Kind == cut.User {
		e.Target = p.accountOf(e.Target, cuts.Show().Gates)
	}
	return orderCut(cuts.Order(ctx, hub.Change{Add: []cut.Entry{e}, By: r.By, Reason: r.Reason}))
}

// accountOf is an e-mail address as the web gates of this process know it: a
// signed order outlives the reason to know whose it is. Remote gates have keys of
// their own, so that with one of them it stays as it was typed; so do other names,
// which are those of databases and proxies.
func (p *process) accountOf(name string, gates []hub.State) string {
	if !strings.Contains(name, "@") || slices.ContainsFunc(gates, func(g hub.State) bool { return g.Remote }) {
		return name
	}
	for _, g := range p.webs {
		if account, ok := g.server.Account(name); ok {
			return account
		}
	}
	return name
}

// LiftCut implements control.Operator.
func (p *process) LiftCut(ctx context.Context, r control.CutLift) (control.Cuts, error) {
	cuts, err := p.authority()
	if err != nil {
		return control.Cuts{}, err
	}
	return orderCut(cuts.Order(ctx, hub.Change{Remove: r.IDs, By: r.By, Reason: r.Reason}))
}

func orderCut(r hub.Result, err error) (control.Cuts, error) {
	switch {
	case errors.Is(err, hub.ErrUnknown):
		id, _, _ := strings.Cut(err.Error(), ":")
		return control.Cuts{}, fault.New(fault.CutUnknown, "id", id)
	case errors.Is(err, cut.ErrEntry):
		return control.Cuts{}, cutFault(err)
	case err != nil:
		return control.Cuts{}, err
	}
	return shownCuts(r), nil
}

func shownCuts(r hub.Result) control.Cuts {
	c := control.Cuts{Generation: r.Generation, Digest: r.Digest, Entries: []event.CutEntry{}, Gates: []control.CutGate{}, Added: r.Added, Took: r.Took, Unrecorded: r.Unrecorded}
	for _, e := range r.Entries {
		c.Entries = append(c.Entries, event.CutEntry{ID: e.ID, Kind: string(e.Kind), Target: e.Target, Until: e.Until, Case: e.Case})
	}
	for _, g := range r.Gates {
		c.Gates = append(c.Gates, control.CutGate{Gate: g.Gate, Remote: g.Remote, Generation: g.Generation, Closed: g.Closed, At: g.At, Red: g.Red, Why: g.Why, Since: g.Since})
	}
	return c
}

// kindOf tells from a target what it is: addresses of private networks are
// hosts inside, others destinations; a name with a dot is a destination; a
// database is one; any other word is a role.
func (p *process) kindOf(target string) (cut.Kind, error) {
	if target == "" {
		return "", cutFault(errors.New("nothing is named that shall be cut"))
	}
	if host, _, of := strings.Cut(target, "@"); of {
		if _, err := cut.ParsePrefix(host); err == nil {
			return "", cutFault(fmt.Errorf("a host is cut at every site at once: name it %s", host))
		}
	}
	if prefix, err := cut.ParsePrefix(target); err == nil {
		if inside(prefix.Addr()) {
			return cut.Host, nil
		}
		return cut.Address, nil
	}
	if strings.Contains(target, ".") || slices.ContainsFunc(p.cfg.Databases, func(d config.Database) bool { return d.Name == target || d.Database == target }) {
		return cut.Name, nil
	}
	return cut.Role, nil
}

// inside reports whether an address is of a private network (RFC 1918, RFC
// 4193, RFC 6598) or of this machine.
func inside(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || shared.Contains(a)
}

var shared = netip.MustParsePrefix("100.64.0.0/10")

// HubToken implements control.Operator.
func (p *process) HubToken(ctx context.Context, r control.HubRequest) (control.HubToken, error) {
	if p.cut.server == nil {
		return control.HubToken{}, fault.New(fault.ControlRefused, "problem", "this process is no hub", "hint", "write a hub section with listen into the configuration")
	}
	if r.Site == ownSite {
		return control.HubToken{}, fault.New(fault.ControlRefused, "problem", "the hub itself has this name", "hint", "choose another")
	}
	token, until, err := p.cut.server.Token(ctx, r.Site, r.By)
	if errors.Is(err, hub.ErrName) {
		err = fault.New(fault.ControlRefused, "problem", err, "hint", "choose another name")
	}
	return control.HubToken{Token: token, Until: until}, err
}

// RevokeGate implements control.Operator.
func (p *process) RevokeGate(ctx context.Context, r control.HubRequest) (control.Cuts, error) {
	cuts, err := p.authority()
	if err != nil {
		return control.Cuts{}, err
	}
	if err := cuts.Revoke(ctx, r.Site, r.By); err != nil {
		if errors.Is(err, hub.ErrUnknown) {
			err = fault.New(fault.ControlRefused, "problem", fmt.Sprintf("no gate %q has joined, and no token for it is out", r.Site), "hint", "`sekisho cuts` lists the gates")
		}
		return control.Cuts{}, err
	}
	return shownCuts(cuts.Show()), nil
}
