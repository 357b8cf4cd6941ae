package document

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"
)

// rarFile is a member of an archive that a test writes.
type rarFile struct {
	name, data string
	flags      uint64 // of its block
	packing    uint64 // method, dictionary
	size       int    // unpacked, if not that of data
	extra      string
}

// rarFive writes RAR 5.0 (its technical note); at says with which flags.
func rarFive(archive, end uint64, files ...rarFile) []byte {
	out := []byte("Rar!\x1a\x07\x01\x00")
	v := binary.AppendUvarint
	block := func(b []byte) {
		b = append(v(nil, uint64(len(b))), b...)
		out = append(binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(b)), b...)
	}
	block(v(v(v(nil, 1), 0), archive))
	for _, f := range files {
		size := f.size
		if size == 0 {
			size = len(f.data)
		}
		b := v(nil, 2)
		if f.extra == "" {
			b = v(v(b, f.flags|2), uint64(len(f.data)))
		} else {
			b = v(v(v(b, f.flags|3), uint64(len(f.extra))), uint64(len(f.data)))
		}
		b = v(v(v(b, 0), uint64(size)), 0)
		b = append(v(v(v(b, f.packing), 1), uint64(len(f.name))), f.name...)
		block(append(b, f.extra...))
		out = append(out, f.data...)
	}
	block(v(v(v(nil, 5), 0), end))
	return out
}

// rarFour writes RAR 2.9 to 4.
func rarFour(archive, end uint16, files ...rarFile) []byte {
	out := []byte("Rar!\x1a\x07\x00")
	le := binary.LittleEndian
	block := func(kind byte, flags uint16, rest []byte) {
		b := le.AppendUint16(le.AppendUint16([]byte{kind}, flags), uint16(7+len(rest)))
		b = append(b, rest...)
		out = append(le.AppendUint16(out, uint16(crc32.ChecksumIEEE(b))), b...)
	}
	block(0x73, archive, make([]byte, 6))
	for _, f := range files {
		size := f.size
		if size == 0 {
			size = len(f.data)
		}
		b := le.AppendUint32(le.AppendUint32(nil, uint32(len(f.data))), uint32(size))
		b = append(b, 3)
		b = le.AppendUint32(le.AppendUint32(b, crc32.ChecksumIEEE([]byte(f.data))), 0)
		b = append(b, 29, 0x30+byte(f.packing))
		b = le.AppendUint32(le.AppendUint16(b, uint16(len(f.name))), 0)
		block(0x74, 0x8000|uint16(f.flags), append(b, f.name...))
		out = append(out, f.data...)
	}
	block(0x7b, 0x4000|end, nil)
	return out
}

// TestRar: members of both formats are read; a part of several volumes, a half, an
// encrypted one and one that asks for much memory are told.
func TestRar(t *testing.T) {
	const text = "taro@mail.example\n"
	one, two := rarFile{name: "one.txt", data: "hanako@mail.example\n"}, rarFile{name: "two.txt", data: text}
	flagged := func(f rarFile, flags uint64) rarFile { f.flags = flags; return f }
	whole := rarFive(0, 0, one, two)
	whole4 := rarFour(0, 0, one, two)
	at := bytes.Index(whole, []byte(text)) + len(text)
	at4 := bytes.Index(whole4, []byte(text)) + len(text)
	for _, tt := range []struct {
		name string
		data []byte
		want []string // on lines of their own
		told string
	}{
		{"5", whole, []string{"hanako@", "taro@"}, ""},
		{"4", whole4, []string{"hanako@", "taro@"}, ""},
		{"5 without its end", whole[:at], []string{"hanako@", "taro@"}, "damaged"},
		{"4 without its end", whole4[:at4], []string{"hanako@", "taro@"}, "damaged"},
		{"5 cut before a member", whole[:bytes.Index(whole, []byte("\x07two.txt"))-12], []string{"hanako@"}, "damaged"},
		{"5 cut within", whole[:at-5], []string{"hanako@", "taro@"}, "damaged"},
		{"4 cut within", whole4[:at4-5], []string{"hanako@", "taro@"}, "damaged"},
		{"5 first volume", rarFive(1, 1, one, flagged(two, 0x10)), []string{"hanako@", "taro@"}, "damaged"},
		{"5 next volume", rarFive(1, 0, flagged(two, 0x08), one), []string{"hanako@"}, "damaged"},
		{"4 first volume", rarFour(1, 1, one, flagged(two, 2)), []string{"hanako@", "taro@"}, "damaged"},
		{"4 next volume", rarFour(1, 0, flagged(two, 1), one), []string{"hanako@"}, "damaged"},
		{"5 encrypted", rarFive(0, 0, one, rarFile{name: "two.txt", data: "0123456789abcdef", extra: "\x30\x01\x00\x00\x0f" + strings.Repeat("x", 32+12)}), []string{"hanako@"}, "encrypted"},
		{"4 encrypted", rarFour(0, 0, one, flagged(two, 4)), []string{"hanako@"}, "encrypted"},
		{"4 with an encrypted list", rarFour(0x80, 0, one), nil, "encrypted"},
		{"5 with much", rarFive(0, 0, one, rarFile{name: "big", data: text, packing: 3<<7 | 15<<10, size: 1 << 40}), []string{"hanako@"}, "limit"},
		{"5 with much, later", rarFive(0, 0, rarFile{name: "big", data: text, packing: 3<<7 | 15<<10, size: 1 << 40}, one), nil, "limit"},
		{"4 with much", rarFour(0, 0, one, rarFile{name: "ppm", data: "\xa1\xff" + strings.Repeat("\x55", 100), packing: 3, size: 1 << 20}), []string{"hanako@"}, "damaged"},
	} {
		lines, more := grown(t, "a.rar", tt.data)
		got := strings.Join(lines, "\n")
		for _, want := range tt.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s is not read: %q", tt.name, want, got)
			}
		}
		if tt.told == "" && strings.Contains(got, "TROUBLE") || !strings.Contains(got, "TROUBLE "+tt.told) && tt.told != "" {
			t.Errorf("%s: %q", tt.name, got)
		}
		if most := int64(360 << 20); more > most {
			t.Errorf("%s: the heap grew by %d MiB", tt.name, more>>20)
		}
	}
}

// TestRarInRar: what two RAR 4 archives may ask for at once is not taken.
func TestRarInRar(t *testing.T) {
	inner := rarFour(0, 0, rarFile{name: "a.txt", data: "taro@mail.example\n"})
	if got := read(t, "a.rar", rarFour(0, 0, rarFile{name: "in.rar", data: string(inner)}), Limits{}); !has(got, "TROUBLE limit") {
		t.Errorf("%q", got)
	}
	if got := read(t, "a.zip", zipped(t, "in.rar", string(inner)), Limits{}); troubled(got) || !has(got, "taro@mail.example") {
		t.Errorf("%q", got)
	}
	if got := read(t, "a.rar", rarFive(0, 0, rarFile{name: "in.rar", data: string(rarFive(0, 0, rarFile{name: "a.txt", data: "taro@mail.example\n"}))}), Limits{}); troubled(got) || !has(got, "taro@mail.example") {
		t.Errorf("%q", got)
	}
}

// TestRarBeside: comments, streams beside a member and what is behind the end are read, or
// told when they are packed.
func TestRarBeside(t *testing.T) {
	const taro, hanako = "taro@mail.example", "hanako@mail.example"
	member := rarFile{name: "one.txt", data: hanako}
	v := binary.AppendUvarint
	le := binary.LittleEndian
	five := func(name, data string, packing uint64, extra string) []byte {
		whole := rarFive(0, 0, member)
		b := v(v(v(v(v(nil, 3), 3), uint64(len(extra))), uint64(len(data))), 0)
		b = v(v(v(v(v(b, uint64(len(data))), 0), packing<<7), 0), uint64(len(name)))
		b = append(append(b, name...), extra...)
		b = append(v(nil, uint64(len(b))), b...)
		b = append(le.AppendUint32(nil, crc32.ChecksumIEEE(b)), b...)
		const end = 4 + 1 + 3
		return append(append(append(whole[:len(whole)-end:len(whole)-end], b...), data...), whole[len(whole)-end:]...)
	}
	block := func(kind byte, flags uint16, rest []byte, data string) []byte {
		b := append(le.AppendUint16(le.AppendUint16([]byte{kind}, flags), uint16(7+len(rest))), rest...)
		return append(append(le.AppendUint16(nil, uint16(crc32.ChecksumIEEE(b))), b...), data...)
	}
	four := func(b []byte) []byte {
		whole := rarFour(0, 0, member)
		return append(append(whole[:len(whole)-7:len(whole)-7], b...), whole[len(whole)-7:]...)
	}
	sub := func(name, data string, method byte, flags uint16) []byte {
		b := le.AppendUint32(le.AppendUint32(nil, uint32(len(data))), uint32(len(data)))
		b = append(b, make([]byte, 10)...)
		b[8], b[17] = 3, 29
		b = append(b, method)
		b = le.AppendUint32(le.AppendUint16(b, uint16(len(name))), 0)
		return four(block(0x7a, 0x8000|flags, append(b, name...), data))
	}
	old := append([]byte{byte(len(taro)), 0, 15, 0x30, 0, 0}, taro...)
	for name, tt := range map[string]struct {
		data []byte
		read bool
		told string
	}{
		"5 a comment":           {five("CMT", taro, 0, ""), true, ""},
		"5 a packed comment":    {five("CMT", taro, 3, ""), false, "unreadable"},
		"5 an encrypted one":    {five("CMT", taro, 0, "\x02\x01\x00"), false, "encrypted"},
		"5 a stream":            {five("STM", taro, 0, ""), true, ""},
		"5 parity":              {five("RR", "xxxxxxxx", 0, ""), false, ""},
		"5 behind the end":      {append(rarFive(0, 0, member), taro...), true, ""},
		"5 zeros in the end":    {append(rarFive(0, 0, member), make([]byte, 9000)...), false, ""},
		"5 an archive behind":   {append(rarFive(0, 0, member), zipped(t, "a.txt", taro)...), true, "damaged"},
		"4 a comment":           {sub("CMT", taro, 0x30, 0), true, ""},
		"4 a packed comment":    {sub("CMT", taro, 0x33, 0), false, "unreadable"},
		"4 an encrypted one":    {sub("CMT", taro, 0x30, 4), false, "encrypted"},
		"4 a stream":            {sub("STM", taro, 0x30, 0), true, ""},
		"4 behind the end":      {append(rarFour(0, 0, member), taro...), true, ""},
		"4 far behind":          {append(rarFour(0, 0, member), strings.Repeat("x\n", 9000)+taro...), true, ""},
		"4 between blocks":      {four(append(block(0x75, 0, old[:6], ""), taro...)), false, "damaged"},
		"4 an old comment in 4": {four(oldComment(old)), true, ""},
	} {
		got := strings.Join(read(t, "a.rar", tt.data, Limits{}), "\n")
		if !strings.Contains(got, hanako) || strings.Contains(got, taro) != tt.read {
			t.Errorf("%s: not read: %.300q", name, got)
		}
		if tt.told == "" && strings.Contains(got, "TROUBLE") || tt.told != "" && !strings.Contains(got, "TROUBLE "+tt.told) {
			t.Errorf("%s: %.300q", name, got)
		}
	}
}

// oldComment is a block of RAR 2, whose checksum is of its header alone.
func oldComment(rest []byte) []byte {
	b := append(binary.LittleEndian.AppendUint16([]byte{0x75, 0, 0}, uint16(7+len(rest))), rest...)
	return append(binary.LittleEndian.AppendUint16(nil, uint16(crc32.ChecksumIEEE(b[:5+6]))), b...)
}
