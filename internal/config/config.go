// Package config is the configuration file: it decodes strictly, checks that
// the parts fit together, and says where and how to correct what does not.
//
// It opens nothing but the files that the configuration names, and starts
// nothing. It is imported by cmd only.
package config

import (
	"time"

	"sekisho/internal/policy"
)

// Config is the whole file. The doc tags are the manual: they become the JSON
// Schema's descriptions.
type Config struct {
	Tenant     string         `yaml:"tenant" doc:"Name of the organisation whose ledger this is: letters, digits, - and _. Default: default. Cannot change later."`
	Data       string         `yaml:"data" doc:"Directory of the ledger and the views. Relative paths are relative to this file. Required."`
	Keys       string         `yaml:"keys" doc:"Directory of the keys, mode 0700. Keep it on another disk or backup than data. Required."`
	Control    string         `yaml:"control,omitempty" doc:"Path of the control socket, mode 0600. Default: control.sock in data."`
	Group      string         `yaml:"control_group,omitempty" doc:"Group (name or number) whose accounts may connect to the control socket, for cases and starts of machines only; everything else stays with the process's own account and root. Default: nobody else."`
	Ledger     Ledger         `yaml:"ledger,omitempty" doc:"How the ledger writes and how long it keeps."`
	Databases  []Database     `yaml:"databases,omitempty" doc:"The databases that are guarded. Required, unless there is only a web, egress or hub section."`
	Files      []Files        `yaml:"files,omitempty" doc:"Folders whose files are read for personal data; whose data rests in which file goes into the ledger."`
	Stores     []Store        `yaml:"stores,omitempty" doc:"Databases and buckets without a gate that are read for personal data: MySQL, MariaDB, SQLite, other PostgreSQL databases, replicas, S3-compatible buckets."`
	Metrics    *Metrics       `yaml:"metrics,omitempty" doc:"Where Prometheus reads the counters. Default: nowhere."`
	Console    *Console       `yaml:"console,omitempty" doc:"The console in the browser. Default: none."`
	Gates      []Gate         `yaml:"gates,omitempty" doc:"Where clients connect. Required, unless there is only a web, egress or hub section."`
	Web        []Web          `yaml:"web,omitempty" doc:"Web gates: reverse proxies with a firewall and a card guard."`
	Hub        *Hub           `yaml:"hub,omitempty" doc:"Where remote gates connect, which are cut together with those here. Default: there are none."`
	Detect     *Detect        `yaml:"detect,omitempty" doc:"What is known about what leaves: roles of servers, lists of bad destinations."`
	ExitCanary string         `yaml:"exit_canary,omitempty" doc:"URL of a server on the internet that answers with the address it is asked from, as text. Asked every 20 s around the gates; an address that is no outside of exits is raised. Default: a remote process asks its hub, others nobody."`
	Exits      []Exit         `yaml:"exits,omitempty" doc:"The ways to the internet that this machine has. Another one is raised within 30 s. Linux. Default: nobody looks."`
	Egress     *Egress        `yaml:"egress,omitempty" doc:"What leaves: its policy and its gates."`
	Policy     *policy.Source `yaml:"policy,omitempty" doc:"Who may read what. Not together with policy_file. Without either everything is allowed and recorded, except channels that cannot be attributed."`
	Cases      string         `yaml:"cases,omitempty" doc:"File with the company, the people on duty and how to reach them, for sekisho case. Relative to this file. Without it cases are kept and nobody is called."`
	PolicyFile string         `yaml:"policy_file,omitempty" doc:"File that holds the policy section. Reloaded on SIGHUP and on sekisho policy reload."`

	// File is the path that was read; set by Load.
	File string `yaml:"-"`
}

// Ledger configures the evidence.
type Ledger struct {
	Segment   Segment   `yaml:"segment,omitempty" doc:"When a segment is sealed, compressed and signed."`
	Sync      Duration  `yaml:"sync,omitempty" doc:"Longest time from write to disk, from 10ms to 1s. A power cut loses at most this, unless a gate is strict. Default: 100ms."`
	ClockErr  Duration  `yaml:"clock_error,omitempty" doc:"Bound of this machine's clock error; widens every window. Default: 50ms."`
	Origin    string    `yaml:"origin,omitempty" doc:"Name of the log in its checkpoints. Default: sekisho/TENANT. Cannot change later."`
	Witnesses []Witness `yaml:"witnesses,omitempty" doc:"Who cosigns checkpoints."`
	Retention Retention `yaml:"retention,omitempty" doc:"What sekisho retention apply drops."`
}

// Segment bounds a segment.
type Segment struct {
	Bytes Bytes    `yaml:"bytes,omitempty" doc:"Size before compression at which a segment is sealed, from 1MiB to 1GiB. Default: 64MiB."`
	Age   Duration `yaml:"age,omitempty" doc:"Age at which a segment is sealed, from 1s to 24h. Default: 10m."`
}

// Witness cosigns checkpoints (C2SP tlog-witness).
type Witness struct {
	Key string `yaml:"key" doc:"Verifier key of the witness, as sekisho witness prints it. Required."`
	URL string `yaml:"url" doc:"Base address of the witness. Required."`
}

// Retention is how long evidence is kept.
type Retention struct {
	Keep Duration `yaml:"keep,omitempty" doc:"Segments whose newest event is older are dropped; their digests stay. At least 24h. Default: nothing is dropped."`
}

// Metrics is where the counters are read, in Prometheus's text format. They hold
// no personal values.
type Metrics struct {
	Listen string `yaml:"listen,omitempty" doc:"Address ip:port that answers GET /metrics. Anything but loopback needs cert and key. Default: 127.0.0.1:9187."`
	Cert   string `yaml:"cert,omitempty" doc:"PEM file of the certificate chain."`
	Key    string `yaml:"key,omitempty" doc:"PEM file of its key, mode 0600."`
}

// Database is a guarded database.
type Database struct {
	Name      string      `yaml:"name" doc:"Name in events, scopes and policies: letters, digits, - and _. Required, unique."`
	Upstream  string      `yaml:"upstream" doc:"Address host:port of the server or its pooler. Required."`
	Database  string      `yaml:"database,omitempty" doc:"Name of the database on the server. Default: name."`
	TLS       UpstreamTLS `yaml:"tls,omitempty" doc:"TLS towards the server."`
	Control   Control     `yaml:"control" doc:"Account that reads the catalogue and the holdings. Needs CONNECT, TEMPORARY and SELECT on protected tables, and no right to write. Required."`
	Scan      Scan        `yaml:"scan,omitempty" doc:"When holdings are read. They are always read at start."`
	Protect   []Table     `yaml:"protect" doc:"The tables that hold personal data. Required."`
	Plain     []string    `yaml:"plain,omitempty" doc:"Tables (schema.table) that somebody looked at and that hold no personal data. Reads of others appear in coverage."`
	Functions []Function  `yaml:"functions,omitempty" doc:"Functions whose lineage is declared. Reads through others are bounded, or refused in enforce mode."`

	// Site is the name under which events of it are shipped to a hub; set by who
	// knows, empty when they are not.
	Site string `yaml:"-"`
}

// UpstreamTLS is TLS towards a server.
type UpstreamTLS struct {
	Mode       string `yaml:"mode,omitempty" doc:"disable, prefer, require, verify-ca or verify-full, as in libpq. Default: prefer." enum:"disable,prefer,require,verify-ca,verify-full"`
	CA         string `yaml:"ca,omitempty" doc:"PEM file of the authorities that may sign the server's certificate. Default: the system's."`
	ServerName string `yaml:"server_name,omitempty" doc:"Name that the certificate must carry. Default: the host of upstream."`
}

// Control is the account that reads the catalogue and the holdings.
type Control struct {
	User         string `yaml:"user" doc:"Database user. Required."`
	PasswordFile string `yaml:"password_file,omitempty" doc:"File with the password, mode 0600. Default: none (trust or peer)."`
	Address      string `yaml:"address,omitempty" doc:"Address host:port when it differs from upstream, for instance because upstream is a pooler."`
}

// Scan says when holdings are read.
type Scan struct {
	Every         Duration `yaml:"every,omitempty" doc:"Time between scans, at least 1m. Default: 24h."`
	RowsPerSecond int      `yaml:"rows_per_second,omitempty" doc:"Rows that a scan may read in a second, so that it does not press on the server, from 100 to 100000000. The snapshot stays open as long. Default: no bound."`
	Watch         Duration `yaml:"watch,omitempty" doc:"Time between looks for sessions that bypass the gate, from 1s to 1h. Default: 10s."`
}

// Table is a protected table.
type Table struct {
	Table       string            `yaml:"table" doc:"schema.table. Required, unique."`
	Key         string            `yaml:"key" doc:"Column that names the subject. Required."`
	Of          string            `yaml:"of,omitempty" doc:"Protected table (schema.table) whose subjects the key names: bookings.customer_id is a subject of customers. Default: this table."`
	Columns     map[string]string `yaml:"columns,omitempty" doc:"Column to element. Columns listed neither here nor in plain are unclassified: they count as personal data."`
	Plain       []string          `yaml:"plain,omitempty" doc:"Columns that hold no personal data."`
	Identifiers []string          `yaml:"identifiers,omitempty" doc:"Columns whose value belongs to one subject, such as an e-mail address: they attribute rows without a key."`
}

// Function is a function with declared lineage.
type Function struct {
	Name  string   `yaml:"name" doc:"schema.function(argument types), as in public.label(integer, text). Required, unique."`
	Reads []string `yaml:"reads,omitempty" doc:"Protected tables (schema.table) that the result may draw from. Empty: from its arguments alone."`
}

// Gate is where clients connect.
type Gate struct {
	Name      string  `yaml:"name" doc:"Name in events: letters, digits, - and _. Required, unique."`
	Listen    string  `yaml:"listen" doc:"Address ip:port to listen on. Anything but loopback needs tls. Required, unique."`
	Database  string  `yaml:"database" doc:"Name of the guarded database. Required."`
	TLS       GateTLS `yaml:"tls,omitempty" doc:"TLS towards clients."`
	Login     Login   `yaml:"login,omitempty" doc:"Who checks passwords."`
	Mode      string  `yaml:"mode,omitempty" doc:"observe (record only), report (record what would be refused) or enforce (refuse and mask). Default: observe." enum:"observe,report,enforce"`
	OnFailure string  `yaml:"on_failure,omitempty" doc:"closed: what cannot be recorded does not pass. open: it passes and a gap is written. Default: closed." enum:"closed,open"`
	Strict    bool    `yaml:"strict,omitempty" doc:"Every statement waits for its record to be on disk. Default: false."`
	Workers   int     `yaml:"workers,omitempty" doc:"Threads, from 1 to 64. Default: half as many as processors, at least 1."`
	Portable  bool    `yaml:"portable,omitempty" doc:"Use ordinary goroutines instead of epoll. Default: false on Linux."`
	Rewrite   string  `yaml:"rewrite,omitempty" doc:"on: plain SELECTs without a subject key get one, which is taken out again. off: statements are never changed. Default: on." enum:"on,off"`
	Limits    Limits  `yaml:"limits,omitempty" doc:"What one gate bears."`
}

// GateTLS is TLS towards clients.
type GateTLS struct {
	Cert     string `yaml:"cert,omitempty" doc:"PEM file of the certificate chain. With login relay it should be the server's own, or channel binding fails."`
	Key      string `yaml:"key,omitempty" doc:"PEM file of its key, mode 0600."`
	Require  bool   `yaml:"require,omitempty" doc:"Refuse clients without TLS. Default: false."`
	ClientCA string `yaml:"client_ca,omitempty" doc:"PEM file of the authorities that may sign clients' certificates. Clients are asked for one, and refused with one of others. Default: clients are not asked."`
}

// Login says who checks passwords.
type Login struct {
	Mode         string              `yaml:"mode,omitempty" doc:"relay: the server does. terminate: the gate does and uses credentials of its own. Default: relay." enum:"relay,terminate"`
	Verifiers    string              `yaml:"verifiers,omitempty" doc:"For terminate: file of lines \"user\" \"SCRAM-SHA-256$…\" (as in pg_authid and in pgbouncer's auth_file), mode 0600."`
	Certificates map[string][]string `yaml:"certificates,omitempty" doc:"For terminate: users that the common name of a verified client certificate may log in as without a password. Needs tls.client_ca."`
	Passwords    string              `yaml:"passwords,omitempty" doc:"For terminate: file of lines \"user or *\" \"password at the server\" [\"user at the server\"], mode 0600."`
}

// Limits bound a gate.
type Limits struct {
	Sessions int      `yaml:"sessions,omitempty" doc:"Client sessions at once, from 1 to 100000. Default: 1000."`
	Message  Bytes    `yaml:"message,omitempty" doc:"Largest protocol message kept in memory; longer data rows stream through. From 64KiB to 1GiB. Default: 16MiB."`
	Login    Duration `yaml:"login,omitempty" doc:"Time for a login. Default: 30s."`
	Drain    Duration `yaml:"drain,omitempty" doc:"Time that sessions get to end when the gate stops. Default: 10s."`
}

// Defaults, where a zero value would not do.
const (
	defaultTenant       = "default"
	defaultSync         = 100 * time.Millisecond
	defaultClockErr     = 50 * time.Millisecond
	defaultSegmentBytes = 64 << 20
	defaultSegmentAge   = 10 * time.Minute
	defaultScanEvery    = 24 * time.Hour
	defaultWatch        = 10 * time.Second
	leastRows, mostRows = 100, 100_000_000
	defaultMetrics      = "127.0.0.1:9187"
	defaultConsole      = "127.0.0.1:8600"
	defaultSessions     = 1000
	defaultMessage      = 16 << 20
	defaultLogin        = 30 * time.Second
	defaultDrain        = 10 * time.Second
)

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// fill puts defaults where the file says nothing.
func (c *Config) fill() {
	setDefault(&c.Tenant, defaultTenant)
	setDefault(&c.Ledger.Sync, Duration(defaultSync))
	setDefault(&c.Ledger.ClockErr, Duration(defaultClockErr))
	setDefault(&c.Ledger.Origin, "sekisho/"+c.Tenant)
	setDefault(&c.Ledger.Segment.Bytes, defaultSegmentBytes)
	setDefault(&c.Ledger.Segment.Age, Duration(defaultSegmentAge))
	if c.Metrics != nil {
		setDefault(&c.Metrics.Listen, defaultMetrics)
	}
	if c.Console != nil {
		setDefault(&c.Console.Listen, defaultConsole)
	}
	for i := range c.Files {
		setDefault(&c.Files[i].Every, Duration(defaultFilesEvery))
	}
	for i := range c.Stores {
		setDefault(&c.Stores[i].Every, Duration(defaultStoreEvery))
		for k := range c.Stores[i].Protect {
			setDefault(&c.Stores[i].Protect[k].Of, c.Stores[i].Protect[k].Table)
		}
	}
	for i := range c.Databases {
		d := &c.Databases[i]
		setDefault(&d.Database, d.Name)
		setDefault(&d.TLS.Mode, "prefer")
		setDefault(&d.Control.Address, d.Upstream)
		setDefault(&d.Scan.Every, Duration(defaultScanEvery))
		setDefault(&d.Scan.Watch, Duration(defaultWatch))
		for k := range d.Protect {
			setDefault(&d.Protect[k].Of, d.Protect[k].Table)
		}
	}
	for i := range c.Gates {
		g := &c.Gates[i]
		setDefault(&g.Mode, "observe")
		setDefault(&g.OnFailure, "closed")
		setDefault(&g.Login.Mode, "relay")
		setDefault(&g.Rewrite, "on")
		setDefault(&g.Limits.Sessions, defaultSessions)
		setDefault(&g.Limits.Message, defaultMessage)
		setDefault(&g.Limits.Login, Duration(defaultLogin))
		setDefault(&g.Limits.Drain, Duration(defaultDrain))
	}
	c.webDefaults()
	if c.Hub != nil {
		setDefault(&c.Hub.Wait, Duration(2*time.Second))
	}
	c.egressDefaults()
}
