package required

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// NamesBytes reports whether an expression names bytes that are not UTF-8 by
// \xHH or \x{HH}; the judge then reads all of it as bytes.
func NamesBytes(pattern string) bool {
	var b []byte
	for i := 0; i < len(pattern); i++ {
		rest := pattern[i:]
		var v, size int
		if n, _ := fmt.Sscanf(rest, `\x{%2x}`, &v); n == 1 && strings.IndexByte(rest, '}') == 5 {
			size = 6
		} else if n, _ := fmt.Sscanf(rest, `\x%2x`, &v); n == 1 {
			size = 4
		}
		if size == 0 {
			b = append(b, pattern[i])
			continue
		}
		b = append(b, byte(v))
		i += size - 1
	}
	return !utf8.Valid(b)
}
