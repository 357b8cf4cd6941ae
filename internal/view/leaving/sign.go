package leaving

import (
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"

	"sekisho/internal/event"
	"sekisho/proof/scope"
)

// sign is one word about the cover of gates, or equal signs of life of one gate
// in one hour.
type sign struct {
	n              event.Index
	source         string
	kind           int
	at, till, step int64
	ce             int64
	data           string // JSON of scope.Sign
	times          []byte // of signs of life after the first: varints of the time since the one before
	changed        bool
}

const signColumns = "n, source, kind, at, till, step, ce, data, times"

func (s *sign) scan(r *sql.Rows) error {
	return r.Scan(&s.n, &s.source, &s.kind, &s.at, &s.till, &s.step, &s.ce, &s.data, &s.times)
}

func (s *sign) row() []any {
	times := s.times
	if times == nil {
		times = []byte{}
	}
	return []any{s.n, s.source, s.kind, s.at, s.till, s.step, s.ce, s.data, times}
}

// keep remembers a sign as the last of its source.
func (v *View) keep(s *sign) {
	v.gates[s.source] = true
	delete(v.lives, s.source)
	if s.kind == int(event.KindHeartbeat) {
		v.lives[s.source] = s
	}
}

// sign keeps a sign that can bear on an answer.
func (v *View) sign(index event.Index, s *scope.Sign) (bool, error) {
	gate := strings.HasPrefix(s.Source, "gate/")
	switch event.Kind(s.Kind) {
	case event.KindSourceStop:
		if !gate || !v.gates[s.Source] {
			return false, nil // of a run that is not kept
		}
	case event.KindGap, event.KindCoverage:
	default:
		if !gate {
			return false, nil
		}
	}
	if !s.OfWays() {
		return false, nil
	}
	data, err := json.Marshal(s)
	if err != nil {
		return false, fmt.Errorf("leaving view: %w", err)
	}
	last := v.lives[s.Source]
	if last != nil && s.Kind == last.kind && s.CE == last.ce && s.At >= last.till && blockOf(s.At, hour) == blockOf(last.at, hour) && string(data) == last.data {
		step := s.At - last.till
		last.times = binary.AppendUvarint(last.times, uint64(step))
		last.till, last.step = s.At, max(last.step, step)
		v.touchSign(last)
		return true, nil
	}
	one := &sign{n: index, source: s.Source, kind: s.Kind, at: s.At, till: s.At, ce: s.CE, data: string(data)}
	v.keep(one)
	v.touchSign(one)
	return true, nil
}

func (v *View) touchSign(s *sign) {
	if !s.changed {
		s.changed = true
		v.batch.signs = append(v.batch.signs, s)
	}
}

// tell gives a sign to an answer as if it were the lines that it is made of.
func (s *sign) tell(l *scope.Leavings) error {
	var b scope.Sign
	if err := json.Unmarshal([]byte(s.data), &b); err != nil {
		return err
	}
	b.Source, b.CE = s.source, s.ce
	say := func(at, till int64) {
		if l.Uses(s.kind, s.source, at) {
			b.At, b.Till = at, till
			l.Sign(&b)
		}
	}
	if s.step <= l.Silence() && l.Uses(s.kind, s.source, s.at) && l.Uses(s.kind, s.source, s.till) {
		say(s.at, s.till)
		return nil
	}
	at := s.at
	say(at, 0)
	for rest := s.times; len(rest) > 0; {
		step, n := binary.Uvarint(rest)
		if n <= 0 {
			return fmt.Errorf("times of sign %d", s.n)
		}
		at, rest = at+int64(step), rest[n:]
		say(at, 0)
	}
	return nil
}
