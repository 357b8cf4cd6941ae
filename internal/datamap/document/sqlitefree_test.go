package document

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// TestSQLiteFree: rows of a table that was dropped are read as long as they are in the
// file; a list of free pages that leads back, or out of the file, is told.
func TestSQLiteFree(t *testing.T) {
	var rows []string
	for i := range 3000 {
		rows = append(rows, fmt.Sprintf("('taro%d@mail.example')", i))
	}
	data := sqliteMade(t, "PRAGMA secure_delete=off; CREATE TABLE a (x TEXT); CREATE TABLE b (x TEXT); INSERT INTO a VALUES "+strings.Join(rows, ",")+"; INSERT INTO b VALUES ('hanako@mail.example'); DROP TABLE a")
	lines := read(t, "a.db", data, Limits{})
	got := strings.Join(lines, "\n")
	if n := strings.Count(got, "taro"); n < len(rows)*9/10 || troubled(lines) || !strings.Contains(got, "hanako@mail.example") {
		t.Errorf("%d of %d rows, %.300q", n, len(rows), lines)
	}
	first := binary.BigEndian.Uint32(data[32:])
	if first == 0 {
		t.Fatal("no page is free")
	}
	trunk := data[int(first-1)*int(binary.BigEndian.Uint16(data[16:])):]
	for name, change := range map[string]func(){
		"leads back":      func() { binary.BigEndian.PutUint32(trunk, first) },
		"leads out":       func() { binary.BigEndian.PutUint32(trunk, 1<<31) },
		"too many leaves": func() { binary.BigEndian.PutUint32(trunk[4:], 1<<31) },
	} {
		change()
		if got := read(t, "a.db", data, Limits{}); !has(got, "TROUBLE damaged") || !has(got, "hanako@mail.example") {
			t.Errorf("%s: %.300q", name, lastOf(got, 3))
		}
	}
}
