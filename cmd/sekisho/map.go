package main

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"sekisho/internal/config"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/datamap/propose"
	"sekisho/internal/datamap/tablestore"
	"sekisho/internal/fault"
	"sekisho/internal/lang"
)

type mapCmd struct {
	Show    mapShowCmd    `cmd:"" default:"1" help:"help_map_show"`
	Risk    mapRiskCmd    `cmd:"" help:"help_map_risk"`
	Watch   mapWatchCmd   `cmd:"" help:"help_map_watch"`
	Scan    mapScanCmd    `cmd:"" help:"help_map_scan"`
	Propose mapProposeCmd `cmd:"" help:"help_map_propose"`
	Subject mapSubjectCmd `cmd:"" help:"help_map_subject"`
}

type mapScanCmd struct {
	Database string `arg:"" optional:"" help:"help_database"`
}

// Run reads the holdings now.
func (c mapScanCmd) Run(a *app) error {
	op, err := a.operator()
	if err != nil {
		return err
	}
	all, err := op.Scan(a.ctx, c.Database)
	if err != nil {
		return err
	}
	return a.out(all, func() {
		a.table([]string{"col_table", "col_rows", "col_subjects", "col_unknown"}, func(line func(...any)) {
			for _, r := range all {
				line(r.Table, countOf(r.Rows), countOf(r.Subjects), countOf(r.Unknown))
			}
		})
	})
}

type mapProposeCmd struct {
	Database string `arg:"" optional:"" help:"help_database"`
	DSN      string `name:"dsn" placeholder:"URL" help:"help_dsn"`
	// PasswordFile is for DSN.
	PasswordFile string `placeholder:"FILE" help:"help_person_password_file"`
	Check        bool   `help:"help_map_check"`
}

// Run proposes the protect section of a database, or with --check says how the
// database drifted away from the one that is configured.
func (c mapProposeCmd) Run(a *app) error {
	out := consoleoffice.Survey{}
	if a.hub.address != "" && c.DSN == "" {
		var err error
		if out, err = elsewhere[consoleoffice.SurveyRequest, consoleoffice.Survey](a, "map/propose",
			consoleoffice.SurveyRequest{Database: c.Database, Check: c.Check, Lang: string(a.lang)}); err != nil {
			return err
		}
		return c.tell(a, &out)
	}
	l, d, dsn, err := c.database(a)
	if err != nil {
		return err
	}
	name := c.DSN
	if d != nil {
		name, out.Database = d.Name, d.Name
	}
	ask := databaseAsk{}
	if d != nil {
		ask = askOf(d)
		ask.Drift = c.Check
	}
	var look *databaseLook
	if gated(l, d) {
		look, err = a.lookAt(a.ctx, l, d, dsn, ask)
	} else {
		look, err = ask.look(a.ctx, dsn, nil, time.Now)
	}
	if err != nil {
		return fault.New(fault.DatabaseConnect, "database", hideDSN(name), "address", "").Because(err)
	}
	out.Proposal, out.Skipped, out.Drift = look.Proposal, look.Skipped, look.Drift
	return c.tell(a, &out)
}

// tell shows a proposal; drift is a no to --check.
func (c mapProposeCmd) tell(a *app, out *consoleoffice.Survey) error {
	err := a.out(out, func() { c.show(a, out) })
	if err == nil && len(out.Drift) > 0 {
		return errNo
	}
	return err
}

// hideDSN leaves the password out of what is said.
func hideDSN(dsn string) string {
	if i := strings.LastIndexByte(dsn, '@'); i >= 0 {
		return dsn[i+1:]
	}
	return dsn
}

// database returns how to reach the database: --dsn, else the configured one.
func (c mapProposeCmd) database(a *app) (*config.Loaded, *config.Database, string, error) {
	if c.DSN != "" {
		dsn, err := c.withPassword()
		return nil, nil, dsn, err
	}
	l, err := a.load()
	if err != nil {
		return nil, nil, "", err
	}
	d, dsn, err := baseToSurvey(l, c.Database)
	if err == nil && d == nil {
		err = surveyUnknown(a.say, c.Database)
	}
	return l, d, dsn, err
}

// withPassword is DSN with the password of the file or, for MySQL, of the environment, if
// it has none of its own. PGPASSWORD and ~/.pgpass PostgreSQL's library reads.
func (c mapProposeCmd) withPassword() (string, error) {
	secret, err := config.ReadSecret(c.PasswordFile)
	if err != nil {
		return "", err
	}
	if secret.Reveal() == "" {
		secret = config.NewSecret(accessFromEnvironment(c.DSN).secret)
	}
	if u, err := url.Parse(c.DSN); err == nil && u.User != nil {
		if _, own := u.User.Password(); own {
			return c.DSN, nil
		}
	}
	return storeDSN(&config.Store{Name: hideDSN(c.DSN), Address: c.DSN}, secret)
}

func surveyUnknown(say lang.Printer, name string) *fault.Error {
	return fault.New(fault.Usage, "problem", say.Text("propose_nobody", "database", name), "hint", say.Text("propose_hint"))
}

// baseToSurvey returns a database of the configuration, or a store with tables, and how
// the configuration reaches it; nil when there is none of that name. An empty name is
// the first.
func baseToSurvey(l *config.Loaded, name string) (*config.Database, string, error) {
	for i := range l.Databases {
		d := &l.Databases[i]
		if name != "" && d.Name != name {
			continue
		}
		password, err := config.ReadSecret(d.Control.PasswordFile)
		if err != nil {
			return nil, "", err
		}
		return d, controlDSN(d, password), nil
	}
	for i := range l.Stores {
		s := &l.Stores[i]
		if name != "" && s.Name != name || !tablestore.Is(s.Address) {
			continue
		}
		secret, err := config.ReadSecret(s.PasswordFile)
		if err != nil {
			return nil, "", err
		}
		dsn, err := storeDSN(s, secret)
		return storeBase(s), dsn, err
	}
	return nil, "", nil
}

// gated reports whether a database is one behind a gate, which a process watches.
func gated(l *config.Loaded, d *config.Database) bool {
	return d != nil && slices.ContainsFunc(l.Databases, func(c config.Database) bool { return c.Name == d.Name })
}

// configured is the protect section as propose compares it.
func configured(d *config.Database) []propose.Configured {
	var out []propose.Configured
	for i := range d.Protect {
		t := &d.Protect[i]
		out = append(out, propose.Configured{Name: t.Table, Key: t.Key, Columns: elements(t), Plain: t.Plain})
	}
	return out
}

// proposalWords are the comments of a proposal in the person's language.
func proposalWords(say lang.Printer) propose.Words {
	why := func(reason string) string {
		return say.Text("propose_why_" + strings.NewReplacer(" ", "_", ",", "").Replace(reason))
	}
	return propose.Words{
		Key: func(reason, of string) string { return strings.TrimSpace(why(reason) + " " + of) },
		Column: func(x propose.Proposed) string {
			return say.Text("propose_column", "confidence", x.Confidence, "why", why(x.Why), "hits", countOf(uint64(x.Hits)), "of", countOf(uint64(x.Of)))
		},
		Open: say.Text("propose_open"), NoKey: say.Text("propose_no_key"),
	}
}

func (c mapProposeCmd) show(a *app, p *consoleoffice.Survey) {
	if !c.Check {
		fmt.Fprint(a.env.stdout, p.YAML(proposalWords(a.say)))
	}
	for _, t := range slices.Sorted(maps.Keys(p.Skipped)) {
		a.print("propose_skipped", "table", t, "why", p.Skipped[t])
	}
	for _, d := range p.Drift {
		place := d.Table
		if d.Column != "" {
			place += "." + d.Column
		}
		a.print("propose_drift", "place", place, "what", a.say.Text("propose_drift_"+strings.ReplaceAll(d.What, " ", "_")),
			"elements", strings.Trim(strings.Join([]string{d.Configured, d.Found}, " → "), " →"))
	}
	if c.Check && len(p.Drift) == 0 {
		a.print("propose_same")
	}
}
