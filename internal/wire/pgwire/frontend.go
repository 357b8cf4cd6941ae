package pgwire

import "encoding/binary"

// Parse is a Parse message: prepare Query under Name.
type Parse struct {
	Name  []byte
	Query []byte
	Count int // parameter types given
	types []byte
}

// DecodeParse decodes the body of Parse.
func DecodeParse(body []byte) (Parse, error) {
	c := cursor{b: body}
	p := Parse{Name: c.text(), Query: c.text(), Count: c.count()}
	p.types = c.take(4 * p.Count)
	if !c.end() {
		return Parse{}, malformed("Parse")
	}
	return p, nil
}

// Type returns the type OID given for parameter i (0-based); 0 when it was not
// given or left to the server.
func (p *Parse) Type(i int) uint32 {
	if i < 0 || i >= p.Count {
		return 0
	}
	return binary.BigEndian.Uint32(p.types[4*i:])
}

// Bind is a Bind message: make Portal of Statement with parameter values.
type Bind struct {
	Portal        []byte
	Statement     []byte
	Params        int // number of parameter values
	formats       []byte
	values        []byte
	resultFormats []byte
}

// DecodeBind decodes the body of Bind. The layout of all values is checked.
func DecodeBind(body []byte) (Bind, error) {
	c := cursor{b: body}
	b := Bind{Portal: c.text(), Statement: c.text()}
	b.formats = c.take(2 * c.count())
	b.Params = c.count()
	b.values = c.values(b.Params)
	b.resultFormats = c.take(2 * c.count())
	n := len(b.formats) / 2
	if !c.end() || n > 1 && n != b.Params {
		return Bind{}, malformed("Bind")
	}
	return b, nil
}

// Param returns the value (nil: NULL) and format of parameter i (0-based). ok
// is false when there is no such parameter.
func (b *Bind) Param(i int) (value []byte, format int16, ok bool) {
	if i < 0 || i >= b.Params {
		return nil, 0, false
	}
	c := cursor{b: b.values}
	for range i {
		c.value()
	}
	return c.value(), formatAt(b.formats, i), true
}

// EachParam calls f with every parameter in order.
func (b *Bind) EachParam(f func(i int, value []byte, format int16)) {
	c := cursor{b: b.values}
	for i := range b.Params {
		f(i, c.value(), formatAt(b.formats, i))
	}
}

// ResultFormats returns how many result format codes were sent: 0 (all text),
// 1 (for all columns) or one a column.
func (b *Bind) ResultFormats() int { return len(b.resultFormats) / 2 }

// ResultFormat returns the format asked for result column i (0-based).
func (b *Bind) ResultFormat(i int) int16 { return formatAt(b.resultFormats, i) }

// formatAt reads code i of a list of 0, 1 or one a column.
func formatAt(list []byte, i int) int16 {
	switch {
	case len(list) == 2:
		return int16(binary.BigEndian.Uint16(list))
	case i >= 0 && 2*i+2 <= len(list):
		return int16(binary.BigEndian.Uint16(list[2*i:]))
	}
	return FormatText
}

// Target is what Describe and Close name.
type Target struct {
	Portal bool // false: a prepared statement
	Name   []byte
}

// DecodeTarget decodes the body of Describe or Close.
func DecodeTarget(body []byte) (Target, error) {
	c := cursor{b: body}
	kind := c.byte()
	t := Target{Portal: kind == describePortal, Name: c.text()}
	if !c.end() || kind != describePortal && kind != describeStmt {
		return Target{}, malformed("Describe or Close")
	}
	return t, nil
}

// Execute is an Execute message; MaxRows 0 means all.
type Execute struct {
	Portal  []byte
	MaxRows int32
}

// DecodeExecute decodes the body of Execute. A negative MaxRows means all, as
// in PostgreSQL.
func DecodeExecute(body []byte) (Execute, error) {
	c := cursor{b: body}
	e := Execute{Portal: c.text(), MaxRows: int32(c.uint32())}
	if !c.end() {
		return Execute{}, malformed("Execute")
	}
	return e, nil
}

// DecodeQuery returns the text of a Query message.
func DecodeQuery(body []byte) ([]byte, error) {
	c := cursor{b: body}
	text := c.text()
	if !c.end() {
		return nil, malformed("Query")
	}
	return text, nil
}

// FunctionCall is a fast-path call.
type FunctionCall struct {
	Function     uint32 // OID
	Args         int
	ResultFormat int16
	formats      []byte
	values       []byte
}

// DecodeFunctionCall decodes the body of FunctionCall.
func DecodeFunctionCall(body []byte) (FunctionCall, error) {
	c := cursor{b: body}
	f := FunctionCall{Function: c.uint32()}
	f.formats = c.take(2 * c.count())
	f.Args = c.count()
	f.values = c.values(f.Args)
	f.ResultFormat = c.int16()
	if !c.end() {
		return FunctionCall{}, malformed("FunctionCall")
	}
	return f, nil
}

// Arg returns the value (nil: NULL) and format of argument i (0-based).
func (f *FunctionCall) Arg(i int) (value []byte, format int16, ok bool) {
	b := Bind{Params: f.Args, formats: f.formats, values: f.values}
	return b.Param(i)
}

// DecodeCopyFail returns the reason in a CopyFail message.
func DecodeCopyFail(body []byte) ([]byte, error) {
	c := cursor{b: body}
	text := c.text()
	if !c.end() {
		return nil, malformed("CopyFail")
	}
	return text, nil
}
