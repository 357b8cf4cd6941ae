package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/lang"
)

// subjectsAsked is which accounts asked for subjects, and when, in the last day.
type subjectsAsked struct {
	mu sync.Mutex
	by map[string][]time.Time
}

// subjectSpan is how long a question for a subject counts.
const subjectSpan = 24 * time.Hour

// take counts a question; false: the account had asked for as many as it may.
func (s *subjectsAsked) take(by string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.by[by]
	for len(all) > 0 && now.Sub(all[0]) >= subjectSpan {
		all = all[1:]
	}
	may := len(all) < consoleoffice.MaxSubjects
	if may {
		all = append(all, now)
	}
	if s.by == nil {
		s.by = map[string][]time.Time{}
	}
	s.by[by] = all
	return may
}

// Whereabouts implements office.Surveyor. That there is no such subject is an answer as
// well: it counts, and is recorded.
func (c *console) Whereabouts(ctx context.Context, r consoleoffice.SubjectRequest) (*consoleoffice.Whereabouts, error) {
	say := printerOf(r.Lang)
	source, err := subjectSource(say, c.cfg, r.Source)
	if err != nil {
		return nil, err
	}
	act := &event.Act{By: r.By, Do: "map-subject", Target: string(source), Result: "done"}
	if !c.subjects.take(r.By, c.now()) {
		act.Result, act.Detail = "refused", "too many within a day"
		if err := c.Record(ctx, event.Source("person/"+r.By), act); err != nil {
			return nil, err
		}
		return nil, fault.New(fault.ControlRefused, "problem", say.Text("subject_many", "n", consoleoffice.MaxSubjects), "hint", say.Text("subject_many_hint"))
	}
	number, known := numberOf(c.dict.Source(source), r.Key)
	if act.Detail = fmt.Sprintf("subject %d", number); !known {
		act.Detail = "no such subject"
	}
	if err := c.Record(ctx, event.Source("person/"+r.By), act); err != nil {
		return nil, err
	}
	if !known {
		return nil, subjectUnknown(say, source)
	}
	w := newTracer(source, number)
	if err := eachEvent(ctx, c.ledger.Reader, ofSubjects, w.see); err != nil {
		return nil, ledgerFault(ledgerDir(c.cfg.Config), c.file, err)
	}
	return w.finish(), nil
}

// printerOf says things in a language by its name; Japanese when there is none.
func printerOf(language string) lang.Printer {
	l, ok := lang.Parse(language)
	if !ok {
		l = lang.Japanese
	}
	return texts.In(l)
}
