package desk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"sekisho/internal/lang"
	"sekisho/internal/notify"
	"sekisho/internal/strictyaml"
	"sekisho/internal/view/casefile"
	"sekisho/internal/view/casefile/draft"
	"sekisho/internal/view/casefile/roster"
)

// Company is who we are, for letters and for the rules that hold for some firms
// only.
type Company struct {
	Name   string `yaml:"name"`
	Number string `yaml:"number,omitempty"` // 法人番号
	// Industry is the kind of business as the PPC's form asks for it: 旅行業.
	Industry string   `yaml:"industry,omitempty"`
	Address  string   `yaml:"address,omitempty"`
	Phone    string   `yaml:"phone,omitempty"`
	Head     string   `yaml:"head,omitempty"`  // representative
	Desk     string   `yaml:"desk,omitempty"`  // inquiry desk, as printed
	Facts    []string `yaml:"facts,omitempty"` // travel, listed, pmark, entrusted, critical-infrastructure
	// Founded is the first day of the company, 2006-01-02: knowledge that is said
	// to be older is a typing error and is refused. Default: 1950-01-01.
	Founded string `yaml:"founded,omitempty"`
}

// Climb is how long a call may stay without an answer before the next rank is
// called, counted from the first knowledge. Default: 1h, 4h and 24h, which are
// also the longest.
type Climb struct {
	CSIRT   time.Duration `yaml:"csirt,omitempty"`
	CISO    time.Duration `yaml:"ciso,omitempty"`
	Officer time.Duration `yaml:"officer,omitempty"`
}

// Mail is the mail server.
type Mail struct {
	Server       string `yaml:"server"`
	From         string `yaml:"from"`
	User         string `yaml:"user,omitempty"`
	PasswordFile string `yaml:"password_file,omitempty"`
	TLS          string `yaml:"tls,omitempty"`
}

// Channel is a webhook by name. The files hold one line, mode 0600.
type Channel struct {
	Name      string `yaml:"name"`
	Kind      string `yaml:"kind"`
	URLFile   string `yaml:"url_file"`
	TokenFile string `yaml:"token_file,omitempty"`
}

// Firm is the file of cases: who we are, who is on duty, how they are reached.
type Firm struct {
	Company  Company         `yaml:"company"`
	People   []roster.Person `yaml:"people"`
	Mail     *Mail           `yaml:"mail,omitempty"`
	Channels []Channel       `yaml:"channels,omitempty"`
	Retainer *Outside        `yaml:"retainer,omitempty"` // investigator under contract
	Acquirer *Outside        `yaml:"acquirer,omitempty"` // card company or payment provider
	Climb    *Climb          `yaml:"climb,omitempty"`    // on silence

	hooks    map[string]*notify.Webhook
	mail     *notify.Mail
	warnings []roster.Problem
	founded  time.Time
}

// LoadFirm reads the file strictly. What is wrong with the roster is a warning,
// seen in red with every case: a firm without a duty person must be able to
// take a sign.
func LoadFirm(file string) (*Firm, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var f Firm
	if err := strictyaml.Unmarshal(text, &f); err != nil {
		return nil, errors.New(yaml.FormatError(err, false, false))
	}
	return &f, f.open(filepath.Dir(file))
}

func (f *Firm) open(dir string) error {
	secret := func(name string) (string, error) {
		if name == "" {
			return "", nil
		}
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		info, err := os.Stat(name)
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			return "", fmt.Errorf("%s: others can read it; chmod 600", name)
		}
		text, err := os.ReadFile(name)
		return strings.TrimSpace(string(text)), err
	}
	f.hooks = map[string]*notify.Webhook{}
	for _, c := range f.Channels {
		if c.Name == "" || f.hooks[c.Name] != nil || !slices.Contains([]string{"slack", "lineworks", "chatwork", "generic"}, c.Kind) {
			return fmt.Errorf("channel %q: needs a new name and a kind: slack, lineworks, chatwork or generic", c.Name)
		}
		address, err := secret(c.URLFile)
		if err != nil {
			return err
		}
		token, err := secret(c.TokenFile)
		if err != nil {
			return err
		}
		f.hooks[c.Name] = &notify.Webhook{Kind: c.Kind, URL: address, Token: token}
	}
	if m := f.Mail; m != nil {
		password, err := secret(m.PasswordFile)
		if err != nil {
			return err
		}
		f.mail = &notify.Mail{Server: m.Server, From: m.From, User: m.User, Password: password, TLS: m.TLS}
	}
	if err := f.roster().CheckLogins(); err != nil {
		return err
	}
	if err := f.times(); err != nil {
		return err
	}
	f.warnings = f.roster().Check()
	for _, p := range f.People {
		for _, way := range p.Reach {
			if to, isMail := strings.CutPrefix(way, "mailto:"); isMail && (f.mail == nil || to == "") || !isMail && f.hooks[way] == nil {
				f.warnings = append(f.warnings, roster.Problem{Key: "way", Args: []any{"person", p.ID, "way", way}})
			}
		}
	}
	return nil
}

// times reads what the file says of times.
func (f *Firm) times() (err error) {
	if day := f.Company.Founded; day != "" {
		if f.founded, err = time.ParseInLocation(time.DateOnly, day, jst); err != nil {
			return fmt.Errorf("company.founded: %q is no day like 1989-04-01", day)
		}
	}
	if f.Climb == nil {
		return nil
	}
	last := time.Duration(0)
	for _, c := range []struct {
		rank      string
		have, max time.Duration
	}{{"csirt", f.Climb.CSIRT, casefile.LongestClimb.CSIRT}, {"ciso", f.Climb.CISO, casefile.LongestClimb.CISO}, {"officer", f.Climb.Officer, casefile.LongestClimb.Officer}} {
		if c.have == 0 {
			c.have = c.max
		}
		if c.have < last || c.have <= 0 || c.have > c.max {
			return fmt.Errorf("climb.%s: %s is not between that of the rank before (%s) and %s", c.rank, c.have, last, c.max)
		}
		last = c.have
	}
	return nil
}

func (f *Firm) roster() *roster.Roster { return &roster.Roster{People: f.People} }

// Warnings returns what is wrong with the roster, one sentence each.
func (f *Firm) Warnings(l lang.Language) (out []string) {
	for _, w := range f.warnings {
		out = append(out, problem(w, l))
	}
	return out
}

func problem(w roster.Problem, l lang.Language) string {
	args := slices.Clone(w.Args)
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == "rank" {
			args[i+1] = casefile.Word("rank", fmt.Sprint(args[i+1]), l)
		}
	}
	return texts.In(l).Text("roster_"+w.Key, args...)
}

// View returns what the view needs to know of the firm.
func (f *Firm) View() *casefile.Firm {
	out := &casefile.Firm{Roster: f.roster(), Facts: f.Company.Facts, Founded: f.founded}
	if c := f.Climb; c != nil {
		out.Climb = casefile.Climb{CSIRT: c.CSIRT, CISO: c.CISO, Officer: c.Officer}
	}
	return out
}

// Letterhead returns who writes documents.
func (f *Firm) Letterhead() draft.Company {
	c := f.Company
	out := draft.Company{Name: c.Name, Number: c.Number, Industry: c.Industry, Address: c.Address, Phone: c.Phone, Head: c.Head, Desk: c.Desk}
	for _, p := range f.People {
		out.People = append(out.People, draft.Contact{Rank: p.Rank, Name: p.Name, Phone: p.Phone})
	}
	return out
}

// errNoWay is returned for a person without a way that works.
var errNoWay = errors.New("there is no way to reach this person")

// Reach sends to one person on all ways and returns those that took it. It
// fails when none did.
func (f *Firm) Reach(ctx context.Context, p *roster.Person, m notify.Message) (ways []string, err error) {
	errs := []error{errNoWay}
	for _, way := range p.Reach {
		to, isMail := strings.CutPrefix(way, "mailto:")
		var err error
		switch {
		case isMail && f.mail != nil:
			way = "mail"
			err = f.mail.Send(ctx, to, m)
		case f.hooks[way] != nil:
			err = f.hooks[way].Send(ctx, m)
		default:
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		ways = append(ways, way)
	}
	if len(ways) == 0 {
		return nil, errors.Join(errs...)
	}
	return ways, nil
}

// Way is one by which somebody of the roster is called.
type Way struct {
	Name   string // "mail", or a channel's
	Kind   string // "mail", slack, lineworks, chatwork or generic
	Server string
	File   string // that holds the password, or a channel's address; may be empty
	// Try looks whether it works, as far as that can be told without a message
	// (package notify).
	Try func(ctx context.Context) error
}

// Ways returns the ways by which people are called.
func (f *Firm) Ways() (out []Way) {
	used := func(is func(way string) bool) bool {
		return slices.ContainsFunc(f.People, func(p roster.Person) bool { return slices.ContainsFunc(p.Reach, is) })
	}
	if f.mail != nil && used(func(way string) bool { return strings.HasPrefix(way, "mailto:") }) {
		out = append(out, Way{Name: "mail", Kind: "mail", Server: f.mail.Server, File: f.Mail.PasswordFile, Try: f.mail.Try})
	}
	for _, c := range f.Channels {
		if hook := f.hooks[c.Name]; used(func(way string) bool { return way == c.Name }) {
			out = append(out, Way{Name: c.Name, Kind: c.Kind, Server: hook.Host(), File: c.URLFile, Try: hook.Try})
		}
	}
	return out
}
