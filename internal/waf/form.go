package waf

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/corazawaf/coraza/v3/experimental/plugins"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
)

// form reads forms as the judge reads queries. The judge's own reader of forms
// (Coraza 3.8, internal/bodyprocessors/urlencoded.go) makes 32 KiB of room anew for
// every body, and keeps one of two names that differ in case only, whichever comes
// last out of a map: a=1&A=2 hides a value from the rules.
type form struct{}

// useForm has judges read forms so. It is called before any judge is asked.
var useForm = sync.OnceFunc(func() {
	plugins.RegisterBodyProcessor("urlencoded", func() plugintypes.BodyProcessor { return form{} })
})

var formRoom = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// mostFormRoom bounds the room that is kept, in bytes.
const mostFormRoom = 1 << 20

// ProcessRequest reads a body into the parameters of a request.
func (form) ProcessRequest(r io.Reader, v plugintypes.TransactionVariables, o plugintypes.BodyProcessorOptions) error {
	room := formRoom.Get().(*bytes.Buffer)
	defer func() {
		if room.Cap() <= mostFormRoom {
			formRoom.Put(room)
		}
	}()
	room.Reset()
	if _, err := room.ReadFrom(r); err != nil {
		return err
	}
	body := room.String()
	n := 0
	for pair := range strings.SplitSeq(body, "&") {
		if pair == "" {
			continue
		}
		if o.ArgumentLimit > 0 && n >= o.ArgumentLimit {
			v.ArgumentsLimitReached().(settable).Set("1")
			break
		}
		name, value, _ := strings.Cut(pair, "=")
		v.ArgsPost().Add(unescapeForm(name), unescapeForm(value))
		n++
	}
	v.RequestBody().(settable).Set(body)
	v.RequestBodyLength().(settable).Set(strconv.Itoa(len(body)))
	return nil
}

// ProcessResponse does nothing: responses are no forms.
func (form) ProcessResponse(io.Reader, plugintypes.TransactionVariables, plugintypes.BodyProcessorOptions) error {
	return nil
}

// settable is a variable of the judge that holds one text.
type settable interface{ Set(string) }

// hexValue is the value of a hexadecimal digit, -1 for no digit.
var hexValue = func() (t [256]int8) {
	for c := range t {
		t[c] = -1
	}
	for v, c := range "0123456789abcdef" {
		t[c] = int8(v)
		t[strings.ToUpper(string(c))[0]] = int8(v)
	}
	return t
}()

// unescapeForm decodes %XX and +; what is no escape stays as it is.
func unescapeForm(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	var out strings.Builder
	out.Grow(len(s) - 2*escapes(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '+' {
			c = ' '
		} else if c == '%' && i+2 < len(s) {
			if high, low := hexValue[s[i+1]], hexValue[s[i+2]]; high|low >= 0 {
				c, i = byte(high<<4|low), i+2
			}
		}
		out.WriteByte(c)
	}
	return out.String()
}

// escapes counts the escapes of a text.
func escapes(s string) (n int) {
	for i := strings.IndexByte(s, '%'); i >= 0 && i+2 < len(s); {
		next := i + 1
		if hexValue[s[i+1]]|hexValue[s[i+2]] >= 0 {
			n, next = n+1, i+3
		}
		if i = strings.IndexByte(s[next:], '%'); i >= 0 {
			i += next
		}
	}
	return n
}
