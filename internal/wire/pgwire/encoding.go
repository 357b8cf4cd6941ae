package pgwire

import "strings"

// EncodingSafe reports whether every ASCII byte of a text in a client_encoding
// is that ASCII character. In the encodings where it is not (the client-only
// ones of PostgreSQL's table "PostgreSQL Character Sets", where the second byte
// of 表 in Shift JIS is a backslash), a text cannot be cut into tokens or COPY
// columns before the server has converted it. The name is matched as the server
// does: letters and digits, any case.
func EncodingSafe(name string) bool {
	var clean strings.Builder
	for _, c := range []byte(name) {
		switch {
		case c >= 'A' && c <= 'Z':
			clean.WriteByte(c + 'a' - 'A')
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			clean.WriteByte(c)
		}
	}
	switch clean.String() {
	case "sjis", "shiftjis", "mskanji", "win932", "windows932", "shiftjis2004", "big5", "win950", "windows950",
		"gbk", "win936", "windows936", "uhc", "win949", "windows949", "gb18030", "johab":
		return false
	}
	return true
}
