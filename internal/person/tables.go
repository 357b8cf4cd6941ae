package person

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"unsafe"

	"sekisho/internal/person/match"
)

// errTables: a table file ends early or does not fit the rows.
var errTables = errors.New("the file does not fit the manifest")

// writeTables writes what a tables file holds.
func writeTables(w *bufio.Writer, res *Result) error {
	c := &res.Match.Counts
	for _, list := range [][]uint32{res.Persons, c.Family, c.Given, c.KanjiFamily, c.KanjiGiven} {
		if err := writeList(w, list, one); err != nil {
			return err
		}
	}
	if err := writeList(w, res.Review, four); err != nil {
		return err
	}
	return writeList(w, res.Weak, four)
}

// one and four append a thing of a list as numbers.
func one(b []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(b, v) }

func four(b []byte, l match.Link) []byte {
	return one(one(one(one(b, l.A), l.B), uint32(l.Score)), uint32(l.Pattern))
}

// writeList writes a list behind its length, both in numbers.
func writeList[T any](w *bufio.Writer, list []T, put func([]byte, T) []byte) error {
	numbers := int(unsafe.Sizeof(*new(T)) / unsafe.Sizeof(uint32(0)))
	b := one(make([]byte, 0, 16<<10), uint32(numbers*len(list)))
	for part := range slices.Chunk(list, 1<<10) {
		for _, v := range part {
			b = put(b, v)
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		b = b[:0]
	}
	_, err := w.Write(b)
	return err
}

// loadTables reads the tables file.
func (n *State) loadTables(res *Result) error {
	name := tablesFile(n.manifest.Generation)
	text, err := os.ReadFile(n.path(name))
	if err == nil {
		err = n.readTables(res, text)
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrState, name, err)
	}
	return nil
}

func (n *State) readTables(res *Result, text []byte) (err error) {
	c := &res.Match.Counts
	var review, weak []uint32
	for _, list := range []*[]uint32{&res.Persons, &c.Family, &c.Given, &c.KanjiFamily, &c.KanjiGiven, &review} {
		if text, err = readList(list, text); err != nil {
			return err
		}
	}
	if len(text) > 0 {
		if _, err = readList(&weak, text); err != nil {
			return err
		}
	}
	if len(res.Persons) != n.manifest.Rows || len(review)%4 != 0 || len(weak)%4 != 0 {
		return errTables
	}
	res.Review, res.Weak = linksOf(review), linksOf(weak)
	return nil
}

// linksOf is the inverse of four.
func linksOf(numbers []uint32) (links []match.Link) {
	for l := range slices.Chunk(numbers, 4) {
		links = append(links, match.Link{A: l[0], B: l[1], Score: match.Score(int32(l[2])), Pattern: match.Pattern(l[3])})
	}
	return links
}

// readList reads a list and returns what stands behind it.
func readList(list *[]uint32, text []byte) ([]byte, error) {
	if len(text) < 4 {
		return nil, errTables
	}
	size := int(binary.LittleEndian.Uint32(text))
	if text = text[4:]; len(text)/4 < size {
		return nil, errTables
	}
	*list = make([]uint32, size, size+size/32)
	for i := range *list {
		(*list)[i] = binary.LittleEndian.Uint32(text[4*i:])
	}
	return text[4*size:], nil
}
