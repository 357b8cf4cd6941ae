package event

// CaseCommon is what misused cards or accounts have in common by our own
// records: an answer of the process at one position of the ledger, frozen. It
// holds counts and names no card, no account and no person.
type CaseCommon struct {
	Acted
	Case string `json:"case"`
	// Source is whose subjects were compared; empty when only payments were.
	Source SubjectSource `json:"source,omitempty"`
	// Query is the scope question whose crossings and holdings were looked at.
	Query    string `json:"query"`
	Position uint64 `json:"position"` // events of the ledger that were looked at
	Misused  uint64 `json:"misused"`  // cards and accounts of the case
	// Known of them are subjects of the source, which has Members; Paid of them
	// are among the Payers of the list of payments.
	Known   uint64 `json:"known"`
	Members uint64 `json:"members"`
	Paid    uint64 `json:"paid,omitempty"`
	Payers  uint64 `json:"payers,omitempty"`
	// Untold counts crossings that tell nobody apart: they could be no evidence
	// for or against a place. Left counts those beyond the bounds of the search.
	Untold uint64        `json:"untold,omitempty"`
	Left   uint64        `json:"left,omitempty"`
	Found  []CommonPlace `json:"found,omitempty"` // the least likely by chance first
	By     string        `json:"by"`
}

// CommonPlace is one place that misused members have in common.
type CommonPlace struct {
	How     string `json:"how"` // crossing, rest, payment
	Place   Place  `json:"place"`
	User    string `json:"user,omitempty"` // empty: everybody
	Address string `json:"address,omitempty"`
	From    int64  `json:"from,omitempty"` // zero for rest: a holding has no window
	To      int64  `json:"to,omitempty"`
	Hits    uint64 `json:"hits"` // misused members in the window
	Of      uint64 `json:"of"`   // misused members
	Seen    uint64 `json:"seen"` // members in the window
	All     uint64 `json:"all"`  // members
	// OneIn is the decimal logarithm, rounded down: a draw by lot brings as much
	// at any place that was compared at most once in 10^OneIn times.
	OneIn uint64 `json:"one_in"`
}

// Times is how many times as many hits there are as a draw by lot would bring.
func (c *CommonPlace) Times() float64 {
	if c.Of == 0 || c.Seen == 0 || c.All == 0 {
		return 0
	}
	return float64(c.Hits) / float64(c.Of) * float64(c.All) / float64(c.Seen)
}

// Kind implements Body.
func (*CaseCommon) Kind() Kind { return KindCaseCommon }

// InCase implements Cased.
func (b *CaseCommon) InCase() string { return b.Case }

func (b *CaseCommon) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }
