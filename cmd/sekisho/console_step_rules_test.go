package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/policy/site"
)

func (f *killedFirm) siteRules() *site.Source {
	f.t.Helper()
	src, err := rulesText(filepath.Join(f.dir, "rules.yaml"))
	if err != nil {
		f.t.Fatal(err)
	}
	return src
}

// orderSays is actSays of what is ordered.
func orderSays(do, target string) func([]event.Body) bool {
	return func(all []event.Body) (ordered bool) {
		for _, b := range all {
			if a, ok := b.(*event.Act); ok && a.Do == do && a.Target == target {
				ordered = a.Result == "ordered"
			}
		}
		return ordered
	}
}

// guarding has the sites answer, and nothing pass unseen.
func (f *killedFirm) guarding() {
	f.t.Helper()
	_, err := f.client.Bypass(f.t.Context(), control.BypassRequest{By: "sora", Reason: "test"})
	if err == nil {
		_, err = f.client.Web(f.t.Context(), control.WebRequest{Do: control.WebResume, What: "site", By: "sora", Reason: "test"})
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *killedFirm) excepting(int) killAct {
	f.t.Helper()
	f.guarding()
	f.withoutRules() // what was excepted passes
	if status, text := f.visit("shop.example.jp", "/odd?q="+url.QueryEscape("' UNION SELECT password FROM users--")); status != http.StatusForbidden {
		f.t.Fatalf("it is not refused: %d %s", status, text)
	}
	var id string
	for _, b := range f.since(0) {
		if d, ok := b.(*event.Decision); ok && strings.HasPrefix(d.Rule, "crs/") {
			id = d.ID
		}
	}
	f.await("the refusal in the room", func() bool { return id != "" && strings.Contains(f.page("/web"), id) })
	from := f.head()
	until := time.Now().AddDate(0, 1, 0).Format(time.DateOnly)
	return killAct{who: "ayame", path: "/web/except", form: f.form("ayame", "id", id, "until", until, "reason", "test"), check: func(told bool) {
		f.t.Helper()
		done := slices.ContainsFunc(f.siteRules().Exceptions, func(e site.Exception) bool { return e.Event == id })
		f.outcome(told, done, orderSays("except", id), from)
	}}
}

// withoutRules has the sites be without rules of their own.
func (f *killedFirm) withoutRules() {
	f.t.Helper()
	if err := os.Remove(filepath.Join(f.dir, "rules.yaml")); err != nil && !errors.Is(err, os.ErrNotExist) {
		f.t.Fatal(err)
	}
	if _, err := f.client.Web(f.t.Context(), control.WebRequest{Do: control.WebReload}); err != nil {
		f.t.Fatal(err)
	}
}

// authorising authorises two parts of a page by one act.
func (f *killedFirm) authorising(int) killAct {
	f.t.Helper()
	f.guarding()
	f.withoutRules()
	if status, text := f.visit("club.example.jp", "/checkout/"); status != http.StatusOK {
		f.t.Fatalf("%d %s", status, text)
	}
	var ids []string
	f.await("the parts of the page", func() bool {
		for _, b := range f.since(0) {
			if i, ok := b.(*event.PageItem); ok && !slices.Contains(ids, i.Item) {
				ids = append(ids, i.Item)
			}
		}
		return len(ids) == 2
	})
	from := f.head()
	form := f.form("ayame", "site", "club.example.jp", "item", ids[0], "item", ids[1], "reason", "test")
	return killAct{who: "ayame", path: "/web/authorise", form: form, check: func(told bool) {
		f.t.Helper()
		var each []bool
		for _, id := range ids {
			each = append(each, slices.ContainsFunc(f.siteRules().Pages, func(p site.Page) bool { return p.Item == id }))
		}
		f.outcome(told, f.allOrNone("authorised", each), orderSays("authorise-pages", "club.example.jp "+strings.Join(ids, " ")), from)
	}}
}

func (f *killedFirm) refusing(round int) killAct {
	f.t.Helper()
	f.guarding()
	path := fmt.Sprintf("/search%c", 'a'+round%26) + strings.Repeat("z", round/26)
	if status, text := f.visit("shop.example.jp", path+"?no=12"); status != http.StatusOK {
		f.t.Fatalf("%d %s", status, text)
	}
	from := f.head()
	form := f.form("ayame", "do", "refuse", "gate", "shop-web", "host", "shop.example.jp", "path", path, "name", "no", "reason", "test")
	return killAct{who: "ayame", path: "/web/field", form: form, check: func(told bool) {
		f.t.Helper()
		done := slices.ContainsFunc(f.siteRules().Refused, func(r site.Refused) bool { return r.Path == path })
		f.outcome(told, done, orderSays("refuse-field", "shop.example.jp"+path+" no"), from)
	}}
}

// importing imports two fields of a page by one act, which no page orders.
func (f *killedFirm) importing(int) killAct {
	f.t.Helper()
	f.guarding()
	f.withoutRules()
	const document = "openapi: 3.1.0\npaths:\n  /orders/{id}:\n    get:\n      parameters:\n" +
		"        - {name: id, in: path, required: true, schema: {type: integer}}\n        - {name: sort, in: query, schema: {type: string, enum: [price]}}\n"
	text, err := json.Marshal(map[string]string{"site": "shop.example.jp", "text": document, "reason": "test"})
	if err != nil {
		f.t.Fatal(err)
	}
	csrf, from := f.form("ayame").Get("csrf"), f.head()
	return killAct{call: func() error {
		r, err := http.NewRequestWithContext(f.t.Context(), "POST", f.origin+control.API+"web/import", bytes.NewReader(text))
		if err != nil {
			return err
		}
		r.Header.Set("X-CSRF", csrf)
		r.AddCookie(&http.Cookie{Name: "sekisho", Value: f.cookies["ayame"]})
		answer, err := f.web.Do(r)
		if err != nil {
			return err
		}
		said, err := io.ReadAll(answer.Body)
		if err == nil && answer.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", answer.Status, said)
		}
		return errors.Join(err, answer.Body.Close())
	}, check: func(told bool) {
		f.t.Helper()
		each := make([]bool, 2)
		for _, p := range f.siteRules().Parameters {
			each[0], each[1] = each[0] || p.Name == "id", each[1] || p.Name == "sort"
		}
		f.outcome(told, f.allOrNone("imported", each), orderSays("import-fields", "shop.example.jp"), from)
	}}
}
