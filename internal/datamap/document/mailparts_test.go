package document

import (
	"encoding/base64"
	"strings"
	"testing"
)

// TestMailEveryByte: what stands around the parts of a message, behind a header that is
// none, or between other marks than it names is read; what is not as it should be is told.
func TestMailEveryByte(t *testing.T) {
	const taro, hanako = "taro@mail.example", "hanako@mail.example"
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	mail := func(kind, body string) string {
		return "Subject: a\nMIME-Version: 1.0\nFrom: a\nContent-Type: " + kind + "\n\n" + body
	}
	zip64 := "Content-Type: application/zip\nContent-Transfer-Encoding: base64\n\n" + b64(string(zipped(t, "a.txt", taro))) + "\n"
	one := "Content-Type: text/plain\n\n" + hanako + "\n"
	in := func(s string) string { return mail("multipart/mixed; boundary=B", s) }
	for name, tt := range map[string]struct{ data, told string }{
		"preamble":             {in(taro + "\n--B\n" + one + "--B--\n"), ""},
		"epilogue":             {in("--B\n" + one + "--B--\n" + taro), ""},
		"a part in the end":    {in("--B\n" + one + "--B--\n\n--B\n" + zip64 + "--B--\n"), ""},
		"end before the parts": {in("--B--\n--B\n" + one + "--B\n" + zip64 + "--B--\n"), ""},
		"no boundary":          {mail("multipart/mixed", "--X\n"+one+"--X\n"+zip64+"--X--\n"), "damaged"},
		"a wrong boundary":     {in("--X\n" + one + "--X\n" + zip64 + "--X--\n"), "damaged"},
		"an open quote":        {mail("multipart/mixed; boundary=\"B", "--B\n"+one+"--B\n"+zip64+"--B--\n"), ""},
		"a comment":            {mail("multipart/mixed (of two); a b; boundary=B", "--B\n"+one+"--B\n"+zip64+"--B--\n"), ""},
		"boundary twice":       {mail("multipart/mixed; boundary=A; boundary=B", "--B\n"+one+"--B\n"+zip64+"--B--\n"), "damaged"},
		"a header of no field": {in("--B\n" + one + "--B\nwhat is this\n" + zip64 + "--B--\n"), "damaged"},
		"words of a header":    {in("--B\nX-Who is it, " + taro + "\n" + one + "--B--\n"), "damaged"},
		"a field of a part":    {in("--B\nContent-Description: " + taro + "\n" + one + "--B--\n"), ""},
		"a long name":          {in("--B\n" + strings.Repeat("x", 200) + ": " + taro + "\n" + one + "--B--\n"), "damaged"},
		"a long line":          {in("--B\nX: " + strings.Repeat("x ", maxCell) + taro + "\n" + one + "--B--\n"), ""},
		"a long header":        {in("--B\n" + strings.Repeat("X: y\n", maxFields+1) + taro + "\n" + one + "--B--\n"), "limit"},
		"no end":               {in("--B\n" + one + "--B\n" + zip64), "damaged"},
		"encoded parts":        {"Content-Transfer-Encoding: base64\n" + in(b64("--B\n"+one+"--B\n"+zip64+"--B--\n")), "damaged"},
		"said to be encoded":   {"Content-Transfer-Encoding: base64\n" + in("--B\n"+one+"--B\n"+zip64+"--B--\n"), "damaged"},
		"two kinds":            {"Content-Type: text/html\n" + in("--B\n"+one+taro), "damaged"},
		"an unknown coding":    {"Content-Transfer-Encoding: x-yes\n" + mail("text/plain", taro), "unreadable"},
		"UTF-7":                {mail("text/plain; charset=utf-7", taro+" +lqI-"), "unreadable"},
		"a zip called text":    {"Content-Transfer-Encoding: base64\n" + mail("text/plain; charset=utf-8", b64(string(zipped(t, "a.txt", taro)))), ""},
		"a footer in base64":   {in("--B\nContent-Transfer-Encoding: base64\n\n" + b64(taro+"..") + "\n_____\n--B--\n"), "damaged"},
		"encrypted":            {mail("application/pkcs7-mime; smime-type=enveloped-data", taro), "encrypted"},
		"signed":               {mail("application/pkcs7-mime; smime-type=signed-data", taro), "unreadable"},
		"by PGP":               {mail("multipart/encrypted; boundary=B", "--B\n"+one+"--B\n"+zip64+"--B--\n"), "encrypted"},
		"whom it is for":       {"Received: from a by b for <" + taro + ">; Mon\n" + in("--B\n"+one+"--B--\n"), ""},
		"Shift_JIS in ASCII":   {mail("text/plain; charset=us-ascii", taro+" "+string(sjis(t, "関所の一郎様"))), ""},
	} {
		lines := read(t, "a.eml", []byte(tt.data), Limits{})
		got := strings.Join(lines, "\n")
		if !strings.Contains(got, taro) || strings.Contains(tt.data, hanako) && !strings.Contains(got, hanako) {
			t.Errorf("%s: not read: %.400q", name, got)
		}
		if tt.told == "" && strings.Contains(got, "TROUBLE") || tt.told != "" && !strings.Contains(got, "TROUBLE "+tt.told) {
			t.Errorf("%s: %.400q", name, got)
		}
	}
	header := append(append([]byte("MIME-Version: 1.0\nFrom: "), sjis(t, "関所の一郎様より")...), "\n\nx"...)
	if got := read(t, "a.eml", header, Limits{}); !has(got, "関所の一郎様より") {
		t.Errorf("a header in Shift_JIS: %q", got)
	}
	if got := strings.Join(read(t, "a.mbox", []byte("From "+taro+" Mon\nSubject: a\n\nx\n"), Limits{}), "\n"); !strings.Contains(got, taro) {
		t.Errorf("the line before a message: %q", got)
	}
}

// TestMailParts: parts come out byte by byte as they stand, whatever is read at once.
func TestMailParts(t *testing.T) {
	long := strings.Repeat("x", 100<<10)
	for _, body := range []string{"", "a", "\r\n", "\r\n\r\na\r\n\r\n", "-", "--", "--BB", "--B x", "a--B", long, long + "\r\n--C\r\n" + long} {
		p := newParts(strings.NewReader("--B\r\n"+body+"\r\n--B  \r\n"+body+"\r\n--B--"), "B")
		var got []string
		for range 4 {
			var b strings.Builder
			buf := make([]byte, 7)
			for {
				n, err := p.Read(buf)
				b.Write(buf[:n])
				if err != nil {
					break
				}
			}
			got = append(got, b.String())
			p.begin()
		}
		if strings.Join(got, "|") != "|"+body+"|"+body+"|" {
			t.Errorf("%.40q: %.200q", body, got)
		}
	}
}
