package main

import (
	"strings"
	"time"

	"sekisho/internal/element"
	"sekisho/internal/event"
)

// placeStory is what happened to a place, the oldest first: what was counted when it
// differs from before, and what became of a file.
type placeStory struct {
	moments  []moment
	lost     int // older ones that were dropped
	subjects uint64
	elements element.Mask
}

// moment is something that happened; its fields are those of office.Moment.
type moment struct {
	at       time.Time
	what     string
	subjects uint64
	elements element.Mask
	of, how  string
	size     int64
}

// storyKept bounds the moments of one place. A table that is scanned daily and
// changes each time is kept for two months.
const storyKept = 64

func (s *placeStory) add(m moment) {
	if len(s.moments) == storyKept {
		s.moments = append(s.moments[:0], s.moments[1:]...)
		s.lost++
	}
	s.moments = append(s.moments, m)
}

// counted tells the end of a scan, when it found something else than the last.
func (s *placeStory) counted(x *charted, at time.Time) {
	m := moment{at: at, what: "counted", subjects: x.subjects(), elements: x.elements()}
	switch {
	case m.subjects == s.subjects && m.elements == s.elements:
		return
	case m.subjects == 0:
		m.what = "gone"
	case s.subjects == 0:
		m.what = "came"
	}
	s.subjects, s.elements = m.subjects, m.elements
	s.add(m)
}

func (s *placeStory) copied(b *event.Copied) {
	of := make([]string, len(b.Of))
	for i, p := range b.Of {
		of[i] = string(p)
	}
	s.add(moment{at: event.Time(b.At), what: "copied", of: strings.Join(of, ", "), how: b.How, subjects: b.Subjects})
}

// object tells what became of a file: each thing that the event says.
func (s *placeStory) object(b *event.Object) {
	from, to := event.Time(b.From), event.Time(b.To)
	switch {
	case b.Was != "":
		s.add(moment{at: from, what: "moved", of: string(b.Was), size: b.Size})
	case b.Created:
		s.add(moment{at: from, what: "made", size: b.Size})
	}
	if b.Writes > 0 && !b.Created {
		s.add(moment{at: to, what: "written", size: b.Size})
	}
	if b.Like != "" {
		s.add(moment{at: to, what: "like", of: string(b.Like)})
	}
	if b.Unread != "" {
		s.add(moment{at: to, what: "unread"})
	}
	if b.Gone {
		s.add(moment{at: to, what: "removed", size: b.Size})
	}
}
