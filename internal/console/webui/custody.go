package webui

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/view/casefile"
)

// calling is what the case asks people to answer, and whom it called.
type calling struct {
	Key   string
	Calls []casefile.Notice // sent, failed, nobody
	Ack   *casefile.Notice  // nil: nobody answered
}

// callings are what the case called people for: what nobody answered first, the
// newest first.
func (c *caseRoom) callings() []calling {
	var out []calling
	known := map[string]int{}
	for i := range c.Case.Notices {
		n := &c.Case.Notices[i]
		at, found := known[n.Key]
		if !found {
			at = len(out)
			known[n.Key] = at
			out = append(out, calling{Key: n.Key})
		}
		switch n.Step {
		case "ack":
			out[at].Ack = n
		case "sent", "failed", "nobody":
			out[at].Calls = append(out[at].Calls, *n)
		}
	}
	slices.Reverse(out)
	slices.SortStableFunc(out, func(a, b calling) int {
		switch {
		case (a.Ack == nil) == (b.Ack == nil):
			return 0
		case a.Ack == nil:
			return -1
		}
		return 1
	})
	return out
}

// called is the part of the callings that the page shows, how many stand before
// it and how many come after it.
func (c *caseRoom) called(all []calling) (part []calling, before, after int) {
	before = max(0, min(c.skip, len(all)-1))
	end := min(len(all), before+shownCalls)
	return all[before:end], before, len(all) - end
}

// callsFrom leads to the callings from one on.
func (c *caseRoom) callsFrom(n int) templ.SafeURL {
	return templ.SafeURL(casePath(c.Case.ID) + "?calls=" + strconv.Itoa(n) + "#h-calls")
}

// why is what a call is for, in words.
func (k *calling) why(p *Page, class string) string { return casefile.KeyWord(k.Key, class, p.Lang()) }

// kept is evidence with where it is now.
type kept struct {
	event.CaseEvidence
	Holder string
	Handed int64 // when Holder got it; 0: whoever preserved it
}

// custody is the evidence of the case, in the order in which it was preserved.
func (c *caseRoom) custody() []kept {
	var out []kept
	for _, e := range c.Case.Evidence {
		if e.Step == "preserved" {
			out = append(out, kept{CaseEvidence: e, Holder: e.By})
			continue
		}
		if i := slices.IndexFunc(out, func(l kept) bool { return l.Evidence == e.Evidence }); i >= 0 {
			out[i].Holder, out[i].Handed = e.To, e.At
		}
	}
	return out
}

// bare are the machines of the case of which nothing is preserved: a rebuild
// would destroy what they show.
func (c *caseRoom) bare() []string {
	return slices.DeleteFunc(slices.Clone(c.Case.Hosts), c.Case.Preserved)
}

// firstBare is the first of them, empty for none.
func (c *caseRoom) firstBare() string {
	if all := c.bare(); len(all) > 0 {
		return all[0]
	}
	return ""
}

// evidenceForms are what evidence can be.
var evidenceForms = []string{"image", "snapshot", "memory", "log-export", "load-figures", "bundle"}

// digestField reads a SHA-256 as people write it.
func digestField(r *Request, name string) (string, error) {
	sum := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(r.PostFormValue(name))), "sha256:")
	if len(sum) != 64 || strings.Trim(sum, "0123456789abcdef") != "" {
		return "", fault.New(fault.ConsoleForm, "problem", "the digest is not a SHA-256 of 64 hexadecimal digits", "hint", "sha256sum FILE")
	}
	return sum, nil
}

// casePreserve records the first link of a chain of custody.
func (s *Server) casePreserve(r *Request) (templ.Component, error) {
	sum, err := digestField(r, "sha256")
	if err != nil {
		return nil, err
	}
	at, err := formTime(r, "at", s.Now())
	if err != nil {
		return nil, err
	}
	host := strings.TrimSpace(r.PostFormValue("host"))
	return s.act(r, "saved", &event.CaseEvidence{Case: r.PathValue("id"), Evidence: host + "-" + sum[:12], Step: "preserved", Host: host,
		Form: r.PostFormValue("form"), SHA256: sum, At: at.UnixNano(), By: r.By(), To: r.By(), Kept: strings.TrimSpace(r.PostFormValue("kept"))})
}

// caseHand records the next link: who holds it from now on.
func (s *Server) caseHand(r *Request) (templ.Component, error) {
	return s.act(r, "saved", &event.CaseEvidence{Case: r.PathValue("id"), Evidence: r.PostFormValue("evidence"), Step: "handed",
		At: s.Now().UnixNano(), By: r.By(), To: strings.TrimSpace(r.PostFormValue("to"))})
}

// What the console offers to decide; the command takes any subject.
var (
	decisionSubjects = []string{"publish", "notify-persons", "stop-payment"}
	decisionChoices  = []string{"now", "not-yet", "limited", "not"}
)

// caseDecide records a decision. One to wait says when it is looked at again.
func (s *Server) caseDecide(r *Request) (templ.Component, error) {
	b := &event.CaseDecision{Case: r.PathValue("id"), Subject: r.PostFormValue("subject"), Choice: r.PostFormValue("choice"),
		Reason: strings.TrimSpace(r.PostFormValue("reason")), By: r.By()}
	switch hours, err := strconv.Atoi(r.PostFormValue("review")); {
	case b.Choice == "now":
		if b.Subject == "publish" {
			b.Choice = "publish"
		}
	case err == nil && hours > 0:
		b.ReviewAt = s.Now().Add(time.Duration(hours) * time.Hour).UnixNano()
	}
	return s.act(r, "saved", b)
}

// caseClock ends a clock: the number of the receipt, and the digest of its copy.
func (s *Server) caseClock(r *Request) (templ.Component, error) {
	at, err := formTime(r, "at", s.Now())
	if err != nil {
		return nil, err
	}
	sum, err := digestField(r, "sha256")
	if err != nil {
		return nil, err
	}
	return s.act(r, "saved", &event.CaseClock{Case: r.PathValue("id"), Rule: r.PostFormValue("rule"), Step: "receipt", Number: r.PostFormValue("number"), SHA256: sum, At: at.UnixNano(), By: r.By()})
}
