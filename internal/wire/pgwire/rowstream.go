package pgwire

import "encoding/binary"

// RowStream finds chosen columns of a DataRow that arrives in pieces because
// it is too large to hold. It keeps the chosen columns only, each up to Limit
// bytes. Not safe for concurrent use.
type RowStream struct {
	// Want are the columns to keep (0-based, ascending).
	Want []int
	// Limit is the greatest value kept, in bytes; a longer one counts as not
	// seen. 0 means 1 KiB, far above any key.
	Limit int

	word   [4]byte // length prefix being collected
	have   int     // bytes of word
	cols   int     // columns of the row, -1 before they are known
	col    int     // current column
	left   int     // bytes of the current value still to come
	inside bool    // between a length prefix and the end of its value
	bad    bool
	found  []streamed
	data   []byte
}

type streamed struct{ from, to, state int }

const (
	unseen = iota
	null
	seen
	tooLong
)

// Begin starts a row.
func (s *RowStream) Begin() {
	s.have, s.cols, s.col, s.left, s.inside, s.bad = 0, -1, 0, 0, false, false
	if s.data == nil {
		s.data = make([]byte, 0, 64) // an empty value is not NULL
	}
	s.found, s.data = s.found[:0], s.data[:0]
	for range s.Want {
		s.found = append(s.found, streamed{})
	}
}

// Feed takes the next piece of the body.
func (s *RowStream) Feed(p []byte) {
	for len(p) > 0 && !s.bad {
		switch {
		case s.inside:
			p = s.value(p)
		case s.cols < 0:
			p = s.count(p)
		case s.col >= s.cols:
			s.bad = true // bytes after the last column
		default:
			p = s.length(p)
		}
	}
}

// Value returns the i-th wanted column, nil for NULL. ok is false when it was
// not there as a whole, or was longer than Limit.
func (s *RowStream) Value(i int) (value []byte, ok bool) {
	if s.bad || i >= len(s.found) {
		return nil, false
	}
	switch f := s.found[i]; f.state {
	case null:
		return nil, true
	case seen:
		return s.data[f.from:f.to:f.to], true
	}
	return nil, false
}

// Done reports whether the whole row was seen and had the layout of a DataRow.
func (s *RowStream) Done() bool { return !s.bad && s.cols >= 0 && s.col == s.cols && !s.inside }

func (s *RowStream) count(p []byte) []byte {
	p = s.collect(p, 2)
	if s.have == 2 {
		s.cols, s.have = int(binary.BigEndian.Uint16(s.word[:])), 0
	}
	return p
}

func (s *RowStream) length(p []byte) []byte {
	p = s.collect(p, 4)
	if s.have < 4 {
		return p
	}
	s.have = 0
	n := int32(binary.BigEndian.Uint32(s.word[:]))
	switch {
	case n == -1:
		s.mark(null)
		s.col++
	case n < -1:
		s.bad = true
	default:
		s.left, s.inside = int(n), true
		if f := s.wanted(); f != nil {
			f.from, f.to = len(s.data), len(s.data)
		}
		if n == 0 {
			s.close()
		}
	}
	return p
}

func (s *RowStream) value(p []byte) []byte {
	n := min(s.left, len(p))
	if f := s.wanted(); f != nil && f.state != tooLong {
		limit := s.Limit
		if limit <= 0 {
			limit = 1024
		}
		if f.to-f.from+n > limit {
			f.state = tooLong
		} else {
			s.data = append(s.data, p[:n]...)
			f.to = len(s.data)
		}
	}
	if s.left -= n; s.left == 0 {
		s.close()
	}
	return p[n:]
}

func (s *RowStream) close() {
	if f := s.wanted(); f != nil && f.state == unseen {
		f.state = seen
	}
	s.inside = false
	s.col++
}

func (s *RowStream) mark(state int) {
	if f := s.wanted(); f != nil {
		f.state = state
	}
}

func (s *RowStream) wanted() *streamed {
	for i, k := range s.Want {
		if k == s.col {
			return &s.found[i]
		}
	}
	return nil
}

func (s *RowStream) collect(p []byte, n int) []byte {
	k := copy(s.word[s.have:n], p)
	s.have += k
	return p[k:]
}
