package document

import (
	"bytes"
	"compress/lzw"
	"compress/zlib"
	"encoding/ascii85"
	"encoding/hex"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"sekisho/internal/element"
)

// pdfOf is a PDF of objects as they are written, with a page that shows "taro" from
// object 900 on.
func pdfOf(objects ...string) []byte {
	return []byte("%PDF-1.7\n" + strings.Join(objects, "\n") + "\n" + pdfPageOf("taro@mail.example") + "%%EOF\n")
}

const pdfFont900 = "902 0 obj <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>> endobj\n"

func pdfPageOf(text string) string {
	return "900 0 obj <</Type /Page /Contents 901 0 R /Resources <</Font <</F1 902 0 R>>>>>> endobj\n" +
		pdfStream(901, "", "BT /F1 9 Tf ("+text+") Tj ET") + pdfFont900
}

func pdfStream(n int, dict, data string) string {
	return fmt.Sprintf("%d 0 obj <<%s /Length %d>> stream\n%s\nendstream endobj\n", n, dict, len(data), data)
}

func deflated(t testing.TB, s string) string {
	var b bytes.Buffer
	return string(compressed(t, zlib.NewWriter(&b), &b, []byte(s)))
}

// runLengths writes RunLengthDecode's copies.
func runLengths(s string) string {
	var b []byte
	for ; len(s) > 100; s = s[100:] {
		b = append(append(b, 99), s[:100]...)
	}
	return string(append(append(append(b, byte(len(s)-1)), s...), 255, 'x', 128))
}

// differences writes rows of PNG's predictors, of each kind one.
func differences(s string, columns int) string {
	var b []byte
	above := make([]byte, columns)
	for n := 0; len(s) > 0; n++ {
		row := []byte((s + strings.Repeat(" ", columns))[:columns])
		s = s[min(columns, len(s)):]
		b = append(b, byte(n%5))
		for i := range row {
			var left, corner byte
			if i > 0 {
				left, corner = row[i-1], above[i-1]
			}
			b = append(b, row[i]-[]byte{0, left, above[i], byte((int(left) + int(above[i])) / 2), paeth(left, above[i], corner)}[n%5])
		}
		above = row
	}
	return string(b)
}

// early is LZW as PDF has it unless told otherwise, from a stream that is too short for
// codes of more than 9 bits, where both are the same.
func early(t testing.TB, s string) string {
	var b bytes.Buffer
	return string(compressed(t, lzw.NewWriter(&b, lzw.MSB, 8), &b, []byte(s)))
}

// TestPDFFilters: content is read through every filter that may stand before text, and
// what is in another coding, encrypted or damaged is told.
func TestPDFFilters(t *testing.T) {
	const text = "BT /F1 9 Tf (hanako@mail.example) Tj 0 -9 Td (4111 1111 1111 1111) Tj ET "
	var a85 bytes.Buffer
	w := ascii85.NewEncoder(&a85)
	if _, err := w.Write([]byte(text)); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	page := "1 0 obj <</Type /Page /Contents 2 0 R /Resources <</Font <</F1 902 0 R>>>>>> endobj\n"
	many := strings.Repeat(text, 400)
	for _, tt := range []struct{ name, dict, data, want string }{
		{"none", "", text, "hanako"},
		{"Flate", "/Filter /FlateDecode", deflated(t, text), "hanako"},
		{"#", "/Filter /Flate#44ecode", deflated(t, text), "hanako"},
		{"LZW", "/Filter /LZWDecode", early(t, text), "hanako"},
		{"LZW late", "/Filter [/LZW] /DecodeParms [<</EarlyChange 0>>]", early(t, many), "hanako"},
		{"run", "/Filter /RunLengthDecode", runLengths(text), "hanako"},
		{"hex", "/Filter /ASCIIHexDecode", hex.EncodeToString([]byte(text)) + ">", "hanako"},
		{"85", "/Filter /ASCII85Decode", "<~" + a85.String() + "~>", "hanako"},
		{"85 and Flate", "/Filter [/A85 /Fl]", encode85(deflated(t, text)) + "~>", "hanako"},
		{"predictor", "/Filter /FlateDecode /DecodeParms <</Predictor 15 /Columns 7>>", deflated(t, differences(text, 7)), "hanako"},
		{"Crypt", "/Filter [/Crypt]", text, "hanako"},
		{"indirect length", "/Length 3 0 R", "1 0 obj endstream endobj " + text, "hanako"},
		{"wide", "/Filter /Brotli", text, "TROUBLE unreadable"},
		{"Crypt of its own", "/Filter [/Crypt] /DecodeParms <</Name /Mine>>", text, "TROUBLE encrypted"},
		{"half", "/Filter /FlateDecode", deflated(t, many)[:60], "TROUBLE damaged"},
		{"no zlib", "/Filter /FlateDecode", text, "TROUBLE damaged"},
		{"half of LZW", "/Filter /LZW", early(t, text)[:30], "TROUBLE damaged"},
		{"bomb", "/Filter /FlateDecode", deflated(t, strings.Repeat(" ", 20<<20)), "TROUBLE limit"},
		{"filters", "/Filter [" + strings.Repeat("/AHx ", 1000) + "]", "41>", "TROUBLE limit"},
	} {
		stream := pdfStream(2, tt.dict, tt.data)
		if strings.Contains(tt.dict, "3 0 R") {
			stream = strings.Replace(stream, fmt.Sprintf(" /Length %d>>", len(tt.data)), ">>", 1) + fmt.Sprintf("3 0 obj %d endobj\n", len(tt.data))
		}
		got := strings.Join(read(t, "a.pdf", pdfOf(page+stream), Limits{}), "\n")
		if !strings.Contains(got, tt.want) || !strings.Contains(got, "taro@") {
			t.Errorf("%s: %.300q", tt.name, got)
		}
		if strings.Contains(tt.want, "TROUBLE") != strings.Contains(got, "TROUBLE") {
			t.Errorf("%s: %.300q", tt.name, got)
		}
	}
}

func encode85(s string) string {
	b := make([]byte, ascii85.MaxEncodedLen(len(s)))
	return string(b[:ascii85.Encode(b, []byte(s))])
}

// TestPDFOdd: what is written in an unusual way, or beside the pages, is read all the
// same, and what breaks one object breaks no other.
func TestPDFOdd(t *testing.T) {
	const hanako = "hanako@mail.example"
	font := "<</Font <</F1 902 0 R>>>>"
	show := "BT /F1 9 Tf (" + hanako + ") Tj ET"
	page := "1 0 obj <</Type /Page /Contents 2 0 R /Resources " + font + ">> endobj\n"
	utf16 := "\xfe\xff"
	for _, c := range hanako {
		utf16 += "\x00" + string(c)
	}
	for _, tt := range []struct {
		name, data string
		damaged    bool
	}{
		{"a string without an end", "5 0 obj (x\n" + page + pdfStream(2, "", show), true},
		{"a string over objects", "5 0 obj (x\n" + page + pdfStream(2, "", show) + ")", true},
		{"an array without an end", "5 0 obj [ 1 2 endobj\n" + page + pdfStream(2, "", show), true},
		{"a dictionary without an end", "5 0 obj <</A [ 1 2 endobj\n" + page + pdfStream(2, "", show), true},
		{"no end at all", "5 0 obj [ 1 2\n" + page + pdfStream(2, "", show), true},
		{"a hex string without an end", "5 0 obj <41 42 endobj\n" + page + pdfStream(2, "", show), true},
		{"a length beyond everything", page + strings.Replace(pdfStream(2, "", show), "/Length ", "/Length 99999999999999999999999999999", 1), false},
		{"no length", page + "2 0 obj <<>> stream\n" + show + "\nendstream endobj", false},
		{"no end of the stream", page + "2 0 obj <<>> stream\n" + show + "\nendobj", true},
		{"a string without an end on the page", page + pdfStream(2, "", "BT /F1 9 Tf (x\n Tj\n"+show), true},
		{"a picture on the page", page + pdfStream(2, "", "BI /W 4 /H 4 ID (((EI(<<[ \nEI\n"+show), false},
		{"a form", pdfStream(2, "/Subtype /Form /Resources "+font, show), false},
		{"a pattern", pdfStream(2, "/PatternType 1 /Resources "+font, show), false},
		{"a page without a type", pdfStream(2, "/Resources "+font, show), false},
		{"a type elsewhere", "1 0 obj <</Type 3 0 R /Contents 2 0 R /Resources " + font + ">> endobj 3 0 obj /Page endobj\n" + pdfStream(2, "", show), false},
		{"a list elsewhere", "1 0 obj <</Type /Page /Contents 3 0 R /Resources " + font + ">> endobj 3 0 obj [2 0 R] endobj\n" + pdfStream(2, "", show), false},
		{"what was replaced", page + pdfStream(2, "", show) + pdfStream(2, "", "BT ET"), false},
		{"a note", "1 0 obj <</Subtype /Highlight /Contents (" + hanako + ")>> endobj", false},
		{"a note of a page", "1 0 obj <</Type /Page /Annots [<</Subtype /Stamp /Contents (" + hanako + ")>>]>> endobj", false},
		{"a link", "1 0 obj <</A <</S /URI /URI (mailto:" + hanako + ")>>>> endobj", false},
		{"a field", "1 0 obj <</T (mail) /V (" + utf16 + ")>> endobj", false},
		{"data of a form", pdfStream(2, "", "<data><mail>"+hanako+"</mail></data>"), false},
		{"about the document", pdfStream(2, "/Type /Metadata /Subtype /XML", "<?xpacket?><x><creator>"+hanako+"</creator></x>"), false},
		{"a file", pdfStream(2, "/Type /EmbeddedFile", "mail\n"+hanako+"\n"), false},
		{"a file with a name", "1 0 obj <</F (list.zip) /EF <</F 2 0 R>>>> endobj" + pdfStream(2, "", string(zipped(t, "list.csv", "mail\n"+hanako+"\n"))), false},
		{"a file in an object stream", pdfStream(1, "/Type /ObjStm /N 1 /First 4", "3 0 <</V ("+hanako+")>>"), false},
		{"objects that overflow", pdfStream(1, "/Type /ObjStm /N 2 /First 99999999999999999999999999999999", "3 9999999999999999999999 4 4 <</V (x)>>") + page + pdfStream(2, "", show), true},
		{"an object stream in itself", pdfStream(1, "/Type /ObjStm /N 1 0 R /First 1 0 R /Extends 1 0 R", "1 0 1 0 R") + page + pdfStream(2, "", show), false},
		{"parents in a circle", "3 0 obj <</Parent 4 0 R>> endobj 4 0 obj <</Parent 3 0 R>> endobj 5 0 obj <</Type /Page /Parent 3 0 R>> endobj\n" + page + pdfStream(2, "", show), false},
		{"references in a circle", "3 0 obj 4 0 R endobj 4 0 obj 3 0 R endobj 5 0 obj <</Type /Page /Contents 3 0 R>> endobj\n" + page + pdfStream(2, "", show), false},
		{"several characters", strings.Replace(page, "902", "3", 1) + pdfStream(2, "", "BT /F1 9 Tf <0001> Tj ET") + "3 0 obj <</Subtype /Type0 /ToUnicode 4 0 R>> endobj\n" +
			pdfStream(4, "", "1 beginbfrange <0001> <0001> <"+hex.EncodeToString([]byte(utf16[2:]))+"> endbfrange"), false},
	} {
		got := strings.Join(read(t, "a.pdf", pdfOf(tt.data), Limits{}), "\n")
		for _, want := range []string{hanako, "taro@mail.example"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s is not read: %.400q", tt.name, want, got)
			}
		}
		if tt.damaged != strings.Contains(got, "TROUBLE damaged") || !tt.damaged && strings.Contains(got, "TROUBLE") {
			t.Errorf("%s: %.400q", tt.name, got)
		}
	}
}

// TestPDFEncrypted: an encrypted PDF is told, however it says so.
func TestPDFEncrypted(t *testing.T) {
	for _, how := range []string{"trailer <</Encrypt 5 0 R>>", pdfStream(7, "/Type /XRef /Encrypt 5 0 R", ""), "trailer (\ntrailer <</Encrypt 5 0 R>>"} {
		if got := read(t, "a.pdf", pdfOf(how), Limits{}); !has(got, "TROUBLE encrypted") {
			t.Errorf("%q: %q", how, got)
		}
	}
}

// TestPDFHostile: memory and work for a PDF are bounded by its size, and what is beyond
// is told.
func TestPDFHostile(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	repeat := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	ranges := repeat(60000, "<0000> <%04x> <0041>\n")
	pages := func(n int) string {
		return repeat(n, "%[1]d 0 obj <</Type /Page /Contents 100000 0 R /Resources <</Font <</F%[1]d 902 0 R>>>>>> endobj\n")
	}
	large := deflated(t, "900000 0 <</A ("+strings.Repeat("x \n", 4<<20)+")>>")
	wide := "1 0 obj <</Type /Page /Contents 2 0 R /Resources <</Font <</F1 3 0 R>>>>>> endobj\n3 0 obj <</Subtype /Type0 /ToUnicode 4 0 R>> endobj\n"
	for _, tt := range []struct {
		name, data string
		want       Trouble
	}{
		{"strings without an end", strings.Repeat("1 0 obj (", 1<<17), Damaged},
		{"trailers without an end", strings.Repeat("trailer[", 1<<20), 0},
		{"trailers with strings", strings.Repeat("trailer(", 1<<20), 0},
		{"streams without an end", strings.Repeat("1 0 obj<<>>stream\nendobj\n", 1<<16), Damaged},
		{"deep", "1 0 obj " + strings.Repeat("[", 1<<20), Limit},
		{"deep dictionaries", "1 0 obj " + strings.Repeat("<</A", 1<<18), Limit},
		{"numbers", "1 0 obj [" + strings.Repeat("0 ", 8<<20) + "] endobj", Limit},
		{"names", "1 0 obj <<" + repeat(1<<19, "/%x 0") + ">> endobj", Limit},
		{"many objects", strings.Repeat("1 0 obj<<>>\n", pdfObjects+5), Limit},
		{"one stream of a page again and again", "1 0 obj <</Type /Page /Contents [" + strings.Repeat("2 0 R ", 1<<20) + "] >> endobj\n" + pdfStream(2, "", strings.Repeat("0 0 Td ", 1<<16)), 0},
		{"one stream of many pages", pages(3000) + pdfStream(100000, "/Filter /FlateDecode", deflated(t, repeat(1<<17, "(%d) Tj "))), Limit},
		{"one table of many fonts", repeat(3000, "%[1]d 0 obj <</Type /Page /Contents 100000 0 R /Resources <</Font <</F1 <</Subtype /Type0 /A %[1]d /ToUnicode 100001 0 R>>>>>>>> endobj\n") +
			pdfStream(100000, "", "/F1 9 Tf <0001> Tj") + pdfStream(100001, "", "1 beginbfrange "+ranges), 0},
		{"ranges over ranges", wide + pdfStream(2, "", "/F1 9 Tf <"+strings.Repeat("ffff", 1<<19)+"> Tj") + pdfStream(4, "", "1 beginbfrange "+ranges), Unreadable},
		{"many tables", repeat(3000, "1%04[1]d 0 obj <</Subtype /Type0 /ToUnicode 10%04[1]d 0 R>> endobj\n10%04[1]d 0 obj <<>> stream\n1 beginbfrange <0000> <ffff> <0041> endbfrange endstream endobj\n") +
			"99990 0 obj <</Type /Page /Contents 99991 0 R /Resources <</Font <<" + repeat(3000, "/F%[1]d 1%04[1]d 0 R ") + ">>>>>> endobj\n" +
			pdfStream(99991, "", repeat(3000, "/F%d 9 Tf <0001> Tj ")), 0},
		{"a long character", wide + pdfStream(2, "", "/F1 9 Tf <"+strings.Repeat("0001", 1<<18)+"> Tj") + pdfStream(4, "", "1 beginbfchar <0001> <"+strings.Repeat("0041", 1<<16)+"> endbfchar"), Limit},
		{"long characters", wide + pdfStream(2, "", "/F1 9 Tf <"+strings.Repeat("0001", 1<<19)+"> Tj") + pdfStream(4, "", "1 beginbfchar <0001> <"+strings.Repeat("3042", 60)+"> endbfchar"), 0},
		{"objects on objects", pdfStream(1, fmt.Sprintf("/Type /ObjStm /N 100000 /First %d /Filter /FlateDecode", len(repeat(100000, "1%06d 0 "))), deflated(t, repeat(100000, "1%06d 0 ")+"["+strings.Repeat("[1]", 1<<20))), Limit},
		{"large object streams", strings.Repeat(pdfStream(1, "/Type /ObjStm /N 1 /First 9 /Filter /FlateDecode", large), 40), Limit},
		{"strings on a page", "1 0 obj <</Type /Page /Contents 2 0 R>> endobj\n" + pdfStream(2, "", strings.Repeat("(", 6<<20)), Damaged},
		{"arrays on a page", "1 0 obj <</Type /Page /Contents 2 0 R>> endobj\n" + pdfStream(2, "", strings.Repeat("[0 ", 1<<20)), 0},
		{"dictionaries on a page", "1 0 obj <</Type /Page /Contents 2 0 R>> endobj\n" + pdfStream(2, "", strings.Repeat("/A <</B ", 1<<20)), Limit},
		{"predictors", "1 0 obj <</Type /Page /Contents 2 0 R>> endobj\n" + pdfStream(2, "/Filter /Fl /DecodeParms <</Predictor 12 /Columns 99999999999999>>", deflated(t, "x")), Unreadable},
	} {
		data := []byte("%PDF-1.7\n" + pdfPageOf("taro@mail.example") + tt.data + "\n%%EOF\n")
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var s seen
		readInto(t, "a.pdf", data, Limits{}, &s)
		runtime.ReadMemStats(&after)
		if !s.taro {
			t.Errorf("%s: what stands before it is not read", tt.name)
		}
		if tt.want != 0 && !slices.Contains(s.troubles, tt.want) {
			t.Errorf("%s: told %v, want %v", tt.name, s.troubles, tt.want)
		}
		if more := int64(after.HeapSys) - int64(before.HeapSys); more > 160<<20 {
			t.Errorf("%s: the heap grew by %d MiB for %d KiB", tt.name, more>>20, len(data)>>10)
		}
	}
}

// seen is a silent sink that remembers what it was told, and whether taro came.
type seen struct {
	silent
	troubles []Trouble
	taro     bool
}

func (s *seen) Trouble(_ string, t Trouble, _ string) { s.troubles = append(s.troubles, t) }

func (s *seen) Text(string, element.Encoding) io.WriteCloser { return seenText{s} }

type seenText struct{ s *seen }

func (t seenText) Write(p []byte) (int, error) {
	t.s.taro = t.s.taro || bytes.Contains(p, []byte("taro@mail.example"))
	return len(p), nil
}
func (t seenText) Close() error { return nil }
