package document

import (
	"bytes"
	"path"
	"strings"
)

// format is what a part is read as.
type format uint8

const (
	fText format = iota
	fBinary
	fPicture
	fProgram
	fZip
	fGzip
	fBzip2
	fZstd
	fXz
	fSevenZip
	fRar
	fTar
	fPDF
	fSQLite
	fParquet
	fOLE
	fPgDump // pg_dump -Fc
	fMail
	fMbox
	fHTML
	fXML
	fJSON
	fSQL
	fDelimited
	fEmpty
)

// sniffBytes is how much of a part decides about its format.
const sniffBytes = 8 << 10

// magics are the beginnings of formats, from their specifications: ZIP APPNOTE
// 6.3.10 §4.3.7, RFC 1952 §2.3.1, RFC 8878 §3.1.1, the .xz file format 1.2.1
// §2.1.1.1, 7zFormat.txt, ISO 32000-1 §7.5.2, SQLite "Database File Format" §1.3,
// Apache Parquet, [MS-CFB] §2.2, pg_backup_archiver.c.
var magics = []struct {
	magic string
	is    format
}{
	{"PK\x03\x04", fZip}, {"PK\x05\x06", fZip}, {"PK\x07\x08PK", fZip}, {"\x1f\x8b", fGzip}, {"BZh", fBzip2}, {"\x28\xb5\x2f\xfd", fZstd},
	{"\xfd7zXZ\x00", fXz}, {"7z\xbc\xaf\x27\x1c", fSevenZip}, {"Rar!\x1a\x07", fRar}, {"%PDF-", fPDF},
	{"SQLite format 3\x00", fSQLite}, {"PAR1", fParquet}, {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", fOLE}, {"PGDMP", fPgDump},
	{"\x89PNG\r\n", fPicture}, {"\xff\xd8\xff", fPicture}, {"GIF8", fPicture}, {"II*\x00", fPicture}, {"MM\x00*", fPicture},
	{"BM", fPicture}, {"ID3", fPicture}, {"OggS", fPicture}, {"\x1aE\xdf\xa3", fPicture}, {"fLaC", fPicture}, {"RIFF", fPicture}, {"8BPS", fPicture},
	{"\x7fELF", fProgram}, {"MZ", fProgram}, {"\xcf\xfa\xed\xfe", fProgram}, {"\xca\xfe\xba\xbe", fProgram}, {"\x00asm", fProgram},
	{"wOFF", fProgram}, {"wOF2", fProgram}, {"OTTO", fProgram}, {"\x00\x01\x00\x00\x00", fProgram}, {"ttcf", fProgram},
}

// sniff says what a part is, by its beginning and then its name.
func sniff(head []byte, name string) format {
	if len(head) == 0 {
		return fEmpty
	}
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.magic)) && (len(m.magic) > 3 || confirms(head, m.is)) {
			return m.is
		}
	}
	if len(head) > 262 && string(head[257:262]) == "ustar" {
		return fTar
	}
	if len(head) > 12 && string(head[4:8]) == "ftyp" { // ISO/IEC 14496-12: films, HEIC
		return fPicture
	}
	if isBinary(head) {
		return fBinary
	}
	return sniffText(head, strings.ToLower(path.Ext(name)))
}

// confirms guards beginnings so short that text may have them.
func confirms(head []byte, is format) bool {
	switch is {
	case fGzip:
		return len(head) > 2 && head[2] == 8
	case fBzip2:
		return len(head) > 9 && head[3] >= '1' && head[3] <= '9' && string(head[4:8]) == "\x31\x41\x59\x26"
	case fPicture, fProgram: // BM, MZ, ID3
		return bytes.IndexByte(head, 0) >= 0
	}
	return true
}

// isBinary reports whether head is no text in any of the engine's encodings.
func isBinary(head []byte) bool {
	if bytes.HasPrefix(head, []byte{0xFF, 0xFE}) || bytes.HasPrefix(head, []byte{0xFE, 0xFF}) {
		return false
	}
	odd, even, control := 0, 0, 0
	for i, c := range head {
		switch {
		case c == 0 && i%2 == 1:
			odd++
		case c == 0:
			even++
		case c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != 0x1b && c != '\f' && c != '\v' && c != '\b' && c != 0x1a:
			control++
		}
	}
	if odd+even == 0 {
		return control*20 > len(head)
	}
	// UTF-16 of ASCII or Japanese has its NULs on one side only.
	lone := min(odd, even)*8 <= max(odd, even) && max(odd, even)*20 >= len(head)
	return !lone || control*20 > len(head)
}

func sniffText(head []byte, ext string) format {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	lower := bytes.ToLower(text[:min(len(text), 512)])
	switch {
	case bytes.HasPrefix(text, []byte("From ")) && bytes.Contains(head, []byte("\nReceived:")), ext == ".mbox":
		return fMbox
	case ext == ".eml", looksLikeMail(text):
		return fMail
	case bytes.HasPrefix(lower, []byte("<!doctype html")), bytes.Contains(lower, []byte("<html")), ext == ".html" || ext == ".htm":
		return fHTML
	case bytes.HasPrefix(text, []byte("<?xml")), ext == ".xml" && bytes.HasPrefix(text, []byte("<")):
		return fXML
	case looksLikeSQL(text), ext == ".sql":
		return fSQL
	case len(text) > 0 && (text[0] == '{' || text[0] == '[') && (ext == ".json" || ext == ".ndjson" || ext == ".jsonl" || ext == ".har" || ext == ".geojson" || looksLikeJSON(text)):
		return fJSON
	}
	if _, ok := delimiter(head, ext); ok {
		return fDelimited
	}
	return fText
}

// looksLikeMail: two header fields that only messages have (RFC 5322 §3.6).
func looksLikeMail(text []byte) bool {
	hits := 0
	for line := range bytes.Lines(text) {
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		name, _, ok := bytes.Cut(line, []byte(":"))
		if line[0] == ' ' || line[0] == '\t' {
			continue
		}
		if !ok || bytes.IndexByte(name, ' ') >= 0 {
			return false
		}
		switch string(bytes.ToLower(name)) {
		case "received", "message-id", "mime-version", "from", "return-path", "delivered-to", "x-mailer":
			hits++
		}
	}
	return hits >= 2
}

func looksLikeSQL(text []byte) bool {
	for _, mark := range []string{"-- PostgreSQL database", "--\n-- PostgreSQL database", "-- MySQL dump", "-- MariaDB dump", "/*M!999999", "PRAGMA foreign_keys=OFF;", "INSERT INTO ", "insert into "} {
		if bytes.HasPrefix(text, []byte(mark)) {
			return true
		}
	}
	return bytes.Contains(text, []byte("\nINSERT INTO ")) && bytes.Contains(text, []byte(" VALUES")) ||
		bytes.Contains(text, []byte(" FROM stdin;\n"))
}

// looksLikeJSON: an object's first key, or an array's first value.
func looksLikeJSON(text []byte) bool {
	rest := bytes.TrimLeft(text[1:], " \t\r\n")
	if len(rest) == 0 {
		return false
	}
	if text[0] == '[' {
		return rest[0] == '{' || rest[0] == '[' || rest[0] == '"'
	}
	end := bytes.IndexByte(rest[1:], '"')
	return rest[0] == '"' && end >= 0 && bytes.HasPrefix(bytes.TrimLeft(rest[end+2:], " \t\r\n"), []byte(":"))
}
