package config

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"sekisho/internal/element"
	"sekisho/internal/fault"
	"sekisho/internal/policy"
)

// checker collects what is wrong with a file.
type checker struct {
	file  string
	doc   *ast.File
	found fault.List
}

func (k *checker) add(path string, f *fault.Error) {
	k.found = append(k.found, f.At(k.file, lineOf(k.doc, path), path))
}

func (k *checker) missing(path, hint string) {
	key := path
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		key = path[i+1:]
	}
	k.add(path, fault.New(fault.ConfigMissing, "key", quote(key), "hint", hint))
}

func (k *checker) value(path, value, problem, hint string) {
	k.add(path, fault.New(fault.ConfigValue, "value", quote(value), "problem", problem, "hint", hint))
}

func (k *checker) require(path, value, hint string) bool {
	if value == "" {
		k.missing(path, hint)
	}
	return value != ""
}

// name checks a name that stands in events and places.
func (k *checker) name(path, value string, seen map[string]string) {
	if !k.require(path, value, "choose a short name of letters, digits, - and _") {
		return
	}
	if strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" || len(value) > 64 {
		k.value(path, value, "a name has letters, digits, - and _, at most 64", "choose another name")
	}
	k.unique(path, value, seen)
}

func (k *checker) unique(path, value string, seen map[string]string) {
	if first, ok := seen[value]; ok {
		k.add(path, fault.New(fault.ConfigDuplicate, "value", quote(value), "line", lineOf(k.doc, first)))
		return
	}
	seen[value] = path
}

func (k *checker) oneOf(path, value string, words ...string) {
	if value != "" && !slices.Contains(words, value) {
		k.value(path, value, "not one of the words known here", "write "+strings.Join(words, ", "))
	}
}

func (k *checker) within(path string, d Duration, least, most time.Duration) {
	if v := time.Duration(d); d != 0 && (v < least || v > most) {
		k.value(path, d.String(), fmt.Sprintf("it must be from %s to %s", least, most), "choose a length within these")
	}
}

func (k *checker) config(c *Config) {
	if c.Tenant != "" {
		k.name("tenant", c.Tenant, map[string]string{})
	}
	k.require("data", c.Data, "name a directory for the ledger and the views, such as ./data")
	k.require("keys", c.Keys, "name a directory for the keys, such as ./keys")
	if c.Data != "" && filepath.Clean(c.Data) == filepath.Clean(c.Keys) {
		k.add("keys", fault.New(fault.ConfigConflict, "problem", "keys and data are the same directory",
			"hint", "keep keys apart, so that a copy of the ledger does not carry them"))
	}
	k.ledger(&c.Ledger)
	listens := map[string]string{}
	if c.Console != nil {
		k.console("console", c.Console, listens)
	}
	if c.Metrics != nil {
		k.metrics("metrics", c.Metrics, listens)
	}
	alone := len(c.Web) > 0 || c.Hub != nil || c.Egress != nil || len(c.Files)+len(c.Stores) > 0 // something that needs no database
	if len(c.Databases) == 0 && (!alone || len(c.Gates) > 0) {
		k.missing("databases", "name at least one database")
	}
	if c.Hub != nil {
		k.hub(c.Hub, listens)
	}
	if c.Detect != nil {
		k.detect(c.Detect)
	}
	k.exits(c.Exits, c.ExitCanary)
	names := map[string]string{}
	for i := range c.Databases {
		path := fmt.Sprintf("databases[%d]", i)
		k.name(path+".name", c.Databases[i].Name, names)
		k.database(path, &c.Databases[i])
	}
	databases := maps.Clone(names)
	k.files(c.Files, names)
	k.stores(c.Stores, names, c.Databases)
	k.snapshots(c.Files, names)
	if len(c.Gates) == 0 && (!alone || len(c.Databases) > 0) {
		k.missing("gates", "name at least one gate")
	}
	gates := map[string]string{}
	for i := range c.Gates {
		path := fmt.Sprintf("gates[%d]", i)
		k.name(path+".name", c.Gates[i].Name, gates)
		k.gate(path, &c.Gates[i], databases, listens)
	}
	for i := range c.Web {
		path := fmt.Sprintf("web[%d]", i)
		k.name(path+".name", c.Web[i].Name, gates)
		k.web(path, &c.Web[i], databases, listens)
	}
	if c.Egress != nil {
		k.egress(c.Egress, gates, listens)
	}
}

func (k *checker) ledger(l *Ledger) {
	k.within("ledger.sync", l.Sync, 10*time.Millisecond, time.Second)
	k.within("ledger.clock_error", l.ClockErr, time.Microsecond, time.Minute)
	k.within("ledger.segment.age", l.Segment.Age, time.Second, 24*time.Hour)
	k.within("ledger.retention.keep", l.Retention.Keep, 24*time.Hour, 100*365*24*time.Hour)
	k.size("ledger.segment.bytes", l.Segment.Bytes, 1<<20, 1<<30)
	for i, w := range l.Witnesses {
		path := fmt.Sprintf("ledger.witnesses[%d]", i)
		k.require(path+".key", w.Key, "write the verifier key that `sekisho witness` prints")
		if k.require(path+".url", w.URL, "write the address of the witness") && !strings.HasPrefix(w.URL, "http://") && !strings.HasPrefix(w.URL, "https://") {
			k.value(path+".url", w.URL, "it must begin with http:// or https://", "write for example https://witness.example")
		}
	}
}

func (k *checker) size(path string, b, least, most Bytes) {
	if b != 0 && (b < least || b > most) {
		k.value(path, b.String(), fmt.Sprintf("it must be from %s to %s", least, most), "choose a size within these")
	}
}

func (k *checker) address(path, value string) {
	host, port, err := net.SplitHostPort(value)
	if err != nil || host == "" || port == "" {
		k.value(path, value, "an address is host:port", "write for example 127.0.0.1:5432")
	}
}

func (k *checker) database(path string, d *Database) {
	if k.require(path+".upstream", d.Upstream, "write the address of the server, such as 127.0.0.1:5432") {
		k.address(path+".upstream", d.Upstream)
	}
	k.oneOf(path+".tls.mode", d.TLS.Mode, "disable", "prefer", "require", "verify-ca", "verify-full")
	k.require(path+".control.user", d.Control.User, "name a read-only account")
	if d.Control.Address != "" {
		k.address(path+".control.address", d.Control.Address)
	}
	k.within(path+".scan.every", d.Scan.Every, time.Minute, 366*24*time.Hour)
	k.within(path+".scan.watch", d.Scan.Watch, time.Second, time.Hour)
	if n := d.Scan.RowsPerSecond; n != 0 && (n < leastRows || n > mostRows) {
		k.value(path+".scan.rows_per_second", fmt.Sprint(n), fmt.Sprintf("it must be from %d to %d", leastRows, mostRows), "choose a number within these")
	}
	if len(d.Protect) == 0 {
		k.missing(path+".protect", "name the tables that hold personal data")
	}
	tables := map[string]string{}
	for i := range d.Protect {
		at := fmt.Sprintf("%s.protect[%d]", path, i)
		if k.require(at+".table", d.Protect[i].Table, "write schema.table") {
			k.table(at+".table", d.Protect[i].Table)
			k.unique(at+".table", d.Protect[i].Table, tables)
		}
	}
	for i := range d.Protect {
		k.protect(fmt.Sprintf("%s.protect[%d]", path, i), d.Protect, i, tables)
	}
	for i, t := range d.Plain {
		at := fmt.Sprintf("%s.plain[%d]", path, i)
		k.table(at, t)
		if _, ok := tables[t]; ok {
			k.add(at, fault.New(fault.ConfigConflict, "problem", quote(t)+" is both protected and plain", "hint", "remove it from one of the two"))
		}
	}
	functions := map[string]string{}
	for i := range d.Functions {
		k.function(fmt.Sprintf("%s.functions[%d]", path, i), &d.Functions[i], tables, functions)
	}
}

func (k *checker) table(path, name string) {
	schema, table, ok := strings.Cut(name, ".")
	if !ok || schema == "" || table == "" {
		k.value(path, name, "a table is schema.table", "write for example public."+name)
	}
}

func (k *checker) protect(path string, all []Table, i int, tables map[string]string) {
	t := &all[i]
	k.require(path+".key", t.Key, "name the column that tells whose row it is")
	if t.Of != "" {
		if _, ok := tables[t.Of]; !ok {
			k.add(path+".of", fault.New(fault.ConfigReference, "value", quote(t.Of), "hint", "write a table of this protect list"))
		} else if j := slices.IndexFunc(all, func(o Table) bool { return o.Table == t.Of }); all[j].Of != "" && all[j].Of != t.Of {
			k.add(path+".of", fault.New(fault.ConfigConflict, "problem", quote(t.Of)+" has no subjects of its own",
				"hint", "write "+quote(all[j].Of)))
		}
	}
	for _, column := range slices.Sorted(maps.Keys(t.Columns)) {
		if _, ok := element.ParseKind(t.Columns[column]); !ok {
			k.value(path+".columns."+column, t.Columns[column], "it is no element", "write one of "+element.MaskOf(element.Kinds()...).String())
		}
	}
	for n, column := range t.Plain {
		if _, ok := t.Columns[column]; ok {
			k.add(fmt.Sprintf("%s.plain[%d]", path, n), fault.New(fault.ConfigConflict,
				"problem", "column "+quote(column)+" is both an element and plain", "hint", "remove it from one of the two"))
		}
	}
	for n, column := range t.Identifiers {
		if _, ok := t.Columns[column]; !ok {
			k.add(fmt.Sprintf("%s.identifiers[%d]", path, n), fault.New(fault.ConfigReference,
				"value", "column "+quote(column), "hint", "list it under columns with its element"))
		}
	}
}

func (k *checker) function(path string, f *Function, tables, seen map[string]string) {
	if k.require(path+".name", f.Name, "write schema.function(argument types)") {
		name, args, ok := strings.Cut(f.Name, "(")
		if schema, fn, dot := strings.Cut(name, "."); !ok || !dot || schema == "" || fn == "" || !strings.HasSuffix(args, ")") {
			k.value(path+".name", f.Name, "a function is schema.function(argument types)", "write for example public.label(integer, text)")
		}
		k.unique(path+".name", f.Name, seen)
	}
	for i, t := range f.Reads {
		if _, ok := tables[t]; !ok {
			k.add(fmt.Sprintf("%s.reads[%d]", path, i), fault.New(fault.ConfigReference, "value", quote(t), "hint", "write a table of the protect list"))
		}
	}
}

func (k *checker) gate(path string, g *Gate, databases, listens map[string]string) {
	if k.require(path+".listen", g.Listen, "write the address to listen on, such as 127.0.0.1:6432") {
		others := k.listen(path+".listen", g.Listen, listens)
		if others && g.TLS.Cert == "" {
			k.add(path+".listen", fault.New(fault.ConfigConflict, "problem", "a gate that others can reach needs TLS",
				"hint", "set tls.cert and tls.key, or listen on 127.0.0.1"))
		}
	}
	if k.require(path+".database", g.Database, "name one of databases") {
		if _, ok := databases[g.Database]; !ok {
			k.add(path+".database", fault.New(fault.ConfigReference, "value", quote(g.Database), "hint", "name one of databases"))
		}
	}
	k.oneOf(path+".mode", g.Mode, "observe", "report", "enforce")
	k.oneOf(path+".on_failure", g.OnFailure, "closed", "open")
	k.oneOf(path+".rewrite", g.Rewrite, "on", "off")
	k.oneOf(path+".login.mode", g.Login.Mode, "relay", "terminate")
	if (g.TLS.Cert == "") != (g.TLS.Key == "") || g.TLS.Require && g.TLS.Cert == "" {
		k.add(path+".tls", fault.New(fault.ConfigConflict, "problem", "TLS needs both cert and key", "hint", "name both files"))
	}
	if g.TLS.ClientCA != "" && g.TLS.Cert == "" {
		k.add(path+".tls.client_ca", fault.New(fault.ConfigConflict, "problem", "clients show certificates inside TLS only", "hint", "set tls.cert and tls.key"))
	}
	k.login(path+".login", g)
	k.count(path+".workers", g.Workers, 64)
	k.count(path+".limits.sessions", g.Limits.Sessions, 100000)
	k.size(path+".limits.message", g.Limits.Message, 64<<10, 1<<30)
	k.within(path+".limits.login", g.Limits.Login, time.Second, 10*time.Minute)
	k.within(path+".limits.drain", g.Limits.Drain, time.Millisecond, time.Hour)
}

// listen checks an address to listen on; others says that it is not loopback.
func (k *checker) listen(path, value string, listens map[string]string) (others bool) {
	a, err := netip.ParseAddrPort(value)
	if err != nil {
		k.value(path, value, "it is not ip:port", "write for example 127.0.0.1:6432")
		return false
	}
	if a.Port() != 0 {
		k.unique(path, a.String(), listens)
	}
	return !a.Addr().IsLoopback()
}

func (k *checker) metrics(path string, m *Metrics, listens map[string]string) {
	if m.Listen == "" {
		m.Listen = defaultMetrics
	}
	if others := k.listen(path+".listen", m.Listen, listens); others && m.Cert == "" {
		k.add(path+".listen", fault.New(fault.ConfigConflict, "problem", "an address that others can reach needs TLS",
			"hint", "set cert and key, or listen on 127.0.0.1"))
	}
	if (m.Cert == "") != (m.Key == "") {
		k.add(path, fault.New(fault.ConfigConflict, "problem", "TLS needs both cert and key", "hint", "name both files"))
	}
}

func (k *checker) count(path string, n, most int) {
	if n < 0 || n > most {
		k.value(path, fmt.Sprint(n), fmt.Sprintf("it must be from 1 to %d", most), "choose a number within these")
	}
}

func (k *checker) login(path string, g *Gate) {
	l := &g.Login
	switch {
	case l.Mode == "terminate":
		if len(l.Certificates) == 0 {
			k.require(path+".verifiers", l.Verifiers, "name the file with the clients' verifiers")
		}
		k.require(path+".passwords", l.Passwords, "name the file with the passwords at the server")
	case l.Verifiers != "" || l.Passwords != "" || len(l.Certificates) > 0:
		k.add(path, fault.New(fault.ConfigConflict, "problem", "verifiers, certificates and passwords belong to mode terminate",
			"hint", "write mode: terminate, or remove them"))
	}
	if len(l.Certificates) > 0 && g.TLS.ClientCA == "" {
		k.add(path+".certificates", fault.New(fault.ConfigConflict, "problem", "nobody verifies the clients' certificates",
			"hint", "set tls.client_ca"))
	}
	for _, name := range slices.Sorted(maps.Keys(l.Certificates)) {
		if name == "" || len(l.Certificates[name]) == 0 {
			k.value(path+".certificates", name, "a common name needs users", "write for example importer: [shop_import]")
		}
	}
}

// policy compiles the policy of l, from its section or its file.
func (k *checker) policy(l *Loaded) {
	switch {
	case l.Policy != nil && l.PolicyFile != "":
		k.add("policy_file", fault.New(fault.ConfigConflict, "problem", "both policy and policy_file are written", "hint", "keep one of the two"))
	case l.Policy != nil:
		p, err := policy.Compile(l.Policy)
		if err != nil {
			k.found = append(k.found, k.policyFaults("policy", err)...)
			return
		}
		l.Compiled, l.Source = p, l.Policy
	case l.PolicyFile != "":
		file := l.PolicyFile
		if !filepath.IsAbs(file) {
			file = filepath.Join(filepath.Dir(k.file), file)
		}
		p, src, err := PolicyFile(file)
		if err != nil {
			k.found = append(k.found, fault.Faults(err)...)
			return
		}
		l.Compiled, l.Source = p, src
	default:
		l.Compiled = policy.Open()
	}
}

// policyFaults are what err of a policy's compiler joins; prefix is where the policy
// stands in the file, "" for a file of its own.
func (k *checker) policyFaults(prefix string, err error) fault.List {
	return each(err, func(e *policy.Error) *fault.Error {
		path := e.Path
		if prefix != "" {
			path = prefix + "." + path
		}
		return fault.New(policyCode(e.Path), "place", e.Path, "problem", e.What, "hint", e.Try).At(k.file, lineOf(k.doc, path), path)
	})
}

// policyCode is the code of what is wrong at a place of a policy.
func policyCode(path string) fault.Code {
	if strings.HasPrefix(path, "tests[") {
		return fault.PolicyTestFailed
	}
	return fault.PolicyInvalid
}

// mostProblems are reported of one text: whoever wrote more begins with these.
const mostProblems = 100

// each makes faults of the errors that err joins, in order, at most mostProblems; what
// is no E is our own mistake.
func each[E error](err error, of func(E) *fault.Error) fault.List {
	switch e := err.(type) {
	case E:
		return fault.List{of(e)}
	case interface{ Unwrap() []error }:
		var all fault.List
		for _, one := range e.Unwrap() {
			if all = append(all, each(one, of)...); len(all) >= mostProblems {
				return all[:mostProblems]
			}
		}
		return all
	}
	return fault.List{fault.New(fault.Internal).Because(err)}
}
