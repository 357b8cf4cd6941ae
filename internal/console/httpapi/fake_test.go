package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"

	"sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/policy/site"
	"sekisho/internal/view/casefile/draft"
	"sekisho/proof/scope"
)

// nasty is what a name of the world could be.
const nasty = "<script>\"\r\nX: y</script>"

var when = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

// book is what a fake was asked: authors by call, and what was recorded.
type book struct {
	mu     sync.Mutex
	by     map[string]string
	bodies []event.Body
	err    error
	block  chan struct{} // status waits for it
}

func (b *book) did(call, by string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.by == nil {
		b.by = map[string]string{}
	}
	b.by[call] = by
	return b.err
}

// operator answers every call with filled answers.
type operator struct{ *book }

func (f operator) Status(context.Context) (control.Status, error) {
	if f.block != nil {
		<-f.block
	}
	return control.Status{Version: nasty, Since: when, Gates: []control.GateStatus{{Name: nasty}}}, f.did("status", "")
}
func (f operator) Sessions(context.Context) ([]control.Session, error) {
	return []control.Session{{Gate: nasty, User: nasty, Since: when}}, f.did("sessions", "")
}
func (f operator) Cut(_ context.Context, r control.CutRequest) (control.CutReceipt, error) {
	return control.CutReceipt{Sessions: []event.Session{7}}, f.did("cut", r.By)
}
func (f operator) ReloadPolicy(context.Context) (control.PolicyStatus, error) {
	return control.PolicyStatus{Digest: nasty}, f.did("policy/reload", "")
}
func (f operator) Bypass(_ context.Context, r control.BypassRequest) (control.BypassStatus, error) {
	return control.BypassStatus{}, f.did("bypass", r.By)
}
func (f operator) Upgrade(_ context.Context, r control.UpgradeRequest) (control.Upgrade, error) {
	return control.Upgrade{}, f.did("upgrade", r.By)
}

func (f operator) Clear(_ context.Context, r control.ClearRequest) (control.ClearReceipt, error) {
	return control.ClearReceipt{Databases: []string{nasty}}, f.did("clear", r.By)
}
func (f operator) Web(_ context.Context, r control.WebRequest) (control.WebStatus, error) {
	return control.WebStatus{Sites: []control.SiteStatus{{Host: nasty}}, Fields: []site.Learned{{}}}, f.did("web", r.By)
}
func (f operator) Grants(context.Context) ([]control.Grant, error) {
	return []control.Grant{{ID: nasty, Until: when}}, f.did("grants", "")
}
func (f operator) RequestGrant(_ context.Context, r control.GrantRequest) (control.Grant, error) {
	return control.Grant{}, f.did("grants/request", r.By)
}
func (f operator) DecideGrant(_ context.Context, r control.GrantDecision) (control.Grant, error) {
	return control.Grant{}, f.did("grants/decide", r.By)
}
func (f operator) Scan(context.Context, string) ([]control.ScanResult, error) {
	return []control.ScanResult{{Table: nasty}}, f.did("scan", "")
}
func (f operator) DestroyKey(_ context.Context, r control.KeyRequest) error {
	return f.did("keys/destroy", r.By)
}
func (f operator) ApplyRetention(_ context.Context, r control.RetentionRequest) (event.Retention, error) {
	return event.Retention{}, f.did("retention", r.By)
}
func (f operator) RecordCase(ctx context.Context, _ control.CaseRequest) (control.CaseReceipt, error) {
	return control.CaseReceipt{Case: nasty}, f.did("case/record", control.PeerOf(ctx).Console)
}
func (f operator) Draft(context.Context, control.DraftQuery) (control.DraftAnswer, error) {
	return control.DraftAnswer{Document: json.RawMessage(`{}`)}, f.did("case/draft", "")
}
func (f operator) Misuse(_ context.Context, r control.MisuseRequest) (control.CaseReceipt, error) {
	return control.CaseReceipt{}, f.did("case/misuse", r.By)
}
func (f operator) Concentrate(_ context.Context, r control.ConcentrateRequest) (control.CaseReceipt, error) {
	return control.CaseReceipt{}, f.did("case/concentrate", r.By)
}
func (f operator) RecordHost(ctx context.Context, _ control.HostRequest) (control.CaseReceipt, error) {
	return control.CaseReceipt{}, f.did("host", control.PeerOf(ctx).Console)
}
func (f operator) Database(ctx context.Context, _ control.DatabaseQuery) (json.RawMessage, error) {
	return nil, f.did("database", control.PeerOf(ctx).Console)
}
func (f operator) TestCall(_ context.Context, r control.TestRequest) (control.TestAnswer, error) {
	return control.TestAnswer{Reached: []string{nasty}}, f.did("case/test-call", r.By)
}
func (f operator) Case(context.Context, control.CaseQuery) (json.RawMessage, error) {
	return json.RawMessage(`{"id":"c1"}`), f.did("case", "")
}
func (f operator) Rules(context.Context, control.RulesRequest) (control.RulesReceipt, error) {
	return control.RulesReceipt{}, f.did("rules", "")
}
func (f operator) Act(context.Context, control.ActRequest) error { return f.did("act", "") }
func (f operator) RecordPerson(context.Context, control.PersonRequest) (control.PersonReceipt, error) {
	return control.PersonReceipt{}, f.did("person", "")
}
func (f operator) Cuts(context.Context) (control.Cuts, error) {
	return control.Cuts{Entries: []event.CutEntry{{}}, Gates: []control.CutGate{{Gate: nasty, At: when}}}, f.did("cuts", "")
}
func (f operator) OrderCut(_ context.Context, r control.CutOrder) (control.Cuts, error) {
	return control.Cuts{Added: []string{nasty}}, f.did("cuts/order", r.By)
}
func (f operator) LiftCut(_ context.Context, r control.CutLift) (control.Cuts, error) {
	return control.Cuts{}, f.did("cuts/lift", r.By)
}
func (f operator) Except(_ context.Context, r control.ExceptRequest) (event.DetectionException, error) {
	return event.DetectionException{}, f.did("except", r.By)
}
func (f operator) HubToken(_ context.Context, r control.HubRequest) (control.HubToken, error) {
	return control.HubToken{Token: nasty, Until: when}, f.did("hub/token", r.By)
}
func (f operator) RevokeGate(_ context.Context, r control.HubRequest) (control.Cuts, error) {
	return control.Cuts{}, f.did("hub/revoke", r.By)
}
func (f operator) Scope(_ context.Context, r control.ScopeRequest, w io.Writer) error {
	if err := f.did("scope", r.By); err != nil {
		return err
	}
	_, err := io.WriteString(w, `{"confirmed":{}}`)
	return err
}
func (f operator) Backup(context.Context, io.Writer) error { return f.did("backup", "") }

// desk is the office behind the fake; methods that the API does not use come
// from the nil Office and would panic.
type desk struct {
	office.Office
	*book
}

func (f desk) Peek(context.Context, scope.Query) (*scope.Result, error) {
	return &scope.Result{}, f.did("figures", "")
}
func (f desk) Look(_ context.Context, r office.LookRequest) (*office.LookAnswer, error) {
	if r.Purpose == "" {
		return nil, errors.Join(fault.New(fault.ConsoleLook, "problem", "say what for", "hint", "purpose"), f.did("look", r.By))
	}
	return &office.LookAnswer{Rows: []office.LookRow{{Key: nasty}}, Whole: &scope.Result{}}, f.did("look", r.By)
}
func (f desk) Draft(context.Context, office.DraftRequest) (*office.DraftAnswer, error) {
	return &office.DraftAnswer{Document: &draft.Document{}}, f.did("draft", "")
}
func (f desk) Events(context.Context, office.EventQuery) (*office.EventPage, error) {
	return &office.EventPage{Lines: []office.EventLine{{Index: 3, At: when, Source: nasty, Kind: "act", Line: []byte(`{"k":93}`)}}}, f.did("events", "")
}
func (f desk) Wait(_ context.Context, next event.Index) (event.Index, error) {
	return next + 1, f.did("events/wait", "")
}
func (f desk) Map(context.Context) ([]office.Database, error) {
	return []office.Database{{Name: nasty, Tables: []office.Table{{Columns: []office.Column{{Name: nasty}}}}}}, f.did("map", "")
}
func (f desk) Policy(context.Context) (*office.Policy, error) {
	return &office.Policy{File: &office.PolicyFile{Diff: []office.DiffLine{{Mark: '+', Text: nasty}}}}, f.did("policy", "")
}
func (f desk) Ledger(context.Context) (*office.Ledger, error) {
	return &office.Ledger{Sources: []office.Source{{Name: nasty, Last: when}}, Gaps: []office.Gap{{}}, Months: []office.Month{{}}, Check: &office.Check{}}, f.did("ledger", "")
}
func (f desk) Verify(_ context.Context, by string) error { return f.did("ledger/verify", by) }
func (f desk) Record(_ context.Context, _ event.Source, bodies ...event.Body) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bodies = append(f.bodies, bodies...)
	return nil
}

func (f desk) Found(context.Context, bool) ([]office.Found, error) {
	return []office.Found{{Detection: event.Detection{What: "beacon", Dest: nasty, Features: []event.DetectionFeature{{}}}}}, f.did("egress/findings", "")
}
func (f desk) Hunt(context.Context, office.HuntQuery) (*office.Hunt, error) {
	return &office.Hunt{Met: []office.Met{{Dest: nasty, First: when, Last: when}}}, f.did("egress/hunt", "")
}
func (f desk) Logins(context.Context, office.LoginsQuery) ([]office.LoginTries, error) {
	return []office.LoginTries{{Address: nasty, First: when, Last: when, Entered: []office.LoginEntered{{At: when}}}}, f.did("web/logins", "")
}
func (f desk) Pages(context.Context) ([]office.SitePages, error) {
	return []office.SitePages{{Site: nasty, Items: []office.PagePart{{First: when, Changed: when}}}}, f.did("web/pages", "")
}
func (f desk) Firm(context.Context, string) (*office.Firm, error) {
	return &office.Firm{Company: office.Company{Name: nasty}, People: []office.FirmPerson{{ID: nasty}}, Problems: []string{}}, f.did("case/firm", "")
}

func (f desk) OldBlock(_ context.Context, id string) (*office.BlockAnswer, error) {
	return &office.BlockAnswer{Block: office.Block{ID: id}}, f.did("old web/explain", "")
}
func (f desk) Judge(context.Context, office.JudgeQuery) (*office.Judged, error) {
	return &office.Judged{Changes: []office.ExitChange{{Last: when}}}, f.did("egress/judge", "")
}
