package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/config"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/datamap/propose"
	"sekisho/internal/durable"
	"sekisho/internal/fault"
	"sekisho/internal/setup"
)

// packagedConfig is where the packages expect the configuration, packagedData
// what they keep for it.
const packagedConfig, packagedData = "/etc/sekisho", "/var/lib/sekisho"

// lookTime bounds the look at a database before anything is proposed.
const lookTime = 10 * time.Minute

// look is what a database says of itself.
type look struct {
	dsn     string
	cfg     *pgx.ConnConfig
	version string
	account bool // the account is there
	may     bool // whoever looked may make accounts
	plan    setup.Plan
	skipped map[string]string
}

// configure writes configuration, people, password and SQL of a first
// installation, and says what it did.
func (c *initCmd) configure(a *app) error {
	var ask *asker
	if c.Ask || c.Database == "" {
		ask = newAsker(a)
		a.print("ask_hello")
		if err := c.askDatabase(a, ask); err != nil {
			return err
		}
	}
	if ask == nil {
		if err := c.checkPeople(a); err != nil {
			return err
		}
	}
	found, err := c.look(a)
	if err != nil {
		return err
	}
	if len(found.plan.Tables) == 0 {
		return fault.New(fault.SetupNothing, "database", found.cfg.Database)
	}
	c.showPlan(a, found)
	if ask != nil {
		if err := c.askRest(a, ask, found); err != nil {
			return err
		}
	}
	answers, err := c.answers(a, found)
	if err != nil {
		return err
	}
	verifier, err := c.write(a, answers, found)
	if err != nil || !c.Create {
		return err
	}
	if err := runSQL(a.ctx, found.dsn, answers.SQL(found.plan, verifier, setupWords(a))); err != nil {
		return fault.New(fault.SetupAccount, "account", c.Account, "file", c.sqlFile(a, answers)).Because(withoutText(err))
	}
	a.print("init_account_made", "account", c.Account)
	return nil
}

// checkPeople refuses flags that name nobody who could be called.
func (c *initCmd) checkPeople(a *app) error {
	if c.Company == "" || c.Duty == "" || c.Mail == "" && c.LineWorks == "" {
		return fault.New(fault.Usage, "problem", a.say.Text("init_nobody"), "hint", a.say.Text("init_nobody_hint"))
	}
	if c.Mail != "" && (isMail(c.Mail) != "" || isHostPort(c.MailServer) != "") {
		return fault.New(fault.Usage, "problem", a.say.Text("init_bad_mail"), "hint", a.say.Text("init_mail_hint"))
	}
	return nil
}

// askDatabase finds out where the database is and who may look at it.
func (c *initCmd) askDatabase(a *app, ask *asker) error {
	if c.Database != "" {
		return nil
	}
	env := ""
	if host := a.env.getenv("PGHOST"); host != "" && !strings.HasPrefix(host, "/") {
		env = net.JoinHostPort(host, cmp.Or(a.env.getenv("PGPORT"), "5432"))
	}
	proposal := ""
	for _, address := range nearby(a.ctx, env) {
		a.print("ask_found", "address", address)
		proposal = cmp.Or(proposal, address)
	}
	address, err := ask.until("ask_address", proposal, isHostPort)
	if err != nil {
		return err
	}
	user, err := ask.until("ask_user", cmp.Or(a.env.getenv("PGUSER"), "postgres"), isFilled)
	if err != nil {
		return err
	}
	u := url.URL{Scheme: "postgres", Host: address, User: url.User(user), Path: "/postgres"}
	names, err := databases(a.ctx, u.String())
	var refused *pgconn.PgError
	if errors.As(err, &refused) && (refused.Code == "28P01" || refused.Code == "28000") || err != nil && strings.Contains(err.Error(), "password") {
		password, askErr := ask.password("ask_password", "user", user)
		if askErr != nil {
			return askErr
		}
		u.User = url.UserPassword(user, password)
		names, err = databases(a.ctx, u.String())
	}
	if err != nil {
		return fault.New(fault.DatabaseConnect, "database", "postgres", "address", address).Because(errors.New(a.why(err)))
	}
	for _, name := range names {
		a.print("ask_database_is", "name", name)
	}
	first := ""
	if len(names) > 0 {
		first = names[0]
	}
	name, err := ask.until("ask_database", first, isFilled)
	if err != nil {
		return err
	}
	u.Path = "/" + name
	c.Database = u.String()
	return nil
}

// databases lists the databases of a server, the biggest first.
func databases(ctx context.Context, dsn string) ([]string, error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, `SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate AND datname <> 'postgres'
		AND has_database_privilege(oid, 'CONNECT') ORDER BY pg_database_size(oid) DESC, datname`)
	if err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return names, errors.Join(err, conn.Close(ctx))
}

// withoutText keeps of a server's error its SQLSTATE: the text may carry
// values.
func withoutText(err error) error {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return fmt.Errorf("SQLSTATE %s", refused.Code)
	}
	return err
}

// look reads the database: its version, the account, and what is proposed.
func (c *initCmd) look(a *app) (*look, error) {
	ctx, cancel := context.WithTimeout(a.ctx, lookTime)
	defer cancel()
	l := &look{dsn: c.Database}
	var err error
	if l.cfg, err = pgx.ParseConfig(c.Database); err != nil {
		return nil, fault.New(fault.Usage, "problem", a.say.Text("init_bad_url"), "hint", a.say.Text("init_url_hint"))
	}
	lost := func(err error) error {
		return fault.New(fault.DatabaseConnect, "database", l.cfg.Database, "address", net.JoinHostPort(l.cfg.Host, strconv.Itoa(int(l.cfg.Port)))).Because(errors.New(a.why(err)))
	}
	conn, err := pgx.ConnectConfig(ctx, l.cfg)
	if err != nil {
		return nil, lost(err)
	}
	err = conn.QueryRow(ctx, `SELECT current_setting('server_version'), EXISTS (SELECT FROM pg_roles WHERE rolname = $1),
		(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)`, c.Account).Scan(&l.version, &l.account, &l.may)
	if err = errors.Join(err, conn.Close(ctx)); err != nil {
		return nil, lost(err)
	}
	all, skipped, err := propose.Read(ctx, c.Database, nil)
	if err != nil {
		return nil, lost(err)
	}
	l.plan, l.skipped = setup.Settle(propose.Propose(all)), skipped
	return l, nil
}

// showPlan says what was found, table by table.
func (c *initCmd) showPlan(a *app, found *look) {
	if a.json {
		return
	}
	a.print("init_found", "database", found.cfg.Database, "version", found.version, "tables", len(found.plan.Tables), "plain", len(found.plan.Plain))
	mapProposeCmd{}.show(a, &consoleoffice.Survey{Proposal: found.plan.Proposal, Skipped: found.skipped})
	for _, t := range found.plan.Keyless {
		a.print("init_keyless", "table", t.Name)
	}
}

// askRest asks what the database cannot say.
func (c *initCmd) askRest(a *app, ask *asker, found *look) error {
	take, err := ask.yes("ask_take", true)
	if err != nil {
		return err
	}
	if !take {
		a.print("ask_left")
		return errNo
	}
	if !c.Create && found.may {
		if c.Create, err = ask.yes("ask_create", true, "account", c.Account); err != nil {
			return err
		}
	}
	if c.Listen, err = ask.until("ask_listen", cmp.Or(c.Listen, freeAddress("127.0.0.1", 6432)), isHostPort); err != nil {
		return err
	}
	if c.Company, err = ask.until("ask_company", c.Company, isFilled); err != nil {
		return err
	}
	if c.Duty, err = ask.until("ask_duty", c.Duty, isFilled); err != nil {
		return err
	}
	if c.Phone, err = ask.line("ask_phone", c.Phone); err != nil {
		return err
	}
	return c.askReach(ask)
}

// askReach asks how the duty person is reached: by mail, by LINE WORKS, or
// both.
func (c *initCmd) askReach(ask *asker) (err error) {
	orNothing := func(check func(string) string) func(string) string {
		return func(s string) string {
			if s == "" {
				return ""
			}
			return check(s)
		}
	}
	if c.Mail, err = ask.until("ask_mail", c.Mail, orNothing(isMail)); err != nil {
		return err
	}
	if c.Mail != "" {
		if c.MailServer, err = ask.until("ask_mail_server", c.MailServer, isHostPort); err != nil {
			return err
		}
		if c.MailFrom, err = ask.until("ask_mail_from", cmp.Or(c.MailFrom, c.Mail), isMail); err != nil {
			return err
		}
	}
	check := orNothing(isHook)
	if c.Mail == "" {
		check = isHook
	}
	if c.LineWorks == "" {
		c.hook, err = ask.until("ask_lineworks", "", check)
	}
	return err
}

// freeAddress is the first address of a host that is free, from a port on.
func freeAddress(host string, port int) string {
	for p := port; p < port+20; p++ {
		address := net.JoinHostPort(host, strconv.Itoa(p))
		if l, err := net.Listen("tcp", address); err == nil {
			if l.Close() == nil {
				return address
			}
		}
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// answers puts together what the files say.
func (c *initCmd) answers(a *app, found *look) (*setup.Answers, error) {
	out := &setup.Answers{
		Name: cmp.Or(c.Name, setup.Name(found.cfg.Database)), Upstream: c.Upstream, Database: found.cfg.Database, TLS: tlsMode(found.cfg),
		Account: c.Account,
		Listen:  cmp.Or(c.Listen, freeAddress("127.0.0.1", 6432)), Console: cmp.Or(c.Console, freeAddress("127.0.0.1", 8600)),
		Data: cmp.Or(c.Data, "./data"), Keys: cmp.Or(c.Keys, "./keys"), Cases: "./cases.yaml",
		Company: c.Company, Duty: setup.Person{Name: c.Duty, Mail: c.Mail, Phone: c.Phone},
	}
	if dir, err := filepath.Abs(filepath.Dir(a.config)); err == nil && dir == packagedConfig {
		out.Data, out.Keys = cmp.Or(c.Data, packagedData+"/data"), cmp.Or(c.Keys, packagedData+"/keys")
	}
	out.Secret = "./" + out.Name + ".password"
	if out.Upstream == "" {
		host := found.cfg.Host
		if strings.HasPrefix(host, "/") { // looked at over its socket; clients come over the network
			host = "127.0.0.1"
		}
		out.Upstream = net.JoinHostPort(host, strconv.Itoa(int(found.cfg.Port)))
	}
	if c.Mail != "" {
		out.Mail = &setup.Mail{Server: c.MailServer, From: cmp.Or(c.MailFrom, c.Mail)}
	}
	if c.hook != "" {
		out.LineWorks = "./lineworks.url"
	} else if c.LineWorks != "" {
		file, err := filepath.Abs(c.LineWorks)
		if err != nil {
			return nil, fault.New(fault.ConfigUnreadable, "what", c.LineWorks).Because(err)
		}
		out.LineWorks = file
	}
	return out, nil
}

// tlsMode is how the database was reached, as the configuration says it.
func tlsMode(c *pgx.ConnConfig) string {
	clear := c.TLSConfig == nil
	for _, f := range c.Fallbacks {
		clear = clear || f.TLSConfig == nil
	}
	switch t := c.TLSConfig; {
	case t == nil && len(c.Fallbacks) == 0 && !strings.HasPrefix(c.Host, "/"):
		return "disable"
	case clear || t == nil:
		return "prefer"
	case !t.InsecureSkipVerify:
		return "verify-full"
	case t.VerifyPeerCertificate != nil:
		return "verify-ca"
	}
	return "require"
}

func (c *initCmd) sqlFile(a *app, answers *setup.Answers) string {
	return filepath.Join(filepath.Dir(a.config), answers.Name+"-account.sql")
}

// passwordBytes is how much chance a password has.
const passwordBytes = 24

// write writes the files; none that is there is replaced. The configuration
// comes last, and only when it is one that `sekisho up` takes. It returns the
// verifier of the account's password.
func (c *initCmd) write(a *app, answers *setup.Answers, found *look) (verifier string, err error) {
	salt := make([]byte, 16)
	rand.Read(salt) // never fails (crypto/rand)
	password := newPassword()
	if verifier, err = setup.Verifier(password, salt); err != nil {
		return "", err
	}
	dir := filepath.Dir(a.config)
	type file struct{ name, text string }
	files := []file{
		{answers.Secret, password + "\n"},
		{answers.Name + "-account.sql", answers.SQL(found.plan, verifier, setupWords(a))},
		{answers.Cases, answers.People(setupWords(a))},
	}
	if c.hook != "" {
		files = append(files, file{answers.LineWorks, c.hook + "\n"})
	}
	var done []string
	undo := func(err error) (string, error) {
		for _, name := range done {
			err = errors.Join(err, os.Remove(name))
		}
		return "", err
	}
	put := func(name, text string) error {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return fault.New(fault.SetupExists, "file", name)
		}
		if err != nil {
			return fault.New(fault.SetupWrite, "file", name).Because(err)
		}
		done = append(done, name)
		_, err = f.WriteString(text)
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			return fault.New(fault.SetupWrite, "file", name).Because(err)
		}
		return nil
	}
	for _, f := range files {
		if err := put(filepath.Join(dir, f.name), f.text); err != nil {
			return undo(err)
		}
	}
	draft := a.config + ".new"
	if err := put(draft, answers.Config(found.plan, setupWords(a), proposalWords(a.say))); err != nil {
		return undo(err)
	}
	if _, err := config.Load(draft); err != nil {
		return undo(err)
	}
	if err := errors.Join(os.Link(draft, a.config), os.Remove(draft), durable.Dir(dir).SyncDir(".")); err != nil { // unlike rename, link replaces nothing
		return undo(fault.New(fault.SetupWrite, "file", a.config).Because(err))
	}
	if !a.json {
		a.print("init_wrote", "config", a.config, "people", filepath.Join(dir, answers.Cases), "listen", answers.Listen)
		if !c.Create {
			a.print("init_run_sql", "command", fmt.Sprintf("psql -h %s -p %d -U %s -d %s -f %s", shellWord(found.cfg.Host), found.cfg.Port, shellWord(found.cfg.User), shellWord(answers.Database), shellWord(c.sqlFile(a, answers))))
		}
	}
	return verifier, nil
}

// setupWords are the comments of the files in the person's language.
func setupWords(a *app) setup.Words {
	return func(key string, args ...any) string { return a.say.Text("setup_"+key, args...) }
}

// runSQL runs statements in one transaction.
func runSQL(ctx context.Context, dsn, text string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	_, err = conn.PgConn().Exec(ctx, "BEGIN;\n"+text+"COMMIT;\n").ReadAll()
	return errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
}

// shellWord quotes a word for a POSIX shell where it must be.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@=,+%") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
