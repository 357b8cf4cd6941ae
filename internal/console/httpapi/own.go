package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"sekisho/internal/console/account"
	"sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/proof/scope"
)

// caller is whoever makes one of ownCalls.
type caller struct {
	s *Server
	x *exchange
}

func (c *caller) by() string { return c.x.user.Name }

// ownCalls are what pages can do and commands do otherwise, with files.
var ownCalls = slices.Concat(baseCalls, recordCalls, roomCalls, keepingCalls)

var ownRules = func() map[string]rule {
	all := maps.Clone(baseRules)
	maps.Copy(all, roomRules)
	maps.Copy(all, recordRules)
	maps.Copy(all, keepingRules)
	return all
}()

// baseCalls are those about the ledger, accounts and tokens.
var baseCalls = []control.Call[*caller]{
	control.NewCall("me", control.Asking((*caller).me)),
	control.NewCall("figures", (*caller).figures),
	control.NewCall("look", (*caller).look),
	control.NewCall("events", (*caller).events),
	control.NewCall("events/wait", (*caller).wait),
	control.NewCall("map", control.Asking((*caller).dataMap)),
	control.NewCall("policy", control.Asking((*caller).policy)),
	control.NewCall("ledger", control.Asking((*caller).ledger)),
	control.NewCall("ledger/verify", control.Asking((*caller).verify)),
	control.NewCall("users", control.Asking((*caller).users)),
	control.NewCall("users/invite", (*caller).invite),
	control.NewCall("users/roles", (*caller).roles),
	control.NewCall("users/disable", (*caller).disable),
	control.NewCall("me/sessions", control.Asking((*caller).mySessions)),
	control.NewCall("me/sessions/end", (*caller).endMySessions),
	control.NewCall("tokens", control.Asking((*caller).tokens)),
	control.NewCall("tokens/make", (*caller).makeToken),
	control.NewCall("tokens/end", (*caller).endToken),
}

var baseRules = map[string]rule{
	"me":              always(account.See),
	"figures":         always(account.Ask),
	"look":            always(account.Look),
	"events":          always(account.See),
	"events/wait":     always(account.See),
	"map":             always(account.See),
	"policy":          always(account.See),
	"ledger":          always(account.See),
	"ledger/verify":   always(account.Verify),
	"users":           always(account.Users),
	"users/invite":    always(account.Users),
	"users/roles":     always(account.Users),
	"users/disable":   always(account.Users),
	"me/sessions":     always(account.MakeToken),
	"me/sessions/end": always(account.MakeToken),
	"tokens":          always(account.MakeToken),
	"tokens/make":     always(account.MakeToken),
	"tokens/end":      always(account.MakeToken),
}

// Me says who asks and what they may do with this request.
type Me struct {
	Account string           `json:"account"`
	Tenant  string           `json:"tenant"`
	Version string           `json:"version"`
	Actions []account.Action `json:"actions"` // that account and token allow
}

func (c *caller) me(context.Context) (Me, error) {
	m := Me{Account: c.by(), Tenant: c.s.Tenant, Version: c.s.Version, Actions: []account.Action{}}
	for _, do := range account.Actions {
		if c.x.may(do, c.s.Tenant) {
			m.Actions = append(m.Actions, do)
		}
	}
	return m, nil
}

// FiguresRequest asks for figures that nobody records, for pictures.
type FiguresRequest struct {
	Query scope.Query `json:"query"`
}

func (c *caller) figures(ctx context.Context, r FiguresRequest) (*scope.Result, error) {
	return c.s.Office.Peek(ctx, r.Query)
}

// LookRequest asks who some subjects of a scope are. Looking is a crossing of
// its own.
type LookRequest struct {
	Query   scope.Query `json:"query"`
	Purpose string      `json:"purpose"`
	Case    string      `json:"case,omitempty"`
	Skip    int         `json:"skip,omitempty"` // of the list
}

func (c *caller) look(ctx context.Context, r LookRequest) (*office.LookAnswer, error) {
	if r.Skip < 0 {
		return nil, control.ErrRequest
	}
	return c.s.Office.Look(ctx, office.LookRequest{Query: r.Query, Purpose: r.Purpose, Case: r.Case, Skip: r.Skip, By: c.by(), Address: addressOf(c.x.r)})
}

// EventsAnswer is a page of events, the newest first.
type EventsAnswer struct {
	Events []Event     `json:"events"`
	Next   event.Index `json:"next"`   // where to look on, as before
	Done   bool        `json:"done"`   // the beginning was reached
	Looked int         `json:"looked"` // events that were looked at
}

// Event is one event of the ledger.
type Event struct {
	Index   event.Index     `json:"index"`
	At      time.Time       `json:"at"`
	Source  string          `json:"source"`
	Kind    string          `json:"kind"`
	Session uint64          `json:"session,omitempty"`
	Line    json.RawMessage `json:"line"` // as the ledger holds it (docs/format/event.md)
}

// maxEvents is how many events one answer holds at most.
const maxEvents = 1000

func (c *caller) events(ctx context.Context, q office.EventQuery) (*EventsAnswer, error) {
	if q.Limit < 0 || q.Limit > maxEvents {
		return nil, control.ErrRequest
	}
	if q.Limit == 0 {
		q.Limit = 100
	}
	q.Whole = true
	page, err := c.s.Office.Events(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &EventsAnswer{Events: []Event{}, Next: page.Next, Done: page.Done, Looked: page.Looked}
	for _, l := range page.Lines {
		out.Events = append(out.Events, Event{l.Index, l.At, l.Source, l.Kind, l.Session, json.RawMessage(l.Line)})
	}
	return out, nil
}

// WaitRequest waits until the ledger holds more than Next events, at most
// half a minute.
type WaitRequest struct {
	Next event.Index `json:"next"`
}

// WaitAnswer says how many events the ledger holds.
type WaitAnswer struct {
	Next event.Index `json:"next"`
}

const longestWait = 30 * time.Second

func (c *caller) wait(ctx context.Context, r WaitRequest) (WaitAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	next, err := c.s.Office.Wait(ctx, r.Next)
	if errors.Is(err, context.DeadlineExceeded) {
		return WaitAnswer(r), nil
	}
	return WaitAnswer{next}, err
}

func (c *caller) dataMap(ctx context.Context) ([]office.Database, error) { return c.s.Office.Map(ctx) }

func (c *caller) policy(ctx context.Context) (*office.Policy, error) { return c.s.Office.Policy(ctx) }

func (c *caller) ledger(ctx context.Context) (*office.Ledger, error) { return c.s.Office.Ledger(ctx) }

// verify begins a check of the ledger; ledger tells how it goes.
func (c *caller) verify(ctx context.Context) (*office.Ledger, error) {
	if err := c.s.Office.Verify(ctx, c.by()); err != nil {
		return nil, err
	}
	return c.s.Office.Ledger(ctx)
}

// User is an account as others see it.
type User struct {
	Name     string          `json:"name"`
	Roles    []account.Grant `json:"roles"`
	Disabled bool            `json:"disabled"`
	Password bool            `json:"password"` // has one, with one-time codes
	Passkeys int             `json:"passkeys"`
	MadeAt   time.Time       `json:"made_at"`
}

func (c *caller) users(ctx context.Context) ([]User, error) {
	all, err := c.s.Accounts.Users(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]User, len(all))
	for i, u := range all {
		out[i] = User{u.Name, u.Roles, u.Disabled, u.Password, len(u.Passkeys), u.MadeAt}
	}
	return out, nil
}

// UserRequest is about an account: its roles at this tenant, or whether it is
// shut out.
type UserRequest struct {
	Name     string         `json:"name"`
	Roles    []account.Role `json:"roles,omitempty"`
	Disabled bool           `json:"disabled,omitempty"`
}

// Invitation is a link with which somebody makes an account, once.
type Invitation struct {
	Link string `json:"link"`
}

func (c *caller) invite(ctx context.Context, r UserRequest) (Invitation, error) {
	code, err := c.s.Accounts.Invite(ctx, c.by(), r.Name, r.Roles)
	return Invitation{c.s.Origin + "/join?invite=" + code}, accountFault(err)
}

func (c *caller) roles(ctx context.Context, r UserRequest) (struct{}, error) {
	return struct{}{}, accountFault(c.s.Accounts.SetRoles(ctx, c.by(), r.Name, c.s.Tenant, r.Roles))
}

func (c *caller) disable(ctx context.Context, r UserRequest) (struct{}, error) {
	return struct{}{}, accountFault(c.s.Accounts.SetDisabled(ctx, c.by(), r.Name, r.Disabled))
}

// Token is a token of whoever asks, by its name.
type Token struct {
	Name    string           `json:"name"`
	Actions []account.Action `json:"actions"`
	Until   time.Time        `json:"until"`
	MadeAt  time.Time        `json:"made_at"`
}

func (c *caller) tokens(ctx context.Context) ([]Token, error) {
	all, err := c.s.Accounts.Tokens(ctx, c.by())
	out := make([]Token, len(all))
	for i, t := range all {
		out[i] = Token(t)
	}
	return out, err
}

// TokenRequest makes a token, or ends the one of the name.
type TokenRequest struct {
	Name    string           `json:"name"`
	Actions []account.Action `json:"actions,omitempty"`
	Days    int              `json:"days,omitempty"` // at most 366
}

// NewToken is a token that was just made.
type NewToken struct {
	Token string    `json:"token"` // shown once
	Until time.Time `json:"until"`
}

func (c *caller) makeToken(ctx context.Context, r TokenRequest) (NewToken, error) {
	until := c.s.Accounts.Now().AddDate(0, 0, min(max(r.Days, 0), 1000))
	text, err := c.s.Accounts.NewToken(ctx, c.x.user, r.Name, r.Actions, until.Sub(c.s.Accounts.Now()))
	return NewToken{text, until}, accountFault(err)
}

func (c *caller) endToken(ctx context.Context, r TokenRequest) (struct{}, error) {
	return struct{}{}, accountFault(c.s.Accounts.EndToken(ctx, c.by(), c.by(), r.Name))
}

// OwnSession is a session of whoever asks.
type OwnSession struct {
	ID      string    `json:"id"` // lets nobody in
	Method  string    `json:"method"`
	Address string    `json:"address"`
	MadeAt  time.Time `json:"made_at"`
	SeenAt  time.Time `json:"seen_at"`
}

func (c *caller) mySessions(ctx context.Context) ([]OwnSession, error) {
	all, err := c.s.Accounts.Entries(ctx, &account.Session{User: c.x.user})
	out := make([]OwnSession, len(all))
	for i, e := range all {
		out[i] = OwnSession{e.ID, e.Method, e.Address, e.MadeAt, e.SeenAt}
	}
	return out, err
}

// OwnSessionRequest names a session by its id.
type OwnSessionRequest struct {
	ID string `json:"id"`
}

func (c *caller) endMySessions(ctx context.Context, r OwnSessionRequest) (struct{}, error) {
	if r.ID == "" {
		return struct{}{}, accountFault(account.ErrUnknown)
	}
	return struct{}{}, accountFault(c.s.Accounts.EndEntries(ctx, &account.Session{User: c.x.user}, r.ID))
}

// accountProblems are what whoever asks can mend.
var accountProblems = []error{account.ErrName, account.ErrTaken, account.ErrRole, account.ErrLast, account.ErrUnknown, account.ErrToken}

func accountFault(err error) error {
	if i := slices.IndexFunc(accountProblems, func(known error) bool { return errors.Is(err, known) }); i >= 0 {
		return fault.New(fault.ControlRefused, "problem", accountProblems[i].Error(), "hint", "see "+control.API+"openapi.json")
	}
	return err
}
