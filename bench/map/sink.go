package main

import (
	"context"
	"sync"

	"sekisho/internal/event"
)

// sink is a recorder that writes sets as the ledger does and throws them away.
type sink struct {
	mu       sync.Mutex
	seq      event.Seq
	text     []byte
	subjects uint64
}

// Record implements event.Recorder.
func (s *sink) Record(_ context.Context, _ event.Level, bodies ...event.Body) (event.Seq, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.seq + 1
	for _, b := range bodies {
		s.seq++
		if h, ok := b.(*event.HoldingScan); ok {
			s.text = h.Subjects.Append(s.text[:0])
			s.subjects += h.Subjects.Len()
		}
	}
	return first, nil
}

// Submit implements event.Recorder.
func (s *sink) Submit(level event.Level, done func(error), bodies ...event.Body) (event.Seq, error) {
	n, err := s.Record(context.Background(), level, bodies...)
	if done != nil {
		done(err)
	}
	return n, err
}
