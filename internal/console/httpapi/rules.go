package httpapi

import (
	"encoding/json"
	"io"
	"reflect"
	"strings"

	"sekisho/internal/console/account"
	"sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/event"
)

// rule says what somebody must be allowed to do for a request: a pointer to its
// type, nil for one that says nothing.
type rule func(request any) account.Action

func always(do account.Action) rule { return func(any) account.Action { return do } }

// operatorRules are the calls of the process that the API serves. What is not
// named here is for the machine alone: a backup holds the keys, persons are
// matched with them, and an upgrade runs another program.
var operatorRules = map[string]rule{
	"status":           always(account.See),
	"sessions":         always(account.See),
	"cuts":             always(account.See),
	"grants":           always(account.See),
	"case":             always(account.See),
	"case/draft":       always(account.See),
	"cut":              always(account.Contain),
	"cuts/order":       always(account.Contain),
	"cuts/lift":        always(account.Contain),
	"except":           always(account.Contain),
	"hub/token":        always(account.Gates),
	"hub/revoke":       always(account.Gates),
	"policy/reload":    always(account.Reload),
	"clear":            always(account.Release), // it makes answers narrower
	"grants/request":   always(account.GrantRequest),
	"grants/decide":    always(account.GrantDecide),
	"scan":             always(account.Scan),
	"keys/destroy":     always(account.Destroy),
	"retention":        always(account.Destroy),
	"case/misuse":      always(account.Work),
	"case/concentrate": always(account.Work),
	"case/test-call":   always(account.Work),
	"host":             always(account.Work),
	"case/record":      caseRule,
	"bypass":           bypassRule,
	"web":              webRule,
	"scope":            scopeRule,
}

// caseRule: what a body of a case says decides who may say it. What the case
// itself demands (rank, a second person) is checked there.
func caseRule(request any) account.Action {
	r, ok := request.(*control.CaseRequest)
	if !ok {
		return account.Work
	}
	switch r.Kind {
	case event.KindCaseSign:
		return account.Wrong
	case event.KindCaseAction:
		return account.Contain
	case event.KindCaseDecision:
		return account.Release
	case event.KindCaseDraft:
		var d event.CaseDraft
		if json.Unmarshal(r.Body, &d) != nil || d.Step != "write" {
			return account.Release
		}
	}
	return account.Work
}

func bypassRule(request any) account.Action {
	if r, ok := request.(*control.BypassRequest); ok && r.Query {
		return account.See
	}
	return account.Contain
}

func webRule(request any) account.Action {
	r, ok := request.(*control.WebRequest)
	switch {
	case ok && r.Do == "":
		return account.See
	case ok && r.Do == control.WebReload:
		return account.Reload
	}
	return account.Contain
}

// list is what nobody may: the API names persons by the call look only, which
// records who was looked at, and what for.
const list account.Action = "list"

func scopeRule(request any) account.Action {
	if r, ok := request.(*control.ScopeRequest); ok {
		switch r.Form {
		case control.FormResult, control.FormFigures:
			return account.Ask
		case control.FormBundle:
			return account.Bundle
		}
	}
	return list
}

// reasonless reports whether an order lacks the reason without which neither command
// nor page gives it.
func reasonless(request any) bool {
	switch r := request.(type) {
	case *office.FieldReview:
		return control.Blank(r.Reason)
	case *office.ExceptRequest:
		return control.Blank(r.Reason)
	case *office.AuthoriseRequest:
		return control.Blank(r.Reason)
	case *office.ImportRequest:
		return control.Blank(r.Reason)
	}
	return control.Reasonless(request)
}

func empty(t reflect.Type) bool { return t.Kind() == reflect.Struct && t.NumField() == 0 }

func readerOf(text string) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }
