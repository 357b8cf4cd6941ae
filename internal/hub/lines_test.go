package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/internal/hub/frame"
)

// chains are an intake that has these heads.
type chains []frame.Head

func (c chains) Heads(string) ([]frame.Head, error) { return c, nil }
func (chains) Take(context.Context, [][]byte) error { return nil }
func many(n int) (all chains) {
	for i := range n {
		all = append(all, frame.Head{Source: "gate/out@osaka", Worker: uint16(i), Seq: 9})
	}
	return all
}

// TestAdmit: a remote gate says what its gates saw and its scans found, at its own
// places and of its own subjects, and nothing else, whoever has taken it over.
func TestAdmit(t *testing.T) {
	line := func(source event.Source, body event.Body) []byte {
		return event.Append(nil, &event.Event{Tenant: "shop", Source: source, Worker: 7, Seq: 1, At: time.Unix(1, 0), Body: body})
	}
	crossing := func(table event.Place, source event.SubjectSource) event.Body {
		return &event.Crossing{Parts: []event.Part{{Table: table, Source: source, Class: event.Exact}}}
	}
	flow := &event.Flow{ID: "a", Place: "egress/out@osaka"}
	for name, c := range map[string]struct {
		line []byte
		have int
		good bool
	}{
		"a flow":                   {line("gate/out@osaka", flow), 0, true},
		"a look-up":                {line("gate/dns@osaka", &event.Lookup{Place: "resolver/dns@osaka"}), 0, true},
		"its process":              {line("process@osaka", &event.ExitSeen{}), 0, true},
		"a kind of the future":     {line("gate/out@osaka", &event.Unknown{Of: 9999, Raw: []byte(`{}`)}), 0, true},
		"another site":             {line("gate/out@nagoya", flow), 0, false},
		"the hub's gate":           {line("gate/out", flow), 0, false},
		"the hub's process":        {line("process", &event.ExitSeen{}), 0, false},
		"a person":                 {line("person/ayame@osaka", &event.ExitSeen{}), 0, false},
		"cover for a database":     {line("gate/out@osaka", &event.Heartbeat{Places: []event.Place{"shop/shop"}}), 0, false},
		"cover for another site":   {line("gate/out@osaka", &event.Heartbeat{Places: []event.Place{"egress/out@nagoya"}}), 0, false},
		"cover from now on":        {line("gate/out@osaka", &event.PlacesChanged{Begun: []event.Place{"egress/out@osaka"}}), 0, true},
		"cover of the hub's":       {line("gate/out@osaka", &event.PlacesChanged{Begun: []event.Place{"egress/out"}}), 0, false},
		"no cover of the hub's":    {line("gate/out@osaka", &event.PlacesChanged{Ended: []event.Place{"egress/out"}}), 0, false},
		"cover for the hub":        {line("gate/out@osaka", &event.SourceStart{Places: []event.Place{"egress/out"}}), 0, false},
		"a flow of the hub":        {line("gate/out@osaka", &event.Flow{ID: "a", Place: "egress/out"}), 0, false},
		"who was read there":       {line("gate/db@osaka", crossing("shop@osaka/public.customers", "shop@osaka.customers")), 0, true},
		"who was read here":        {line("gate/db@osaka", crossing("shop/public.customers", "shop.customers")), 0, false},
		"persons of here":          {line("gate/db@osaka", crossing("shop@osaka/public.customers", "shop.customers")), 0, false},
		"a table called so":        {line("gate/db@osaka", crossing("shop/public.x@osaka", "shop@osaka.customers")), 0, false},
		"a site of another":        {line("gate/web@osaka", crossing("web/shop@nagoya/x@osaka", "shop@osaka.customers")), 0, false},
		"its own site":             {line("gate/web@osaka", crossing("web/shop@osaka/shop.example.jp", "shop@osaka.customers")), 0, true},
		"who was asked for":        {line("gate/db@osaka", &event.Intent{Parts: []event.Part{{Table: "shop"}}}), 0, false},
		"what rests there":         {line("scan/shop@osaka", &event.HoldingScan{Table: "shop@osaka/public.customers", Source: "shop@osaka.customers"}), 0, true},
		"what rests here":          {line("scan/shop@osaka", &event.HoldingScan{Table: "shop/public.customers", Source: "shop@osaka.customers"}), 0, false},
		"a file there":             {line("scan/www@osaka", &event.Object{Place: "www@osaka/a.csv", Was: "www@osaka/b.csv", Like: "old@osaka/a.csv"}), 0, true},
		"a file of here":           {line("scan/www@osaka", &event.Object{Place: "www/a.csv"}), 0, false},
		"moved from here":          {line("scan/www@osaka", &event.Object{Place: "www@osaka/a.csv", Was: "www/a.csv"}), 0, false},
		"like one of here":         {line("scan/www@osaka", &event.Object{Place: "www@osaka/a.csv", Like: "www/a@osaka"}), 0, false},
		"a dump there":             {line("scan/www@osaka", &event.Copied{Place: "www@osaka/a.sql", Of: []event.Place{"shop@osaka/public.customers"}}), 0, true},
		"a dump of here":           {line("scan/www@osaka", &event.Copied{Place: "www@osaka/a.sql", Of: []event.Place{"shop/public.customers"}}), 0, false},
		"a file called so":         {line("scan/www@osaka", &event.HoldingScan{Table: "www/x@osaka", Source: "shop@osaka.customers"}), 0, false},
		"strangers there":          {line("dictionary@osaka", &event.Subjects{Source: "files@osaka.unknown"}), 0, true},
		"strangers here":           {line("dictionary@osaka", &event.Subjects{Source: "files.unknown"}), 0, false},
		"a change here":            {line("gate/db@osaka", &event.HoldingChange{Table: "shop/public.customers"}), 0, false},
		"a copy of what is here":   {line("gate/db@osaka", &event.Taint{Table: "shop@osaka/public.copy", From: []event.Place{"shop/public.customers"}}), 0, false},
		"a copy there":             {line("gate/db@osaka", &event.Taint{Table: "shop@osaka/public.copy", From: []event.Place{"shop@osaka/public.customers"}}), 0, true},
		"a relation of here":       {line("scan/shop@osaka", &event.Relation{Database: "shop@osaka", Table: "shop@osaka/public.c", Columns: []event.RelationColumn{{From: []event.Place{"shop"}}}}), 0, false},
		"a relation there":         {line("scan/shop@osaka", &event.Relation{Database: "shop@osaka", Table: "shop@osaka/public.c"}), 0, true},
		"numbers there":            {line("dictionary@osaka", &event.Subjects{Source: "shop@osaka.customers"}), 0, true},
		"numbers here":             {line("dictionary@osaka", &event.Subjects{Source: "shop.customers"}), 0, false},
		"a look there":             {line("console@osaka", &event.Look{Source: "shop@osaka.customers"}), 0, true},
		"a login there":            {line("gate/web@osaka", &event.SiteLogin{Place: "web/shop@osaka/shop.example.jp", Source: "shop.customers"}), 0, false},
		"a gap there":              {line("gate/db@osaka", &event.Gap{Places: []event.Place{"shop@osaka"}}), 0, true},
		"a gap everywhere":         {line("gate/db@osaka", &event.Gap{}), 0, false},
		"a hole everywhere":        {line("scan/shop@osaka", &event.Coverage{}), 0, false},
		"a word for here":          {line("gate/db@osaka", &event.Cleared{Places: []event.Place{"shop"}}), 0, false},
		"a word for everything":    {line("gate/db@osaka", &event.Cleared{}), 0, false},
		"a way around here":        {line("gate/db@osaka", &event.Bypass{Places: []event.Place{"shop"}}), 0, false},
		"a way around everything":  {line("gate/db@osaka", &event.Bypass{}), 0, false},
		"that it was asked":        {line("process@osaka", &event.RecordDue{}), 0, false},
		"an order":                 {line("process@osaka", &event.CutOrdered{Generation: 99}), 0, false},
		"the end of a key":         {line("process@osaka", &event.KeyDestroyed{KeyID: "k"}), 0, false},
		"no event":                 {[]byte("{}"), 0, false},
		"nothing":                  {nil, 0, false},
		"its last chain":           {line("gate/out@osaka", flow), mostChains - 1, true},
		"one chain more than that": {line("gate/out@osaka", flow), mostChains + 8, false},
	} {
		s := &Server{cfg: ServerConfig{Intake: many(c.have)}}
		if c.have == mostChains-1 { // none of them is worker 7 of another source
			s.cfg.Intake = append(many(7), many(mostChains)[8:mostChains]...)
		}
		err := s.admit("osaka", [][]byte{c.line})
		if (err == nil) != c.good || err != nil && !errors.Is(err, ErrBroken) {
			t.Errorf("%s: %v, want it taken: %t", name, err, c.good)
		}
	}
}

// deaf is an intake whose disk does not answer.
type deaf struct{ err error }

func (d deaf) Heads(string) ([]frame.Head, error)   { return nil, d.err }
func (d deaf) Take(context.Context, [][]byte) error { return d.err }

// TestHeadsLater: a hub that cannot say how far it is says that, so that the site
// tries later and keeps its place.
func TestHeadsLater(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{fmt.Errorf("%w: no space left on device", event.ErrStopped), http.StatusInsufficientStorage},
		{context.DeadlineExceeded, http.StatusServiceUnavailable},
	} {
		s := &Server{cfg: ServerConfig{Intake: deaf{c.err}, Log: slog.New(slog.DiscardHandler)}}
		heads, lines := httptest.NewRecorder(), httptest.NewRecorder()
		s.heads(heads, httptest.NewRequest(http.MethodGet, "/v1/heads", nil), "osaka")
		line := event.Append(nil, &event.Event{Tenant: "shop", Source: "gate/out@osaka", Seq: 1, At: time.Unix(1, 0), Body: &event.SourceStop{}})
		s.lines(lines, httptest.NewRequest(http.MethodPost, "/v1/lines", bytes.NewReader(line)), "osaka")
		if heads.Code != c.want || lines.Code != c.want {
			t.Errorf("%v: %d and %d, want %d: %s", c.err, heads.Code, lines.Code, c.want, lines.Body)
		}
	}
}
