package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"sekisho/internal/cardproof"
	"sekisho/internal/console/account"
	"sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/datamap/propose"
	"sekisho/internal/datamap/risk"
	"sekisho/internal/event"
	"sekisho/internal/lang"
	"sekisho/proof/scope"
)

func (f desk) Scope(_ context.Context, r control.ScopeRequest, w io.Writer) error {
	if err := f.did("scope of the office "+r.Form, r.By); err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(&scope.Result{From: when, To: when.Add(1), Confirmed: scope.Figure{Count: scope.Count{Subjects: 3}}})
}
func (f desk) Leaving(context.Context, scope.Query) (*scope.Leaving, error) {
	return &scope.Leaving{Verdict: "open"}, f.did("leaving", "")
}
func (f desk) Shared(_ context.Context, a, b scope.Query) (office.Shared, error) {
	if !a.From.IsZero() || !b.From.IsZero() || !a.To.Equal(when.Add(1)) || !b.To.Equal(when.Add(1)) {
		return office.Shared{}, f.did("shared of another window", "")
	}
	return office.Shared{Confirmed: 2}, f.did("shared", "")
}
func (f desk) Trails(context.Context, scope.Query) (*office.Trails, error) {
	return &office.Trails{List: []office.Trail{{User: nasty, From: when}}}, f.did("trails", "")
}
func (f desk) Settings(context.Context) (*office.Settings, error) {
	return &office.Settings{Parts: []office.Part{{Name: nasty, Lines: []string{nasty}}}}, f.did("settings", "")
}
func (f desk) TestCall(_ context.Context, by string, _ control.TestRequest) (control.TestAnswer, error) {
	return control.TestAnswer{}, f.did("test call of the office", by)
}
func (f desk) Duty(context.Context) ([]office.Rank, error) {
	return []office.Rank{{Rank: "duty", People: []office.OnDuty{{ID: nasty}}}}, f.did("duty", "")
}
func (f desk) Persons(context.Context) (*office.Persons, error) {
	return &office.Persons{Configured: true, At: when, Groups: []office.Group{{Records: []string{"crm/4711"}}}}, f.did("persons", "")
}
func (f desk) Chart(context.Context) (*office.Chart, error) {
	return &office.Chart{Places: []office.Rest{{Place: nasty, First: when}}, Risks: []office.Risk{{Place: nasty}}, Drifts: []office.Drift{{At: when, Items: []office.DriftItem{{What: nasty}}}}}, f.did("map/places", "")
}
func (f desk) History(_ context.Context, place string) (*office.History, error) {
	return &office.History{Place: place, Moments: []office.Moment{{At: when, What: "came"}}}, f.did("map/history", "")
}
func (f desk) Mapped(context.Context) (*office.Mapped, error) {
	return &office.Mapped{Places: []office.MappedPlace{{Place: nasty, First: when, Gone: &when, CopyOf: &event.Copied{Of: []event.Place{nasty}}}}, Drift: []*event.Drift{{Items: []event.DriftItem{{What: nasty}}}}}, f.did("map/show", "")
}
func (f desk) Ranking(_ context.Context, r office.RankRequest) (*office.Ranking, error) {
	return &office.Ranking{List: []office.Ranked{{Ranked: risk.Ranked{Place: nasty, Elements: []risk.Share{{}}}, Like: nasty}}, More: r.Top}, f.did("map/risk", "")
}
func (f desk) Whereabouts(_ context.Context, r office.SubjectRequest) (*office.Whereabouts, error) {
	return &office.Whereabouts{Rests: []*office.Stay{{Place: nasty, Gone: &when}}, Passed: []*office.Passage{{User: nasty}}, Bounded: map[event.Place]uint64{nasty: 1}}, f.did("map/subject", r.By)
}
func (f desk) Survey(context.Context, office.SurveyRequest) (*office.Survey, error) {
	return &office.Survey{Proposal: propose.Proposal{Tables: []propose.Table{{Name: nasty, Columns: []propose.Proposed{{Column: nasty}}}}}, Skipped: map[string]string{nasty: nasty}, Drift: []propose.Drift{{}}}, f.did("map/propose", "")
}
func (f desk) Proposal(context.Context, string, string) (*office.Proposal, error) {
	return &office.Proposal{At: when, Tables: []office.ProposedTable{{Columns: []office.ProposedColumn{{Column: nasty}}}}, Diff: []office.DiffLine{{Mark: '+'}}, Skipped: []office.SkippedTable{{}}}, f.did("map/proposal", "")
}
func (f desk) ProposalDraft(context.Context) (*office.ProposalDraft, error) {
	return &office.ProposalDraft{By: nasty, At: when, Proposal: &office.Proposal{At: when}}, f.did("map/waiting", "")
}
func (f desk) HandProposal(_ context.Context, by, _ string) error { return f.did("map/hand", by) }
func (f desk) AcceptProposal(_ context.Context, by, digest string) (*office.ProposalReceipt, error) {
	return &office.ProposalReceipt{Digest: digest, By: by}, f.did("map/accept", by)
}
func (f desk) DropProposal(_ context.Context, by string) error { return f.did("map/drop", by) }
func (f desk) CheckPolicy(context.Context, string) (*office.PolicyCheck, error) {
	return &office.PolicyCheck{Since: when, Tests: []office.PolicyTest{{}}, Changes: []office.PolicyChange{{Last: when}}}, f.did("policy/check", "")
}
func (f desk) PolicyDraft(context.Context) (*office.PolicyDraft, error) {
	return &office.PolicyDraft{By: nasty, At: when, Check: &office.PolicyCheck{}}, f.did("policy/draft", "")
}
func (f desk) ProposePolicy(_ context.Context, by, _ string) error {
	return f.did("policy/propose", by)
}
func (f desk) PublishPolicy(_ context.Context, by, _ string) error {
	return f.did("policy/publish", by)
}
func (f desk) WithdrawPolicy(_ context.Context, by string) error { return f.did("policy/withdraw", by) }
func (f desk) WebRoom(context.Context) (*office.WebRoom, error) {
	return &office.WebRoom{Since: when, Blocks: []office.Block{{At: when, Rules: []office.BlockRule{{}}}}, Logins: []office.LoginSource{{First: when}}, Rules: []office.SiteRule{{}}, Findings: []office.Finding{{}}}, f.did("web/room", "")
}
func (f desk) ExplainBlock(_ context.Context, id string) (*office.BlockAnswer, error) {
	return &office.BlockAnswer{Block: office.Block{ID: id}}, f.did("web/explain", "")
}
func (f desk) ExceptBlock(_ context.Context, r office.ExceptRequest) (*office.ExceptReceipt, error) {
	return &office.ExceptReceipt{File: nasty, Exceptions: []office.SiteRule{{Path: r.Path}}}, f.did("web/except", r.By)
}
func (f desk) ImportFields(_ context.Context, r office.ImportRequest) (*office.ImportReceipt, error) {
	return &office.ImportReceipt{File: nasty, Fields: 1}, f.did("web/import", r.By)
}
func (f desk) AuthorisePages(_ context.Context, r office.AuthoriseRequest) (*office.PagesReceipt, error) {
	return &office.PagesReceipt{File: nasty, Pages: []office.PageLine{{Host: r.Site, Name: nasty}}}, f.did("web/authorise", r.By)
}
func (f desk) Payment(context.Context) (*office.Payment, error) {
	return &office.Payment{From: when, Sites: []office.PaymentSite{{Items: []office.PageItem{{}}}}}, f.did("web/payment", "")
}
func (f desk) PaymentProof(_ context.Context, r office.ProofRequest) (*cardproof.Evidence, error) {
	return &cardproof.Evidence{From: r.From, Sites: []cardproof.Site{{Host: nasty, Items: []cardproof.Item{{}}}}}, f.did("web/proof", "")
}
func (f desk) Fields(context.Context) (*office.Fields, error) {
	return &office.Fields{List: []office.Field{{Name: nasty}}}, f.did("web/fields", "")
}
func (f desk) ReviewField(_ context.Context, r office.FieldReview) error {
	return f.did("web/field", r.By)
}
func (f desk) PaymentEvidence(_ context.Context, r office.EvidenceRequest) (*office.PaymentEvidence, error) {
	return &office.PaymentEvidence{JSON: []byte("{}"), Key: nasty}, f.did("web/evidence", r.By)
}
func (f desk) Egress(context.Context) (*office.Egress, error) {
	return &office.Egress{Since: when, Gates: []office.ExitGate{{}}, Exits: []office.Exit{{}}, Ways: []office.Way{{At: when}}, Flows: []office.Flow{{At: when}}, Goals: []office.Goal{{Last: when}}, Cuts: &control.Cuts{}}, f.did("egress", "")
}
func (f desk) ExplainExit(context.Context, office.ExitQuestion) (*office.ExitAnswer, error) {
	return &office.ExitAnswer{Passed: []office.Miss{{}}}, f.did("egress/explain", "")
}
func (f desk) PreviewExit(context.Context) (*office.ExitPreview, error) {
	return &office.ExitPreview{Since: when, Changes: []office.ExitChange{{Last: when}}}, f.did("egress/preview", "")
}

func (f desk) Keys(context.Context) ([]string, error) { return []string{nasty}, f.did("keys", "") }
func (f desk) ExitAuthority(context.Context) (*office.ExitAuthority, error) {
	return &office.ExitAuthority{Names: []string{nasty}, Uncovered: []string{}, Until: when, PEM: nasty}, f.did("egress/ca", "")
}
func (f desk) Unread(context.Context) ([]string, error) { return nil, f.did("map/unread", "") }
func (f desk) List(_ context.Context, r office.ListRequest, w io.Writer) error {
	if err := f.did("scope/list", r.By+" at "+r.Address); err != nil {
		return err
	}
	_, err := io.WriteString(w, "age-encryption.org/v1")
	return err
}

func words(l lang.Language) []office.Word { return []office.Word{{ID: "gate", Name: string(l)}} }

// TestCompareCall: two questions are asked and recorded as whoever asks, who is in
// both is counted for the windows that were answered, and what names people is
// not in the head count.
func TestCompareCall(t *testing.T) {
	w := newWorld(t)
	w.add("ren", account.CSIRT)
	token := w.token("ren", account.Ask, account.See)
	body := w.ask("POST", "compare", `{"one":{},"other":{"users":["app"]}}`, "Authorization", "Bearer "+token).Body.String()
	if !strings.Contains(body, `"both":{"confirmed":2,`) {
		t.Error(body)
	}
	if by := w.book.by["scope of the office "+control.FormFigures]; by != "ren" {
		t.Errorf("recorded as %q", by)
	}
	if body := w.ask("POST", "persons", `{}`, "Authorization", "Bearer "+token).Body.String(); strings.Contains(body, "4711") || !strings.Contains(body, `"configured":true`) {
		t.Error(body)
	}
	for body, want := range map[string]string{`{}`: `"name":"ja"`, `{"lang":"en"}`: `"name":"en"`} {
		if got := w.ask("POST", "glossary", body, "Authorization", "Bearer "+token).Body.String(); !strings.Contains(got, want) {
			t.Errorf("%s: %s", body, got)
		}
	}
}

// TestRoomAuthors: what is ordered in a room is ordered by whoever asks.
func TestRoomAuthors(t *testing.T) {
	w := newWorld(t)
	w.add("ayame", account.Officer, account.CSIRT, account.Operator)
	token := w.token("ayame", account.Reload, account.Publish, account.Work)
	for call, body := range map[string]string{"map/hand": `{"digest":"x"}`, "map/accept": `{"digest":"x"}`, "map/drop": `{}`, "policy/propose": `{"text":"x"}`, "policy/publish": `{"digest":"x"}`,
		"policy/withdraw": `{}`, "web/except": `{"by":"somebody else","reason":"r"}`, "map/subject": `{"by":"somebody else","key":"1"}`,
		"web/field": `{"by":"somebody else","reason":"r"}`, "web/authorise": `{"by":"somebody else","reason":"r"}`, "web/import": `{"by":"somebody else","reason":"r"}`} {
		if resp := w.ask("POST", call, body, "Authorization", "Bearer "+token); resp.Code != 200 || w.book.by[call] != "ayame" {
			t.Errorf("%s: %d, by %q: %s", call, resp.Code, w.book.by[call], resp.Body)
		}
	}
}

// TestListCall: a list goes, encrypted, to somebody who entered, in their name and
// from their address whatever the request says.
func TestListCall(t *testing.T) {
	w := newWorld(t)
	cookie, csrf := w.add("ren", account.CSIRT)
	resp := w.ask("POST", "scope/list", `{"class":"confirmed","to":["age1x"],"purpose":"notices","by":"somebody else"}`, "Cookie", "sekisho="+cookie, "X-CSRF", csrf)
	if resp.Code != 200 || !strings.HasPrefix(resp.Body.String(), "age-encryption.org/v1") || w.book.by["scope/list"] != "ren at 192.0.2.1" {
		t.Errorf("%d, %q: %s", resp.Code, w.book.by["scope/list"], resp.Body)
	}
	if resp := w.ask("POST", "scope/list", `{"address":"198.51.100.7"}`, "Cookie", "sekisho="+cookie, "X-CSRF", csrf); resp.Code != 400 {
		t.Errorf("an address of the request's own: %d", resp.Code)
	}
}
