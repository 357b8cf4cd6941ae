package pgwire

import "encoding/binary"

// Tag is the tag of a CommandComplete.
type Tag struct {
	Verb []byte // "SELECT", "CREATE TABLE AS" is "SELECT", "INSERT", …; aliases the message
	Rows int64  // -1 when the tag counts none
}

// DecodeCommandComplete decodes the body of CommandComplete.
func DecodeCommandComplete(body []byte) (Tag, error) {
	c := cursor{b: body}
	text := c.text()
	if !c.end() {
		return Tag{}, malformed("CommandComplete")
	}
	return parseTag(text), nil
}

// parseTag splits the trailing count off; INSERT has an OID (always 0 since
// PostgreSQL 12) before it.
func parseTag(text []byte) Tag {
	rows, i := int64(0), len(text)
	for pow := int64(1); i > 0 && text[i-1] >= '0' && text[i-1] <= '9' && len(text)-i < 18; i-- {
		rows += pow * int64(text[i-1]-'0')
		pow *= 10
	}
	if i == len(text) || i == 0 || text[i-1] != ' ' {
		return Tag{Verb: text, Rows: -1}
	}
	verb := text[:i-1]
	if len(verb) > 7 && string(verb[:7]) == "INSERT " {
		verb = verb[:6]
	}
	return Tag{Verb: verb, Rows: rows}
}

// DecodeReadyForQuery returns the transaction state: TxIdle, TxBlock, TxFailed.
func DecodeReadyForQuery(body []byte) (byte, error) {
	if len(body) != 1 {
		return 0, malformed("ReadyForQuery")
	}
	return body[0], nil
}

// ParameterStatus is a setting that the server reports.
type ParameterStatus struct{ Name, Value []byte }

// DecodeParameterStatus decodes the body of ParameterStatus.
func DecodeParameterStatus(body []byte) (ParameterStatus, error) {
	c := cursor{b: body}
	p := ParameterStatus{Name: c.text(), Value: c.text()}
	if !c.end() {
		return ParameterStatus{}, malformed("ParameterStatus")
	}
	return p, nil
}

// BackendKey is BackendKeyData; Key has 4 bytes in protocol 3.0 and 4 to 256
// in 3.2.
type BackendKey struct {
	PID uint32
	Key []byte
}

// DecodeBackendKey decodes the body of BackendKeyData.
func DecodeBackendKey(body []byte) (BackendKey, error) {
	if len(body) < 8 || len(body) > 4+256 {
		return BackendKey{}, malformed("BackendKeyData")
	}
	return BackendKey{PID: binary.BigEndian.Uint32(body), Key: body[4:]}, nil
}

// Notification is a NotificationResponse.
type Notification struct {
	PID              uint32
	Channel, Payload []byte
}

// DecodeNotification decodes the body of NotificationResponse.
func DecodeNotification(body []byte) (Notification, error) {
	c := cursor{b: body}
	n := Notification{PID: c.uint32(), Channel: c.text(), Payload: c.text()}
	if !c.end() {
		return Notification{}, malformed("NotificationResponse")
	}
	return n, nil
}

// CopyResponse is CopyInResponse, CopyOutResponse or CopyBothResponse.
type CopyResponse struct {
	Binary  bool
	Columns int
}

// DecodeCopyResponse decodes the body of Copy{In,Out,Both}Response.
func DecodeCopyResponse(body []byte) (CopyResponse, error) {
	c := cursor{b: body}
	overall := c.byte()
	r := CopyResponse{Binary: overall == 1, Columns: c.count()}
	c.take(2 * r.Columns)
	if !c.end() || overall > 1 {
		return CopyResponse{}, malformed("CopyResponse")
	}
	return r, nil
}

// DecodeParameterDescription appends the parameter types of a prepared
// statement to dst.
func DecodeParameterDescription(body []byte, dst []uint32) ([]uint32, error) {
	c := cursor{b: body}
	n := c.count()
	p := c.take(4 * n)
	if !c.end() {
		return dst, malformed("ParameterDescription")
	}
	for i := range n {
		dst = append(dst, binary.BigEndian.Uint32(p[4*i:]))
	}
	return dst, nil
}

// DecodeFunctionResponse returns the result of a fast-path call, nil for NULL.
func DecodeFunctionResponse(body []byte) ([]byte, error) {
	c := cursor{b: body}
	v := c.value()
	if !c.end() {
		return nil, malformed("FunctionCallResponse")
	}
	return v, nil
}
