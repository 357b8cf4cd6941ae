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
