package event

// The bodies about persons (名寄せ). They name no person: a record of a source is
// the keyed hash of its source and key, a person is the number that a folder of
// persons gave.

// PersonDecision is what somebody decided about two records: that they are one
// person, or two. It outranks all evidence, in every later run.
type PersonDecision struct {
	A      string `json:"a"` // HMAC-SHA-256 of source and key, first 16 bytes, hex
	B      string `json:"b"`
	KeyID  string `json:"key_id"`
	Same   bool   `json:"same"`
	Reason string `json:"reason"`
	By     string `json:"by"`
}

// PersonRun is a matching run and what it counted.
type PersonRun struct {
	Step      string         `json:"step"` // "alone" (nothing is kept), "create", "add"
	Sources   []PersonSource `json:"sources"`
	Records   uint64         `json:"records"`
	Persons   uint64         `json:"persons"`
	Low       uint64         `json:"low"`
	Estimate  uint64         `json:"estimate"`
	High      uint64         `json:"high"`
	Review    uint64         `json:"review"` // links that wait for a decision
	Decisions int            `json:"decisions"`
	Precision float64        `json:"precision"` // estimated, of joined pairs
	Recall    float64        `json:"recall"`
	By        string         `json:"by"`
}

// PersonSource is a source that a run read.
type PersonSource struct {
	Name    string `json:"name"`
	Records uint64 `json:"records"`
	Skipped uint64 `json:"skipped,omitempty"`
}

// PersonChange is what a run or decision did to person numbers. A long list is
// several events.
type PersonChange struct {
	Changes []PersonMove `json:"changes"`
	By      string       `json:"by"`
}

// PersonMove merged persons Others into Person, or split them from it.
type PersonMove struct {
	Kind   string   `json:"kind"` // merge, split
	Person uint32   `json:"person"`
	Others []uint32 `json:"others"`
	Reason string   `json:"reason"`
}

// PersonNotices is a list of people to tell that left the program, encrypted.
type PersonNotices struct {
	Scope     string            `json:"scope"`          // digest of the scope it was made from
	Class     string            `json:"class"`          // confirmed, reachable, ever_held
	Rows      uint64            `json:"rows"`           // of the list
	Persons   uint64            `json:"persons"`        // told by them, those of companies too
	Channels  map[string]uint64 `json:"channels"`       // rows by channel
	Missing   uint64            `json:"missing"`        // subjects in no source of customers
	SHA256    string            `json:"sha256"`         // of the encrypted file, hex
	Encrypted string            `json:"encrypted"`      // how: age-scrypt, age-x25519
	To        []string          `json:"to,omitempty"`   // public keys that can open it
	Case      string            `json:"case,omitempty"` // that it was made for
	By        string            `json:"by"`
	Reason    string            `json:"reason"`
}

// Kind implements Body.
func (*PersonDecision) Kind() Kind { return KindPersonDecision }

func (b *PersonDecision) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*PersonRun) Kind() Kind { return KindPersonRun }

func (b *PersonRun) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*PersonChange) Kind() Kind { return KindPersonChange }

func (b *PersonChange) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*PersonNotices) Kind() Kind { return KindPersonNotices }

func (b *PersonNotices) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// NewPerson returns an empty body about persons, or nil.
func NewPerson(k Kind) Body {
	switch k {
	case KindPersonDecision:
		return new(PersonDecision)
	case KindPersonRun:
		return new(PersonRun)
	case KindPersonChange:
		return new(PersonChange)
	case KindPersonNotices:
		return new(PersonNotices)
	}
	return nil
}
