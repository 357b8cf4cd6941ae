package event

// Object says what happened to a file, or an object of a bucket, that may hold
// personal data: a life of it, or a part of one. What rests in it is a HoldingScan.
type Object struct {
	Place Place `json:"place"`
	// From and To (UTC ns) are when it was first and last told of: with Created and
	// Gone it was there between them and at no other time.
	From    int64 `json:"from"`
	To      int64 `json:"to"`
	Created bool  `json:"created,omitempty"`
	Gone    bool  `json:"gone,omitempty"`
	// Writes is how often it was closed after writing; of several the last is known.
	Writes int   `json:"writes,omitempty"`
	Size   int64 `json:"size"` // bytes; -1: not known
	// Was is the place it was moved from, Like another place with the same content.
	Was  Place `json:"was,omitempty"`
	Like Place `json:"like,omitempty"`
	// Content is a keyed hash of its content, of objects that hold personal data.
	Content string `json:"content,omitempty"`
	// Unread says why its content is not known: "gone before it was read".
	Unread string `json:"unread,omitempty"`
}

// Kind implements Body.
func (*Object) Kind() Kind { return KindObject }

func (b *Object) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }
