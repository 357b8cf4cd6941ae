package event

// CutOrdered is a new generation of cuts: what it adds to the one before and
// what it takes out. It is recorded before it is sent to any gate. The targets
// of users are names of accounts; no body here names a subject.
type CutOrdered struct {
	Generation uint64     `json:"generation"`
	Digest     string     `json:"digest"` // of the signed text that gates get (SHA-256, hex)
	At         int64      `json:"at"`     // UTC ns, as in that text
	Add        []CutEntry `json:"add,omitempty"`
	Remove     []string   `json:"remove,omitempty"` // ids
	By         string     `json:"by"`
	Reason     string     `json:"reason"`
}

// CutEntry is one cut (package policy/cut says what the fields mean).
type CutEntry struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"` // name, address, role, host, user, all
	Target string `json:"target,omitempty"`
	Until  int64  `json:"until"`
	Case   string `json:"case,omitempty"` // does not lapse by itself
}

// CutReceipt is a gate's signed answer: this generation is in force here.
type CutReceipt struct {
	Gate       string `json:"gate"`
	Generation uint64 `json:"generation"`
	Digest     string `json:"digest"`
	Closed     uint64 `json:"closed"` // flows that were ended
	At         int64  `json:"at"`     // UTC ns, by the gate's clock
	Text       string `json:"text"`   // the signed receipt
}

// GateEnrolled says that a token was made with which a remote gate may join
// (Step "invited"), that the gate may connect ("enrolled", "renewed") or that
// neither it nor a token that nobody used may any more ("revoked").
type GateEnrolled struct {
	Gate string `json:"gate"`
	Step string `json:"step"`
	Key  string `json:"key,omitempty"`         // verifies its receipts
	Cert string `json:"certificate,omitempty"` // SHA-256 of its certificate, hex
	By   string `json:"by"`
}

// GateLink says that a remote gate is connected or silent.
type GateLink struct {
	Gate       string `json:"gate"`
	Up         bool   `json:"up"`
	Generation uint64 `json:"generation"` // of cuts that it said is in force
	Reason     string `json:"reason,omitempty"`
}

// Detection is something suspicious in what leaves (package detect).
type Detection struct {
	What     string             `json:"what"` // first-contact, beacon, dns-tunnel, …, indicator
	Host     string             `json:"host,omitempty"`
	Dest     string             `json:"dest,omitempty"`
	From     int64              `json:"from"`
	At       int64              `json:"at"`
	Score    float64            `json:"score"`
	Learning bool               `json:"learning,omitempty"`
	Further  bool               `json:"further,omitempty"`
	Features []DetectionFeature `json:"features,omitempty"`
}

// DetectionFeature is a property that led to a Detection.
type DetectionFeature struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// DetectionException says that Detections of a kind, host and destination,
// earlier ones too, are known and in order, or no more (Step "end").
type DetectionException struct {
	ID     string `json:"id"`
	Step   string `json:"step"` // make, end
	What   string `json:"what,omitempty"`
	Host   string `json:"host,omitempty"`
	Dest   string `json:"dest,omitempty"`
	Until  int64  `json:"until,omitempty"`
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// ExitSeen is a way to the internet that a gate or host has and that is in no
// configuration (Step "unknown", said again every few hours), or is gone (Step
// "gone"). Step "watched" says that somebody looks, Way is empty then.
type ExitSeen struct {
	Seen      string `json:"seen"` // who saw it: name of a gate or host
	Step      string `json:"step"`
	Way       string `json:"way"` // route, connection, counter, address
	Interface string `json:"interface,omitempty"`
	Next      string `json:"next,omitempty"`    // next hop
	Address   string `json:"address,omitempty"` // outside address, or a destination that went around
	At        int64  `json:"at"`
}

// RecordDue says that what the gates of remote processes recorded until now was
// wanted here. Whatever of it is in no event yet may hold anything: from the last
// sign of life that has arrived on, these gates cover nothing.
type RecordDue struct {
	Sites []string `json:"sites"`
}

// Kind implements Body.
func (*RecordDue) Kind() Kind { return KindRecordDue }

func (b *RecordDue) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*CutOrdered) Kind() Kind { return KindCutOrdered }

func (b *CutOrdered) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*CutReceipt) Kind() Kind { return KindCutReceipt }

func (b *CutReceipt) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*GateEnrolled) Kind() Kind { return KindGateEnrolled }

func (b *GateEnrolled) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*GateLink) Kind() Kind { return KindGateLink }

func (b *GateLink) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*Detection) Kind() Kind { return KindDetection }

func (b *Detection) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*DetectionException) Kind() Kind { return KindException }

func (b *DetectionException) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*ExitSeen) Kind() Kind { return KindExitSeen }

func (b *ExitSeen) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// newCut returns an empty body about cuts, remote gates and what was detected,
// or nil.
func newCut(k Kind) Body {
	switch k {
	case KindRecordDue:
		return new(RecordDue)
	case KindCutOrdered:
		return new(CutOrdered)
	case KindCutReceipt:
		return new(CutReceipt)
	case KindGateEnrolled:
		return new(GateEnrolled)
	case KindGateLink:
		return new(GateLink)
	case KindDetection:
		return new(Detection)
	case KindException:
		return new(DetectionException)
	case KindExitSeen:
		return new(ExitSeen)
	}
	return nil
}
