package document

import (
	"bytes"
	"strings"

	"sekisho/internal/element"
)

// grid takes rows of cells by position and finds the header row among the first:
// the one with the most cells that name an element. Rows before it, and all rows
// of a grid without one, are cells without a header.
type grid struct {
	t       Table
	shared  Shared     // t, if it wants to know
	held    [][][]byte // rows that wait for the decision
	size    int
	columns []int // position → column
	decided bool
}

const (
	headerRows = 8 // the header is among these
	maxColumns = 16384
	maxHeld    = 1 << 20 // bytes
)

func newGrid(t Table) *grid {
	g := &grid{t: t}
	g.shared, _ = t.(Shared)
	return g
}

// sparse takes a row of the cells that have something in them, each with its position.
// A position may come several times. Numbers are those of the shared strings among the
// cells, each one more than its number, 0 for others; nil when there are none.
func (g *grid) sparse(at []int32, cells [][]byte, numbers []int32) {
	if g.decided {
		if g.shared == nil {
			numbers = nil
		}
		for i, c := range cells {
			number := int32(0)
			if numbers != nil {
				number = numbers[i]
			}
			g.cell(int(at[i]), c, number)
		}
		g.t.EndRow()
		return
	}
	var row [][]byte
	for i, c := range cells {
		for len(row) <= int(at[i]) {
			row = append(row, nil)
		}
		if row[at[i]] != nil { // a second one of its position
			g.decide()
			g.sparse(at, cells, numbers)
			return
		}
		row[at[i]] = c
	}
	g.row(row)
}

// cell hands on one cell.
func (g *grid) cell(i int, c []byte, number int32) {
	for i >= len(g.columns) && len(g.columns) < maxColumns {
		g.columns = append(g.columns, g.t.Column(""))
	}
	if len(c) == 0 {
		return
	}
	if at := g.columns[min(i, len(g.columns)-1)]; number > 0 {
		g.shared.SharedCell(at, int(number-1), c)
	} else {
		g.t.Cell(at, c)
	}
}

// row takes a row. It copies what it keeps.
func (g *grid) row(cells [][]byte) {
	if g.decided {
		g.hand(cells)
		return
	}
	kept := make([][]byte, len(cells))
	for i, c := range cells {
		kept[i] = bytes.Clone(c)
		g.size += len(c) + 24
	}
	g.held = append(g.held, kept)
	if len(g.held) >= headerRows || g.size > maxHeld {
		g.decide()
	}
}

// decide chooses the header and hands on what waited.
func (g *grid) decide() {
	if g.decided {
		return
	}
	best, most := -1, 0
	for i, row := range g.held {
		if n := headerScore(row); n > most {
			best, most = i, n
		}
	}
	held := g.held
	g.held, g.decided = nil, true
	if best < 0 {
		for _, row := range held {
			g.hand(row)
		}
		return
	}
	for _, row := range held[:best] {
		g.hand(row)
	}
	g.columns = nil
	for i, cell := range held[best] {
		if i == maxColumns {
			break
		}
		g.columns = append(g.columns, g.t.Column(cut(cell)))
	}
	g.hand(held[best]) // a header may hold data all the same
	for _, row := range held[best+1:] {
		g.hand(row)
	}
}

// headerScore counts the cells of a row that name an element; a row with long
// texts or long numbers is no header.
func headerScore(row [][]byte) (score int) {
	filled := 0
	for _, c := range row {
		v := bytes.TrimSpace(c)
		if len(v) == 0 {
			continue
		}
		filled++
		digits := 0
		for _, b := range v {
			if b >= '0' && b <= '9' {
				digits++
			}
		}
		if len(v) > 120 || digits > 4 {
			return 0
		}
		if _, weak, ok := element.HeaderKind(string(v)); ok {
			score += 2
			if weak {
				score--
			}
		}
	}
	if filled > 1 && score < 2 {
		// Words for nothing personal: a header if all cells are words.
		if identifiers(row) {
			return 1
		}
		return 0
	}
	return score
}

// identifiers reports whether all cells look like names of columns in ASCII.
func identifiers(row [][]byte) bool {
	for _, c := range row {
		v := string(bytes.TrimSpace(c))
		if v == "" || strings.Trim(strings.ToLower(v), "abcdefghijklmnopqrstuvwxyz0123456789_-. ") != "" || v[0] >= '0' && v[0] <= '9' {
			return false
		}
	}
	return true
}

func (g *grid) hand(cells [][]byte) {
	for i, c := range cells {
		g.cell(i, c, 0)
	}
	g.t.EndRow()
}

// close ends the table.
func (g *grid) close() {
	g.decide()
	g.t.Close()
}
