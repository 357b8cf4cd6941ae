package event

// CaseText is a text about the incident that went out or that somebody
// published: what it states is kept, the text is not. Documents are compared
// with it before they are released.
type CaseText struct {
	Acted
	Case   string `json:"case"`
	Name   string `json:"name"`
	Step   string `json:"step"`             // load, withdraw
	SHA256 string `json:"sha256,omitempty"` // of the text
	Stated Stated `json:"stated,omitzero"`
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
	// Text is what is handed in. The process that records the body reads what it
	// states and clears it: it is never in the ledger.
	Text string `json:"text,omitempty"`
}

// Stated is what a text says of an incident: no sentence and no person.
type Stated struct {
	Numbers  []string `json:"numbers,omitempty"`  // of persons or cards, with their commas
	Items    []string `json:"items,omitempty"`    // of personal data: 氏名, 生年月日, …
	Contacts []string `json:"contacts,omitempty"` // days of the month of a card company's first contact
}

// Kind implements Body.
func (*CaseText) Kind() Kind { return KindCaseText }

// InCase implements Cased.
func (b *CaseText) InCase() string { return b.Case }

func (b *CaseText) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }
