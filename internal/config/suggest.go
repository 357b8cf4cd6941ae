package config

import (
	"reflect"
	"slices"
	"strings"
)

// hintFor says which key was probably meant.
func hintFor(word string, v any) string {
	best, distance := "", 3
	for _, key := range keysOf(reflect.TypeOf(v)) {
		if d := editDistance(word, key); d < distance {
			best, distance = key, d
		}
	}
	if best == "" {
		return "remove it; `sekisho config example` shows every key"
	}
	return "did you mean " + quote(best) + "?"
}

// keysOf returns every key that a type knows at any depth, sorted.
func keysOf(t reflect.Type) []string {
	seen, keys := map[reflect.Type]bool{}, []string{}
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || seen[t] {
			return
		}
		seen[t] = true
		for i := range t.NumField() {
			f := t.Field(i)
			if name, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); name != "" && name != "-" {
				keys = append(keys, name)
			}
			walk(f.Type)
		}
	}
	walk(t)
	slices.Sort(keys)
	return slices.Compact(keys)
}

// editDistance is the Levenshtein distance, with a swap of neighbours as one.
func editDistance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for k := range rows[0] {
		rows[0][k] = k
	}
	for i := 1; i <= len(a); i++ {
		for k := 1; k <= len(b); k++ {
			cost := 1
			if a[i-1] == b[k-1] {
				cost = 0
			}
			rows[i][k] = min(rows[i-1][k]+1, rows[i][k-1]+1, rows[i-1][k-1]+cost)
			if i > 1 && k > 1 && a[i-1] == b[k-2] && a[i-2] == b[k-1] {
				rows[i][k] = min(rows[i][k], rows[i-2][k-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
