package webui

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"sekisho/internal/desk"
	"sekisho/internal/view/casefile"
	"sekisho/internal/view/casefile/playbook"
)

// pageIn is a page in a language.
func pageIn(s *Server, language string) *Page {
	return s.newPage(&Request{Request: &http.Request{Header: http.Header{"Accept-Language": {language}}, URL: &url.URL{}}})
}

// TestPlainWords: pages name elements in words, not as files write them.
func TestPlainWords(t *testing.T) {
	s, _ := newServer(t)
	for _, language := range []string{"ja", "en"} {
		p := pageIn(s, language)
		for _, name := range kindsOfElements() {
			if got := p.Element(name); got == "" || strings.ContainsAny(got, "_.!") {
				t.Errorf("%s: element %s is called %q", language, name, got)
			}
		}
	}
	if got := pageIn(s, "en").Element("card.pan"); got != "card number" {
		t.Errorf("card.pan is called %q", got)
	}
}

// TestFactsHaveWords: whatever can be known of a case is said in words, and a clock
// names the facts behind it.
func TestFactsHaveWords(t *testing.T) {
	s, f := newServer(t)
	for _, language := range []string{"ja", "en"} {
		p := pageIn(s, language)
		for _, name := range knownFacts() {
			if got := p.Fact(name); got == name || strings.Contains(got, "!") {
				t.Errorf("%s: the fact %s is called %q", language, name, got)
			}
		}
	}
	k := desk.Clock{To: "宛先", ToEN: "the recipient", Because: []desk.Known{{Fact: "personal-data", At: f.now}, {Fact: "persons", At: f.now, Persons: 1200}}}
	if got := pageIn(s, "en").facts(k.Because); got != "Personal data is concerned (2026-11-22 12:00), 1,200 persons concerned (2026-11-22 12:00)" {
		t.Errorf("the facts are %q", got)
	}
	if got := toOf(pageIn(s, "en"), k) + toOf(pageIn(s, "ja"), k); got != "the recipient宛先" {
		t.Errorf("the recipient is %q", got)
	}
}

// TestMissingWords: what closing a case lacks is said in words, never by an id.
func TestMissingWords(t *testing.T) {
	s, _ := newServer(t)
	books := casefile.DefaultBooks()
	class := &books.Plays.Classes[0]
	i := slices.IndexFunc(class.Tasks, func(t playbook.Task) bool { return t.Title.In("en") != t.Title.In("ja") })
	if i < 0 {
		t.Fatal("the playbook has no task in two languages")
	}
	task := class.Tasks[i]
	c := &caseRoom{Class: class, Answer: &desk.Answer{Case: &casefile.Case{Class: class.ID, Tasks: []casefile.Task{{ID: task.ID}, {ID: "own", Title: "ring the host"}}},
		Missing: []string{"task:" + task.ID, "task:own", "clock:" + books.Rules.Rules[0].ID}}}
	for _, language := range []string{"ja", "en"} {
		want := []string{task.Title.In(language), "ring the host", books.Rules.Rules[0].Law.In(language)}
		if got := c.missing(pageIn(s, language)); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", language, got, want)
		}
	}
}
