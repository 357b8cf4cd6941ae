package person

import (
	"slices"
	"strconv"

	"sekisho/internal/person/record"
	"sekisho/internal/person/rowfile"
)

// headerOf names the columns of a file, and puts into columns what the source says
// of them. plain: the first row looks like somebody's record. It is one when nobody
// knows a heading of it, and then it is in no report: the columns are numbered.
func headerOf(f *rowfile.File, s Source, columns []record.Column, plain bool) []string {
	header := f.Header
	named := slices.ContainsFunc(header, func(h string) bool { _, ok := s.Columns[h]; return ok })
	if plain && s.Rows == nil && !named {
		f.Headless()
		header = numbered(len(header))
	}
	for i, h := range header {
		if c, ok := s.Columns[h]; ok {
			columns[i] = c
		}
	}
	return header
}

// numbered calls columns #1, #2 and so on.
func numbered(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = "#" + strconv.Itoa(i+1)
	}
	return names
}
