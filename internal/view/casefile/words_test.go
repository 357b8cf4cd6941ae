package casefile

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lang"
)

// TestWords: every code that a case can hold is said in words, in both
// languages.
func TestWords(t *testing.T) {
	b := sampleBooks()
	codes := map[string][]string{"state": {Candidate, Incident, Closed}, "do": append(append([]string{}, destroying...), containing...),
		"rank": {"duty", "csirt", "ciso", "officer"}, "form": {"image", "snapshot", "memory", "log-export", "load-figures", "bundle"}}
	for _, r := range b.Rules.Rules {
		codes["fact"] = append(codes["fact"], r.Start...)
		for _, w := range r.When {
			codes["fact"] = append(append(codes["fact"], w.All...), w.Any...)
		}
		codes["draft"] = append(codes["draft"], r.Drafts...)
	}
	for _, c := range b.Plays.Classes {
		codes["cause"] = append(codes["cause"], c.Causes...)
	}
	for kind, list := range codes {
		for _, code := range list {
			ja, en := Word(kind, code, lang.Japanese), Word(kind, code, lang.English)
			if ja == code && strings.Contains(code, "-") || strings.HasPrefix(ja, "!") || !wordTexts.Has(kind+"_"+code) && !strings.HasPrefix(code, "resident.") {
				t.Errorf("%s %s is said as %q, %q", kind, code, ja, en)
			}
		}
	}
	for _, k := range element.Kinds() {
		if ja := Word("element", k.String(), lang.Japanese); ja == k.String() {
			t.Errorf("element %s has no word", ja)
		}
	}
	if got := Word("subject", "reorganise", lang.English); got != "reorganise" {
		t.Errorf("people's own word became %q", got)
	}
}

// code finds what is for commands and not for people.
var code = regexp.MustCompile(`jp\.appi|personal-data|stop-payment|log-export|not-needed|ppc-prelim|(open|task|clock|late):[0-9a-z]|card-misuse|[{}!]`)

// TestTimelineInWords: no line of the timeline and no red line shows a code.
func TestTimelineInWords(t *testing.T) {
	r := newRoom(t, "2026-11-22 12:00")
	r.sign("card-misuse", "card-company", "card company", "2026-11-20 10:00", r.books.Plays.Class("card-misuse").Facts...)
	r.deliver()
	r.do(&event.CaseNotice{Case: "c1", Key: "open:0", Step: "ack", To: "sora"},
		&event.CaseMove{Case: "c1", To: Incident, Reason: "notice", By: "sora"},
		&event.CaseAction{Case: "c1", Action: "a", Do: "stop-payment", Step: "done", Target: "shop", By: "sora"},
		&event.CaseTask{Case: "c1", Task: "stop-payment", Step: "done", By: "sora"})
	r.keep("log-export", "web-1")
	r.do(&event.CaseReport{Case: "c1", Report: "pfi", Step: "load", SHA256: sum, By: "sora"},
		&event.CaseReport{Case: "c1", Report: "pfi", Step: "answer", Question: "flaw", Answer: "a", Evidence: "p. 1", By: "sora"},
		&event.CaseDecision{Case: "c1", Subject: "publish", Choice: "not-yet", Reason: "r", ReviewAt: r.now.Add(time.Hour).UnixNano(), By: "aoi"},
		&event.CaseDraft{Case: "c1", Draft: "ppc-prelim", Step: "write", By: "sora"},
		&event.CaseClock{Case: "c1", Rule: "jp.appi.prelim", Step: "receipt", Number: "7", SHA256: sum, At: r.now.UnixNano(), By: "sora"},
		&event.CaseAgree{Acted: event.Acted{Proved: "key"}, Case: "c1", Act: "override:rebuild:web-9", By: "aoi"})
	r.fold(&event.CaseAction{Case: "c1", Action: "a", Do: "cut", Step: "receipt", Target: "all", By: "sora", Applied: 3, Failed: 1})
	r.fold(&event.CaseNotice{Case: "c1", Key: "late:jp.appi.final60", Step: "failed", Rank: "officer", To: "rin"})
	r.fold(&event.CaseNotice{Case: "c1", Key: "task:police", Step: "nobody", Rank: "ciso"})
	r.now = r.now.AddDate(0, 3, 0)
	for _, l := range []lang.Language{lang.Japanese, lang.English} {
		for _, e := range r.c.Log {
			if text := e.Line(l); code.MatchString(text) || strings.Contains(text, "  ") {
				t.Errorf("%s: %q", l, text)
			}
		}
		red := r.c.Red(r.books, r.firm, r.now)
		if len(red) < 3 {
			t.Errorf("red: %v", red)
		}
		for _, line := range red {
			if text := RedText(line, r.c.Class, l); text == line || code.MatchString(text) {
				t.Errorf("%s: %q", l, text)
			}
		}
	}
	if got := RedText("nobody roster", "unknown", lang.Japanese); !strings.Contains(got, "名簿") {
		t.Errorf("a roster with nobody: %q", got)
	}
}
