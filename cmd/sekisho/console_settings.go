package main

import (
	"context"
	"reflect"
	"strconv"
	"strings"

	"sekisho/internal/config"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/desk"
)

// TestCall implements office.Furnished.
func (c *console) TestCall(ctx context.Context, by string, r control.TestRequest) (control.TestAnswer, error) {
	r.By = by
	return c.process.TestCall(control.WithPeer(ctx, control.Peer{UID: -1, Console: by}), r)
}

// Settings implements office.Furnished.
func (c *console) Settings(context.Context) (*consoleoffice.Settings, error) {
	out := &consoleoffice.Settings{File: c.file, Parts: partsOfConfig(c.cfg.Config, c.cases.firm)}
	out.Parts = append(out.Parts, part("console", c.origin), part("passkeys", onlyIf(c.accounts.HasPasskeys(), c.origin)...))
	next, err := config.Load(c.file)
	if err != nil {
		out.Problems = control.ProblemsOf(err)
		return out, nil
	}
	out.Changed = !reflect.DeepEqual(next.Config, c.cfg.Config)
	return out, nil
}

// part is a part of the product; without lines it is not configured.
func part(name string, lines ...string) consoleoffice.Part {
	return consoleoffice.Part{Name: name, On: len(lines) > 0, Lines: lines}
}

func onlyIf(on bool, line string) []string {
	if !on {
		return nil
	}
	return []string{line}
}

// eachOf is a line for each of all.
func eachOf[T any](all []T, line func(*T) []string) []string {
	var out []string
	for i := range all {
		out = append(out, joinFilled(line(&all[i])))
	}
	return out
}

// joinFilled joins what is not empty.
func joinFilled(words []string) string {
	var out []string
	for _, w := range words {
		if w != "" {
			out = append(out, w)
		}
	}
	return strings.Join(out, " · ")
}

// partsOfConfig says of every part of the product what is configured of it. A
// password, a key or a path of a secret is none of it.
func partsOfConfig(c *config.Config, firm *desk.Firm) []consoleoffice.Part {
	out := []consoleoffice.Part{
		part("databases", eachOf(c.Databases, func(d *config.Database) []string {
			return []string{d.Name, d.Upstream, strconv.Itoa(len(d.Protect)) + " protect"}
		})...),
		part("gates", eachOf(c.Gates, func(g *config.Gate) []string {
			return []string{g.Name, g.Listen, g.Database, g.Mode, "on_failure " + g.OnFailure}
		})...),
		part("web", eachOf(c.Web, func(w *config.Web) []string {
			return []string{w.Name, w.Listen, strings.Join(siteHosts(w), " ")}
		})...),
	}
	var leaving []string
	if e := c.Egress; e != nil {
		leaving = append(eachOf(e.Gates, func(g *config.EgressGate) []string { return []string{g.Name, g.Listen, g.Transparent} }),
			eachOf(e.Resolvers, func(r *config.Resolver) []string { return []string{r.Name, r.Listen} })...)
	}
	out = append(out, part("egress", leaving...),
		part("exits", eachOf(c.Exits, func(x *config.Exit) []string { return []string{x.Name, x.Interface, x.Next, x.Owner} })...),
		part("files", eachOf(c.Files, func(f *config.Files) []string { return []string{f.Name, f.Folder} })...),
		part("stores", eachOf(c.Stores, func(s *config.Store) []string { return []string{s.Name} })...),
		part("policy", onlyIf(c.PolicyFile != "", c.PolicyFile)...))
	if c.PolicyFile == "" && c.Policy != nil {
		out[len(out)-1] = part("policy", c.File)
	}
	out = append(out, partsOfFirm(c, firm)...)
	var metrics, hub, persons []string
	if c.Metrics != nil {
		metrics = []string{c.Metrics.Listen}
	}
	if c.Hub != nil {
		hub = []string{joinFilled([]string{c.Hub.Listen, c.Hub.URL})}
	}
	if c.Console != nil {
		persons = onlyIf(c.Console.Persons != "", c.Console.Persons)
	}
	return append(out, part("persons", persons...),
		part("retention", onlyIf(c.Ledger.Retention.Keep != 0, c.Ledger.Retention.Keep.String())...),
		part("witnesses", eachOf(c.Ledger.Witnesses, func(w *config.Witness) []string { return []string{w.URL} })...),
		part("hub", hub...), part("metrics", metrics...))
}

// partsOfFirm are those of the file of people: how many there are, and by which
// ways they are called.
func partsOfFirm(c *config.Config, firm *desk.Firm) []consoleoffice.Part {
	var people, calls []string
	if c.Cases != "" && firm != nil {
		people = onlyIf(len(firm.People) > 0, joinFilled([]string{c.Cases, strconv.Itoa(len(firm.People))}))
		if firm.Mail != nil {
			calls = append(calls, "mail · "+firm.Mail.Server)
		}
		for _, channel := range firm.Channels {
			calls = append(calls, channel.Kind+" · "+channel.Name)
		}
	}
	return []consoleoffice.Part{part("people", people...), part("calls", calls...)}
}

// siteHosts are the names that a web gate answers.
func siteHosts(w *config.Web) []string {
	var out []string
	for i := range w.Sites {
		out = append(out, w.Sites[i].Hosts...)
	}
	return out
}
