package webui

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/a-h/templ"

	"sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/lang"
)

// settingsRoom is what the process runs with, and what it lacks.
type settingsRoom struct {
	*office.Settings
	Lacks []string // why nobody, or the wrong person, would be called
	Late  bool     // that could not be found out
}

// people reports whether anybody is written down who could be called.
func (v *settingsRoom) people() bool {
	return slices.ContainsFunc(v.Parts, func(x office.Part) bool { return x.Name == "people" && x.On })
}

// partRooms are the rooms of parts.
var partRooms = map[string]string{"databases": "/map", "gates": "/sessions", "web": "/web", "egress": "/egress", "exits": "/egress", "files": "/map", "stores": "/map",
	"policy": "/policy", "persons": "/persons", "retention": "/ledger", "witnesses": "/ledger", "passkeys": "/me"}

func (s *Server) settingsPage(r *Request) (templ.Component, error) {
	r.page.Title = r.page.T("room_settings")
	all, err := s.Office.Settings(r.Context())
	if err != nil {
		return nil, err
	}
	room := &settingsRoom{Settings: all}
	var lacks []struct {
		JA string `json:"ja"`
		EN string `json:"en"`
	}
	text, err := s.Office.Case(r.Context(), control.CaseQuery{About: "ready"})
	if err = errors.Join(err, json.Unmarshal(text, &lacks)); err != nil {
		room.Late = true
		s.Log.Error("settings", "err", err)
	}
	for _, l := range lacks {
		if r.page.Lang() == lang.Japanese {
			room.Lacks = append(room.Lacks, l.JA)
		} else {
			room.Lacks = append(room.Lacks, l.EN)
		}
	}
	return settingsView(r.page, room), nil
}

// settingsTest calls everybody on duty for a test and shows who was reached.
func (s *Server) settingsTest(r *Request) (templ.Component, error) {
	got, err := s.Office.TestCall(r.Context(), r.By(), control.TestRequest{Lang: string(r.page.Lang())})
	if err != nil {
		return nil, err
	}
	p := r.page
	p.Title = p.T("call_test")
	text := p.T("call_reached", "n", len(got.Reached), "who", joined(p, got.Reached))
	if len(got.Reached) == 0 {
		text = p.T("call_nobody")
	}
	if len(got.Failed) > 0 {
		text += " " + p.T("call_failed", "who", joined(p, got.Failed))
	}
	return receiptView(p, p.Title, text, "/settings"), nil
}
