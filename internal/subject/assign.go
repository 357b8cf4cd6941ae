package subject

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"sekisho/internal/event"
	"sekisho/internal/keyring"
)

// bodiesPerRecord bounds how much is sealed before it is recorded.
const bodiesPerRecord = 64

// AssignInts stores the number of each key in numbers, which must be as long
// as keys, giving new numbers to keys that have none. When it returns nil, all
// numbers are recorded and may be used. When it fails, no number is stored;
// keys that were recorded before the failure keep theirs.
//
// Sorted batches of neighbouring keys make the smallest ledger: runs of at
// least 16 consecutive keys are one entry.
func (s *Source) AssignInts(ctx context.Context, keys []int64, numbers []uint32) error {
	if done := s.lookInts(keys, numbers); done {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := make([]int64, 0, len(keys))
	for _, k := range keys {
		if _, ok := s.NumberInt(k); !ok {
			fresh = append(fresh, k)
		}
	}
	slices.Sort(fresh)
	fresh = slices.Compact(fresh)
	err := s.commit(ctx, intEntries(fresh))
	if err == nil && !s.lookInts(keys, numbers) {
		panic("subject: a key that was just assigned has no number")
	}
	return err
}

func (s *Source) lookInts(keys []int64, numbers []uint32) bool {
	all := true
	for i, k := range keys {
		n, ok := s.NumberInt(k)
		if !ok {
			all = false
			break
		}
		numbers[i] = n
	}
	return all
}

// AssignBytes is AssignInts for keys of kind UUID or Text in canonical bytes.
func (s *Source) AssignBytes(ctx context.Context, kind KeyKind, keys [][]byte, numbers []uint32) error {
	if s.lookBytes(keys, numbers) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var fresh [][]byte
	for _, k := range keys {
		if len(k) > MaxKey || (kind == UUID && len(k) != 16) {
			return fmt.Errorf("assign to %s: %d bytes: %w", s.name, len(k), ErrKeyLength)
		}
		if _, ok := s.NumberBytes(k); !ok {
			fresh = append(fresh, k)
		}
	}
	slices.SortFunc(fresh, bytes.Compare)
	fresh = slices.CompactFunc(fresh, bytes.Equal)
	err := s.commit(ctx, byteEntries(kind, fresh))
	if err == nil && !s.lookBytes(keys, numbers) {
		panic("subject: a key that was just assigned has no number")
	}
	return err
}

func (s *Source) lookBytes(keys [][]byte, numbers []uint32) bool {
	for i, k := range keys {
		n, ok := s.NumberBytes(k)
		if !ok {
			return false
		}
		numbers[i] = n
	}
	return true
}

// entry is what one event.Subjects will hold.
type entry struct {
	keys  keys
	count uint32
}

func (e entry) plain() []byte {
	dst := []byte{e.keys.form}
	switch e.keys.form {
	case formExtent:
		return binary.AppendVarint(dst, e.keys.first)
	case formInts:
		return appendInts(dst, e.keys.ints)
	case formUUID:
		return append(dst, bytes.Join(e.keys.bytes, nil)...)
	}
	for _, k := range e.keys.bytes {
		dst = append(binary.AppendUvarint(dst, uint64(len(k))), k...)
	}
	return dst
}

// head returns the first n keys of e and the rest.
func (e entry) split(n uint32) (head, rest entry) {
	head, rest = e, e
	head.count, rest.count = n, e.count-n
	switch e.keys.form {
	case formExtent:
		rest.keys.first += int64(n)
	case formInts:
		head.keys.ints, rest.keys.ints = e.keys.ints[:n], e.keys.ints[n:]
	default:
		head.keys.bytes, rest.keys.bytes = e.keys.bytes[:n], e.keys.bytes[n:]
	}
	return head, rest
}

// intEntries cuts ascending keys into extents and lists.
func intEntries(list []int64) (out []entry) {
	const perList = maxPlain / binary.MaxVarintLen64
	var loose []int64
	flush := func() {
		for part := range slices.Chunk(loose, perList) {
			part = slices.Clone(part)
			out = append(out, entry{keys{form: formInts, ints: part}, uint32(len(part))})
		}
		loose = loose[:0]
	}
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n] == list[n-1]+1 {
			n++
		}
		if n >= minRun {
			flush()
			out = append(out, entry{keys{form: formExtent, first: list[0]}, uint32(n)})
		} else {
			loose = append(loose, list[:n]...)
		}
		list = list[n:]
	}
	flush()
	return out
}

func byteEntries(kind KeyKind, list [][]byte) (out []entry) {
	form := formBytes
	if kind == UUID {
		form = formUUID
	}
	for len(list) > 0 {
		n, size := 0, 0
		for n < len(list) && (n == 0 || size+len(list[n])+binary.MaxVarintLen32 <= maxPlain) {
			size += len(list[n]) + binary.MaxVarintLen32
			n++
		}
		out = append(out, entry{keys{form: form, bytes: list[:n]}, uint32(n)})
		list = list[n:]
	}
	return out
}

// commit gives numbers to the entries, records them and then publishes them.
// Numbers are used up before they are recorded: when the recorder fails they
// may stand in the ledger all the same. The caller holds mu.
func (s *Source) commit(ctx context.Context, entries []entry) error {
	key, err := s.dict.cfg.Keys.Current(s.dict.cfg.Tenant, keyring.Dictionary)
	if err != nil {
		return fmt.Errorf("assign subjects of %s: %w", s.name, err)
	}
	for len(entries) > 0 {
		var bodies []event.Body
		var lists []keys
		for len(entries) > 0 && len(bodies) < bodiesPerRecord {
			first, n, err := s.take(ctx, entries[0].count)
			if err != nil {
				return err
			}
			head, rest := entries[0].split(n)
			b := &event.Subjects{Source: s.name, Epoch: s.epoch, Number: first, Count: n}
			if err := seal(b, key, head.plain()); err != nil {
				return err
			}
			bodies, lists = append(bodies, b), append(lists, head.keys)
			if entries[0] = rest; rest.count == 0 {
				entries = entries[1:]
			}
		}
		if _, err := s.dict.record(ctx, bodies...); err != nil {
			return fmt.Errorf("record subjects of %s: %w", s.name, err)
		}
		for i, b := range bodies {
			s.add(b.(*event.Subjects), lists[i])
		}
	}
	return nil
}

// take uses up at most want numbers of the lease, at least one.
func (s *Source) take(ctx context.Context, want uint32) (first, n uint32, err error) {
	if s.left == 0 {
		if err := s.extend(ctx, want); err != nil {
			return 0, 0, err
		}
	}
	n = min(want, s.left)
	first = s.next
	s.next += n
	s.left -= n
	s.observe(first + n - 1)
	return first, n, nil
}

func (s *Source) extend(ctx context.Context, want uint32) error {
	if s.dict.cfg.Lease != nil {
		first, count, err := s.dict.cfg.Lease(ctx, s.name, uint64(s.seen), want)
		if err != nil {
			return fmt.Errorf("lease numbers of %s: %w", s.name, err)
		}
		if count == 0 || uint64(first)+uint64(count)-1 > MaxNumber {
			return fmt.Errorf("lease numbers of %s: %w", s.name, ErrFull)
		}
		s.next, s.left = first, count
		return nil
	}
	if s.seen > MaxNumber {
		return fmt.Errorf("numbers of %s: %w", s.name, ErrFull)
	}
	s.next, s.left = s.seen, uint32(min(uint64(want), MaxNumber+1-uint64(s.seen)))
	return nil
}
