package datamap

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/jackc/pgx/v5"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/subject"
)

// Numbers gives subjects their numbers; *subject.Source is one.
type Numbers interface {
	AssignInts(ctx context.Context, keys []int64, numbers []uint32) error
	AssignBytes(ctx context.Context, kind subject.KeyKind, keys [][]byte, numbers []uint32) error
}

// beginIdentifiers starts the indexes, before the snapshot is taken: a write
// that comes later makes them not count.
func (s *scan) beginIdentifiers() {
	s.builds = map[element.Kind]*subject.Build{}
	if s.index == nil || s.table.Key == "" {
		return
	}
	for _, space := range s.table.spaces() {
		s.builds[space.Element] = s.index.Begin(space)
	}
}

// commitIdentifiers publishes the indexes. For one that does not count, because
// its column was written to meanwhile, another scan is due in its time; doubt
// says that something else happened, for which one is due at once.
func (s *scan) commitIdentifiers() (fresh, doubt bool) {
	fresh = true
	for _, b := range s.builds {
		if !b.Commit() {
			fresh, doubt = false, doubt || !b.Written()
		}
	}
	return fresh, doubt
}

// batchRows is how many rows are numbered at once.
const batchRows = 8192

// maxGroups bounds the number of different element sets that one scan keeps
// apart. Rows beyond them count with all elements of the table, which widens.
const maxGroups = 256

// scan is one reading of one table.
type scan struct {
	table   *Table
	plan    *plan
	numbers Numbers
	index   *subject.Identifiers // nil: none wanted
	pace    func(ctx context.Context, rows uint64) error

	from, to time.Time
	rows     uint64
	unknown  uint64 // rows without a key
	groups   map[element.Mask]*roaring.Bitmap

	ints  []int64 // keys of the batch: in ints or in texts
	texts [][]byte
	masks []element.Mask
	idBuf [][]byte // identifiers of the batch, as many a row as the plan has; nil is NULL
	arena []byte   // texts and idBuf point into it
	found []uint32
	// builds are the identifier indexes in the making, one an element.
	builds map[element.Kind]*subject.Build
}

// run reads the table over conn, which must be idle, in a snapshot of its own.
func (s *scan) run(ctx context.Context, conn *pgx.Conn, now func() time.Time) (err error) {
	s.groups = map[element.Mask]*roaring.Bitmap{}
	s.beginIdentifiers()
	s.from = now()
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tx.Rollback(context.WithoutCancel(ctx))) }()
	// Row security must not hide rows from us: off makes it an error instead.
	_, err = tx.Exec(ctx, "SET LOCAL row_security = off; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '10s'")
	if err == nil {
		s.plan, err = newPlan(ctx, conn, s.table)
	}
	if err != nil {
		return err
	}
	if err := s.read(ctx, conn); err != nil {
		return err
	}
	s.to = now()
	return nil
}

func (s *scan) read(ctx context.Context, conn *pgx.Conn) error {
	reader := &copyReader{row: func(fields [][]byte) error { return s.row(ctx, fields) }}
	if _, err := conn.PgConn().CopyTo(ctx, reader, s.plan.sql); err != nil {
		return err
	}
	if err := reader.close(); err != nil {
		return err
	}
	return s.flush(ctx)
}

// row takes one row: key, mask, identifiers.
func (s *scan) row(ctx context.Context, fields [][]byte) error {
	if len(fields) != 2+len(s.plan.idKinds) || len(fields[1]) != 8 {
		return fmt.Errorf("%w: %d fields", errCopy, len(fields))
	}
	key, mask := fields[0], element.Mask(binary.BigEndian.Uint64(fields[1]))
	var n int64
	if key != nil && s.plan.keyKind == subject.Int {
		var ok bool
		if n, ok = subject.ParseInt(true, key); !ok {
			return fmt.Errorf("%w: key of %d bytes", errCopy, len(key))
		}
	}
	return s.take(ctx, key, n, mask, fields[2:])
}

// take enters one row: its key (nil: none; of a plan with integer keys n counts), its
// elements and its identifiers.
func (s *scan) take(ctx context.Context, key []byte, n int64, mask element.Mask, ids [][]byte) error {
	s.rows++
	if key == nil {
		s.unknown++
		for i, v := range ids {
			if b := s.builds[s.plan.idKinds[i]]; b != nil && v != nil {
				b.AddUnknown(v)
			}
		}
		return nil
	}
	if s.plan.keyKind == subject.Int {
		s.ints = append(s.ints, n)
	} else {
		s.texts = append(s.texts, s.keep(key))
	}
	s.masks = append(s.masks, mask)
	for _, v := range ids {
		s.idBuf = append(s.idBuf, s.keep(v))
	}
	if len(s.masks) == batchRows {
		return s.flush(ctx)
	}
	return nil
}

// keep copies a value for the time of the batch; nil stays nil.
func (s *scan) keep(v []byte) []byte {
	if v == nil {
		return nil
	}
	n := len(s.arena)
	s.arena = append(s.arena, v...) // when it moves, earlier values stay where they are
	return s.arena[n:len(s.arena):len(s.arena)]
}

// flush numbers the batch and enters it.
func (s *scan) flush(ctx context.Context) error {
	n := len(s.masks)
	if n == 0 {
		return nil
	}
	s.found = append(s.found[:0], make([]uint32, n)...)
	var err error
	if s.plan.keyKind == subject.Int {
		err = s.numbers.AssignInts(ctx, s.ints, s.found)
	} else {
		err = s.numbers.AssignBytes(ctx, s.plan.keyKind, s.texts, s.found)
	}
	if err != nil {
		return err
	}
	for i, number := range s.found {
		s.group(s.masks[i]).Add(number)
	}
	width := len(s.plan.idKinds)
	for i, v := range s.idBuf {
		if b := s.builds[s.plan.idKinds[i%width]]; b != nil && v != nil {
			b.Add(v, s.found[i/width])
		}
	}
	s.ints, s.texts, s.masks, s.idBuf, s.arena = s.ints[:0], s.texts[:0], s.masks[:0], s.idBuf[:0], s.arena[:0]
	return s.pace(ctx, s.rows)
}

func (s *scan) group(m element.Mask) *roaring.Bitmap {
	if g := s.groups[m]; g != nil {
		return g
	}
	if len(s.groups) >= maxGroups {
		m = s.plan.mask
	}
	if s.groups[m] == nil {
		s.groups[m] = roaring.New()
	}
	return s.groups[m]
}

// maxSetText bounds the text of a set in one event, so that the event stays
// below event.MaxLine with its envelope and names.
const maxSetText = event.MaxLine - 4<<10

// bodies returns the events of the scan: at least one, which also says which
// elements the table has.
func (s *scan) bodies(id uint64) []event.Body {
	var parts []event.Body
	add := func(mask element.Mask, set event.Set) {
		parts = append(parts, &event.HoldingScan{
			Scan: id, Table: s.table.Place, Source: s.table.Source, Elements: mask,
			From: s.from.UnixNano(), To: s.to.UnixNano(), Rows: s.rows, Unknown: s.unknown, Subjects: set,
		})
	}
	for _, mask := range sortedMasks(s.groups) {
		for _, set := range chunks(s.groups[mask]) {
			add(mask, set)
		}
	}
	if len(parts) == 0 {
		add(s.plan.mask, nil)
	}
	for i, p := range parts {
		b := p.(*event.HoldingScan)
		b.Part, b.Parts = uint32(i+1), uint32(len(parts))
	}
	return parts
}

// chunks cuts a bitmap into sets whose text is at most maxSetText bytes.
func chunks(b *roaring.Bitmap) []event.Set {
	var sets []event.Set
	var set event.Set
	var text []byte
	size := 0
	for r := range ranges(b) {
		text = event.Set{r}.Append(text[:0])
		if size+len(text)+1 > maxSetText {
			sets, set, size = append(sets, set), nil, 0
		}
		set, size = append(set, r), size+len(text)+1
	}
	if set != nil {
		sets = append(sets, set)
	}
	return sets
}

// ranges yields the runs of b in ascending order.
func ranges(b *roaring.Bitmap) func(func(event.Range) bool) {
	return func(yield func(event.Range) bool) {
		it := b.ManyIterator()
		buf := make([]uint32, 4096)
		run, open := event.Range{}, false
		for n := it.NextMany(buf); n > 0; n = it.NextMany(buf) {
			for _, x := range buf[:n] {
				switch {
				case !open:
					run, open = event.Range{First: x, Last: x}, true
				case x == run.Last+1:
					run.Last = x
				default:
					if !yield(run) {
						return
					}
					run = event.Range{First: x, Last: x}
				}
			}
		}
		if open {
			yield(run)
		}
	}
}
