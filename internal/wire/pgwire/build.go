package pgwire

import "encoding/binary"

// begin appends a header with an empty length; finish fills it in.
func begin(dst []byte, typ byte) (out []byte, at int) {
	return append(dst, typ, 0, 0, 0, 0), len(dst)
}

func finish(dst []byte, at int) []byte {
	binary.BigEndian.PutUint32(dst[at+1:], uint32(len(dst)-at-1))
	return dst
}

func appendUint16(dst []byte, v uint16) []byte { return binary.BigEndian.AppendUint16(dst, v) }
func appendUint32(dst []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(dst, v) }

// AppendMessage appends a message of any type with the body given.
func AppendMessage(dst []byte, typ byte, body []byte) []byte {
	dst, at := begin(dst, typ)
	return finish(append(dst, body...), at)
}

// AppendQuery appends a Query message. The text must not contain NUL bytes.
func AppendQuery(dst []byte, text string) []byte {
	dst, at := begin(dst, TypeQuery)
	return finish(append(append(dst, text...), 0), at)
}

// AppendParse appends a Parse message with types as given.
func AppendParse(dst []byte, name, query []byte, types []uint32) []byte {
	dst, at := begin(dst, TypeParse)
	dst = append(append(dst, name...), 0)
	dst = append(append(dst, query...), 0)
	dst = appendUint16(dst, uint16(len(types)))
	for _, t := range types {
		dst = appendUint32(dst, t)
	}
	return finish(dst, at)
}

// AppendParseReplaced appends p with another text and everything else the same.
func AppendParseReplaced(dst []byte, p *Parse, query []byte) []byte {
	dst, at := begin(dst, TypeParse)
	dst = append(append(dst, p.Name...), 0)
	dst = append(append(dst, query...), 0)
	dst = appendUint16(dst, uint16(p.Count))
	return finish(append(dst, p.types...), at)
}

// BindValues are the variable parts of a Bind message.
type BindValues struct {
	Formats       []int16  // 0, 1 or one a value
	Values        [][]byte // nil: NULL
	ResultFormats []int16  // 0, 1 or one a column
}

// AppendBind appends a Bind message.
func AppendBind(dst []byte, portal, statement []byte, v BindValues) []byte {
	dst, at := begin(dst, TypeBind)
	dst = append(append(dst, portal...), 0)
	dst = append(append(dst, statement...), 0)
	dst = appendFormats(dst, v.Formats)
	dst = appendUint16(dst, uint16(len(v.Values)))
	for _, x := range v.Values {
		dst = appendValue(dst, x)
	}
	return finish(appendFormats(dst, v.ResultFormats), at)
}

// AppendBindExtended appends b with extra more result columns. Their format is
// the one that holds for all columns (none or one code sent), else extraFormat.
// Names and parameters stay as they are.
func AppendBindExtended(dst []byte, b *Bind, extra int, extraFormat int16) []byte {
	dst, at := begin(dst, TypeBind)
	dst = append(append(dst, b.Portal...), 0)
	dst = append(append(dst, b.Statement...), 0)
	dst = appendUint16(dst, uint16(len(b.formats)/2))
	dst = append(dst, b.formats...)
	dst = appendUint16(dst, uint16(b.Params))
	dst = append(dst, b.values...)
	n := b.ResultFormats()
	if n < 2 {
		extra = 0
	}
	dst = appendUint16(dst, uint16(n+extra))
	dst = append(dst, b.resultFormats...)
	for range extra {
		dst = appendUint16(dst, uint16(extraFormat))
	}
	return finish(dst, at)
}

func appendFormats(dst []byte, formats []int16) []byte {
	dst = appendUint16(dst, uint16(len(formats)))
	for _, f := range formats {
		dst = appendUint16(dst, uint16(f))
	}
	return dst
}

// AppendDescribePortal appends a Describe of a portal.
func AppendDescribePortal(dst, name []byte) []byte {
	return appendTarget(dst, TypeDescribe, describePortal, name)
}

// AppendDescribeStatement appends a Describe of a prepared statement.
func AppendDescribeStatement(dst, name []byte) []byte {
	return appendTarget(dst, TypeDescribe, describeStmt, name)
}

// AppendClosePortal appends a Close of a portal.
func AppendClosePortal(dst, name []byte) []byte {
	return appendTarget(dst, TypeClose, describePortal, name)
}

// AppendCloseStatement appends a Close of a prepared statement.
func AppendCloseStatement(dst, name []byte) []byte {
	return appendTarget(dst, TypeClose, describeStmt, name)
}

func appendTarget(dst []byte, typ, kind byte, name []byte) []byte {
	dst, at := begin(dst, typ)
	dst = append(dst, kind)
	return finish(append(append(dst, name...), 0), at)
}

// AppendExecute appends an Execute; maxRows 0 means all.
func AppendExecute(dst, portal []byte, maxRows int32) []byte {
	dst, at := begin(dst, TypeExecute)
	dst = append(append(dst, portal...), 0)
	return finish(appendUint32(dst, uint32(maxRows)), at)
}

// AppendSync appends a Sync.
func AppendSync(dst []byte) []byte { return append(dst, TypeSync, 0, 0, 0, 4) }

// AppendFlush appends a Flush.
func AppendFlush(dst []byte) []byte { return append(dst, TypeFlush, 0, 0, 0, 4) }

// AppendTerminate appends a Terminate.
func AppendTerminate(dst []byte) []byte { return append(dst, TypeTerminate, 0, 0, 0, 4) }

// AppendReadyForQuery appends a ReadyForQuery with a transaction state.
func AppendReadyForQuery(dst []byte, state byte) []byte {
	return append(dst, TypeReadyForQuery, 0, 0, 0, 5, state)
}

// AppendCommandComplete appends a CommandComplete.
func AppendCommandComplete(dst []byte, tag string) []byte {
	dst, at := begin(dst, TypeCommandComplete)
	return finish(append(append(dst, tag...), 0), at)
}

// AppendParameterStatus appends a ParameterStatus.
func AppendParameterStatus(dst []byte, name, value string) []byte {
	dst, at := begin(dst, TypeParameterStatus)
	dst = append(append(dst, name...), 0)
	return finish(append(append(dst, value...), 0), at)
}

// AppendBackendKey appends a BackendKeyData.
func AppendBackendKey(dst []byte, pid uint32, key []byte) []byte {
	dst, at := begin(dst, TypeBackendKeyData)
	return finish(append(appendUint32(dst, pid), key...), at)
}

// AppendCopyFail appends a CopyFail.
func AppendCopyFail(dst []byte, reason string) []byte {
	dst, at := begin(dst, TypeCopyFail)
	return finish(append(append(dst, reason...), 0), at)
}
