package httpapi

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"sekisho/internal/console/account"
	"sekisho/internal/control"
	"sekisho/internal/lang"
)

// schemas are the types of requests and answers, made from their Go types and
// doc comments (JSON Schema 2020-12).
//
//go:generate go test -run TestSchemas -update
//go:embed schemas.json
var schemas []byte

// object is a JSON object.
type object map[string]any

// openapi answers with the description of the API in the language that was
// asked for (OpenAPI 3.1.1). It tells nothing of this installation but its
// address, so everybody may read it.
func (s *Server) openapi(w http.ResponseWriter, r *http.Request) {
	control.Reply(w, http.StatusOK, s.describe(languageOf(r)))
}

func (s *Server) describe(l lang.Language) object {
	t := texts.In(l)
	paths := object{}
	add := func(name string, request, answer reflect.Type, rule rule) {
		op := s.operation(t, name, request, answer, rule)
		one := object{"post": op}
		if empty(request) && rule(nil) == account.See {
			get := object{}
			for k, v := range op {
				get[k] = v
			}
			get["operationId"] = "get_" + key(name)
			delete(get, "requestBody")
			one["get"] = get
		}
		paths["/"+name] = one
	}
	for _, c := range control.Calls {
		if rule, ok := operatorRules[c.Name]; ok {
			add(c.Name, c.Request, c.Answer, rule)
		}
	}
	for _, c := range ownCalls {
		add(c.Name, c.Request, c.Answer, ownRules[c.Name])
	}
	return object{
		"openapi": "3.1.1",
		"info":    object{"title": t.Text("title"), "description": t.Text("about"), "version": s.Version, "license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"}},
		"servers": []object{{"url": s.Origin + strings.TrimSuffix(control.API, "/")}},
		"security": []object{
			{"token": []string{}},
			{"cookie": []string{}, "form": []string{}},
		},
		"paths": paths,
		"components": object{
			"schemas": json.RawMessage(schemas),
			"securitySchemes": object{
				"token":  object{"type": "http", "scheme": "bearer"},
				"cookie": object{"type": "apiKey", "in": "cookie", "name": s.Cookie},
				"form":   object{"type": "apiKey", "in": "header", "name": "X-CSRF"},
			},
		},
	}
}

// key is the name of a call as it stands in texts and as an operation's id.
func key(name string) string { return strings.NewReplacer("/", "_", "-", "_").Replace(name) }

func (s *Server) operation(t lang.Printer, name string, request, answer reflect.Type, rule rule) object {
	op := object{"operationId": key(name), "summary": t.Text("call_" + key(name)), "tags": []string{strings.Split(name, "/")[0]}}
	if slices.Contains(mixed, name) {
		op["description"] = t.Text("needs_more")
	} else {
		op["description"] = t.Text("needs", "action", string(rule(nil)))
	}
	if !empty(request) {
		op["requestBody"] = object{"required": true, "content": object{"application/json": object{"schema": SchemaOf(request)}}}
	} else {
		op["requestBody"] = object{"content": object{"application/json": object{"schema": object{"type": "object"}}}}
	}
	content := object{}
	switch {
	case answer == nil:
		content["application/json"] = object{}
		content["application/octet-stream"] = object{}
	default:
		content["application/json"] = object{"schema": SchemaOf(answer)}
	}
	problem := object{"description": t.Text("problem"), "content": object{"application/problem+json": object{"schema": SchemaOf(reflect.TypeFor[control.Problem]())}}}
	op["responses"] = object{"200": object{"description": t.Text("answer"), "content": content}, "default": problem}
	return op
}

// mixed are the calls whose request decides what somebody must be allowed.
var mixed = []string{"bypass", "case/record", "scope", "web"}
