package person

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"

	"sekisho/internal/person/match"
)

// errTables: a table file ends early or does not fit the rows.
var errTables = errors.New("the file does not fit the manifest")

// writeTables writes what a tables file holds.
func writeTables(w *bufio.Writer, res *Result) error {
	c := &res.Match.Counts
	review := make([]uint32, 0, 4*len(res.Review))
	for _, l := range res.Review {
		review = append(review, l.A, l.B, uint32(l.Score), uint32(l.Pattern))
	}
	for _, list := range [][]uint32{res.Persons, c.Family, c.Given, c.KanjiFamily, c.KanjiGiven, review} {
		if err := writeList(w, list); err != nil {
			return err
		}
	}
	return nil
}

// writeList writes a list behind its length.
func writeList(w *bufio.Writer, list []uint32) error {
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, 4<<10), uint32(len(list)))
	for part := range slices.Chunk(list, 1<<10) {
		for _, v := range part {
			b = binary.LittleEndian.AppendUint32(b, v)
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
	var review []uint32
	for _, list := range []*[]uint32{&res.Persons, &c.Family, &c.Given, &c.KanjiFamily, &c.KanjiGiven, &review} {
		if text, err = readList(list, text); err != nil {
			return err
		}
	}
	if len(res.Persons) != n.manifest.Rows || len(review)%4 != 0 {
		return errTables
	}
	for l := range slices.Chunk(review, 4) {
		res.Review = append(res.Review, match.Link{A: l[0], B: l[1], Score: match.Score(int32(l[2])), Pattern: match.Pattern(l[3])})
	}
	return nil
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
