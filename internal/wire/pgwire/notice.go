package pgwire

import "strconv"

// Fields of ErrorResponse and NoticeResponse.
const (
	FieldSeverityLocal byte = 'S'
	FieldSeverity      byte = 'V' // never localised
	FieldCode          byte = 'C' // SQLSTATE
	FieldMessage       byte = 'M'
	FieldDetail        byte = 'D'
	FieldHint          byte = 'H'
	FieldPosition      byte = 'P' // in characters of the client's text, from 1
	FieldInternalPos   byte = 'p'
	FieldInternalQuery byte = 'q'
	FieldWhere         byte = 'W'
	FieldSchema        byte = 's'
	FieldTable         byte = 't'
	FieldColumn        byte = 'c'
	FieldDataType      byte = 'd'
	FieldConstraint    byte = 'n'
	FieldFile          byte = 'F'
	FieldLine          byte = 'L'
	FieldRoutine       byte = 'R'
)

// ErrorBody is the body of an ErrorResponse or NoticeResponse.
type ErrorBody []byte

// Check reports whether the body has the right layout.
func (e ErrorBody) Check() bool {
	c := cursor{b: e}
	for {
		code := c.byte()
		if code == 0 {
			return c.end()
		}
		c.text()
	}
}

// Field returns the first field with the code, nil when there is none.
func (e ErrorBody) Field(code byte) []byte {
	c := cursor{b: e}
	for {
		k := c.byte()
		if k == 0 {
			return nil
		}
		v := c.text()
		if k == code && !c.bad {
			return v
		}
	}
}

// Each calls f with every field in order.
func (e ErrorBody) Each(f func(code byte, value []byte)) {
	c := cursor{b: e}
	for {
		k := c.byte()
		if k == 0 {
			return
		}
		v := c.text()
		if c.bad {
			return
		}
		f(k, v)
	}
}

// AppendErrorEdited appends an ErrorResponse or NoticeResponse (typ) with the
// fields of body as edit returns them: the value to send (without NUL bytes),
// or keep false to leave the field out. The server always sends severity, code
// and message; do not drop them.
func AppendErrorEdited(dst []byte, typ byte, body ErrorBody, edit func(code byte, value []byte) (out []byte, keep bool)) ([]byte, error) {
	if !body.Check() {
		return dst, malformed("ErrorResponse or NoticeResponse")
	}
	dst, at := begin(dst, typ)
	body.Each(func(code byte, value []byte) {
		if out, keep := edit(code, value); keep {
			dst = append(append(append(dst, code), out...), 0)
		}
	})
	return finish(append(dst, 0), at), nil
}

// ShiftPosition returns the text of a position field moved by delta
// characters, or value itself when that is not a number or would fall below 1.
func ShiftPosition(value []byte, delta int) []byte {
	n, err := strconv.Atoi(string(value))
	if err != nil || n+delta < 1 {
		return value
	}
	return strconv.AppendInt(nil, int64(n+delta), 10)
}

// ErrorInfo is an error or notice of the gate's own. Texts must not contain
// NUL bytes. Detail and Hint may be empty.
type ErrorInfo struct {
	Severity string // ERROR, FATAL, PANIC, WARNING, NOTICE, …; "" means ERROR
	Code     string // SQLSTATE
	Message  string
	Detail   string
	Hint     string
}

// AppendError appends an ErrorResponse.
func AppendError(dst []byte, e ErrorInfo) []byte { return appendInfo(dst, TypeError, e) }

// AppendNotice appends a NoticeResponse.
func AppendNotice(dst []byte, e ErrorInfo) []byte { return appendInfo(dst, TypeNotice, e) }

func appendInfo(dst []byte, typ byte, e ErrorInfo) []byte {
	if e.Severity == "" {
		e.Severity = "ERROR"
	}
	dst, at := begin(dst, typ)
	for _, f := range [...]struct {
		code byte
		text string
	}{
		{FieldSeverityLocal, e.Severity}, {FieldSeverity, e.Severity}, {FieldCode, e.Code},
		{FieldMessage, e.Message}, {FieldDetail, e.Detail}, {FieldHint, e.Hint},
	} {
		if f.text != "" || f.code == FieldMessage {
			dst = append(append(append(dst, f.code), f.text...), 0)
		}
	}
	return finish(append(dst, 0), at)
}
