package document

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"sekisho/internal/element"
)

// zeros is so many zero bytes.
func zeros(n int64) io.Reader { return io.LimitReader(zero{}, n) }

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func has(lines []string, want string) bool {
	return slices.ContainsFunc(lines, func(l string) bool { return strings.HasSuffix(l, want) })
}

func TestBombs(t *testing.T) {
	nested := []byte("関所\n")
	for range 7 {
		nested = zipped(t, "a.zip", string(nested))
	}
	many := make([]string, 0, 200)
	for range 100 {
		many = append(many, "a.txt", "x")
	}
	zeroText, err := io.ReadAll(zeros(8 << 20))
	if err != nil {
		t.Fatal(err)
	}
	for i := range zeroText {
		zeroText[i] = ' '
	}
	for name, got := range map[string][]string{
		"depth":   read(t, "a.zip", nested, Limits{}),
		"ratio":   read(t, "a.gz", gz(t, zeroText), Limits{}),
		"bytes":   read(t, "a.zip", zipped(t, "x", strings.Repeat("関所の人\n", 1000), "y", "z"), Limits{Bytes: 1000}),
		"entries": read(t, "a.zip", zipped(t, many...), Limits{Entries: 10}),
	} {
		if !has(got, "TROUBLE limit") {
			t.Errorf("%s: no trouble in %d lines", name, len(got))
		}
	}
}

// TestHalf: of half a file, what is there is read, and the damage is said.
func TestHalf(t *testing.T) {
	var text strings.Builder
	for range 2000 {
		text.WriteString(rand.Text() + "\n")
	}
	first := strings.SplitN(text.String(), "\n", 2)[0]
	for name, data := range map[string][]byte{
		"a.gz":  gz(t, []byte(text.String())),
		"a.zip": zipped(t, "x.txt", text.String(), "y.txt", text.String()),
	} {
		got := read(t, name, data[:len(data)*2/3], Limits{})
		if !has(got, first) || !has(got, "TROUBLE damaged") {
			t.Errorf("%s: %d lines, last %q", name, len(got), got[len(got)-1])
		}
	}
	if got := read(t, "a.sql", []byte("COPY c (a) FROM stdin;\n1\n2"), Limits{}); !has(got, "a=1") || !has(got, "a=2") || !has(got, "TROUBLE damaged") {
		t.Errorf("COPY: %q", got)
	}
}

// TestSpool: what goes to disk is encrypted, and is read at random as written.
func TestSpool(t *testing.T) {
	plain := make([]byte, spoolMemory+300_001)
	for i := range plain {
		plain[i] = byte(i>>8) ^ byte(i)
	}
	dir := t.TempDir()
	s, err := newSpool(dir, bytes.NewReader(plain), 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(io.NewSectionReader(s, 0, s.size), plain); err != nil {
		t.Error(err)
	}
	onDisk := make([]byte, 64<<10)
	if _, err := s.file.ReadAt(onDisk, 0); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(plain, onDisk[1000:1100]) {
		t.Error("the file holds the stream's bytes")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 && s.file.Name() == "" {
		t.Error(left, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v %v", left, err)
	}
	if _, err := newSpool(dir, zeros(spoolMemory+100), spoolMemory+50); err != errLimit {
		t.Errorf("over the limit: %v", err)
	}
}

// silent is a sink that keeps nothing.
type silent struct{ bytes int }

func (s *silent) Text(string, element.Encoding) io.WriteCloser { return silentText{s} }
func (s *silent) Table(string) Table                           { return &silentTable{s: s} }
func (s *silent) Trouble(string, Trouble, string)              {}

type silentText struct{ s *silent }

func (t silentText) Write(p []byte) (int, error) { t.s.bytes += len(p); return len(p), nil }
func (t silentText) Close() error                { return nil }

type silentTable struct {
	s       *silent
	columns int
}

func (t *silentTable) Column(string) int { t.columns++; return t.columns - 1 }
func (t *silentTable) Cell(column int, value []byte) {
	if column < 0 || column >= t.columns {
		panic("cell of no column")
	}
	t.s.bytes += len(value)
}
func (t *silentTable) EndRow() {}
func (t *silentTable) Close()  {}

// FuzzRead: no bytes make any reader panic or go on for ever.
func FuzzRead(f *testing.F) {
	f.Add("a.xlsx", workbookFile(f))
	f.Add("a.pdf", simplePDF(f))
	f.Add("a.csv", []byte("氏名,a\n\"x\n\"\"y\",2\n"))
	f.Add("a.json", []byte(`{"a":["\ud83d\ude00",1.5,{"b":null}]}`))
	f.Add("a.html", []byte("<HTML><a href='x'>&amp;&#x41;</a><![CDATA[x]]>"))
	f.Add("a.eml", []byte("From: a\r\nMessage-ID: 1\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nhello\r\n--x--"))
	f.Add("a.mbox", []byte("From a\n\nx\n\nFrom b\n"))
	f.Add("a.sql", []byte("INSERT INTO t (a) VALUES ('x',(1)),(E'\\'');COPY t FROM stdin;\n\\.\n"))
	f.Add("a.tar", tarred(f, "x", []byte("y")))
	f.Add("a.gz", gz(f, []byte("text")))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		if bytes.HasPrefix(data, []byte("SQLite")) {
			t.Skip("instrumented, SQLite's own code takes minutes")
		}
		reader := Reader{Limits: Limits{Bytes: 1 << 20, Memory: 1 << 20, Entries: 100}}
		var s silent
		if err := reader.Read(context.Background(), name, bytes.NewReader(data), int64(len(data)), &s); err != nil {
			t.Fatal(err)
		}
		// What is read as text is never multiplied without bound.
		if s.bytes > 64<<20 {
			t.Errorf("%d bytes from %d", s.bytes, len(data))
		}
	})
}

// TestZipOfManyEntries: the list of an archive's members is bounded before it is in
// memory; what stands at the front is read, and the rest is told.
func TestZipOfManyEntries(t *testing.T) {
	first := zipped(t, "first.txt", "taro@mail.example\n")
	at := bytes.Index(first, []byte("PK\x01\x02"))
	const entries = 2_000_000
	data := append([]byte(nil), first[:at]...)
	one := append([]byte("PK\x01\x02"), make([]byte, 42)...)
	one[28] = 1 // the name's length
	data = append(data, bytes.Repeat(append(one, 'x'), entries)...)
	list := uint32(len(data) - at)
	end := append([]byte("PK\x05\x06"), make([]byte, 18)...)
	binary.LittleEndian.PutUint16(end[8:], entries&0xffff)
	binary.LittleEndian.PutUint16(end[10:], entries&0xffff)
	binary.LittleEndian.PutUint32(end[12:], list)
	binary.LittleEndian.PutUint32(end[16:], uint32(at))
	data = append(data, end...)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	lines := strings.Join(read(t, "a.zip", data, Limits{}), "\n")
	runtime.ReadMemStats(&after)
	if !strings.Contains(lines, "limit") || !strings.Contains(lines, "taro@mail.example") {
		t.Errorf("%.500q", lines)
	}
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 256<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}
