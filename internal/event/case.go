package event

// The bodies of cases: what people and timers do about an incident. They hold
// names of staff and no personal data of subjects: whoever records them
// refuses texts that contain any.

// Cased is a body that belongs to a case.
type Cased interface {
	Body
	InCase() string
	// Proof says how the process knew who acted.
	Proof() *Acted
}

// Acted says how the process that recorded a body knew who acted. It is written
// by that process and never taken from whoever asks.
type Acted struct {
	// Proved is "os-user" (the account on the other end of the control socket)
	// or "key" (a key file of that person); empty when the name was only typed.
	Proved string `json:"proved,omitempty"`
}

// Proof implements Cased.
func (a *Acted) Proof() *Acted { return a }

// CaseSign is a sign that something may be wrong. The first one opens a case.
type CaseSign struct {
	Acted
	Case    string   `json:"case"`
	Class   string   `json:"class"`   // of the playbook: "targeted-mail", "outbound", …
	Channel string   `json:"channel"` // own, monitor, card-company, psp, police, customer, entrustee, button
	Title   string   `json:"title"`
	Places  []Place  `json:"places,omitempty"`
	Hosts   []string `json:"hosts,omitempty"`
	KnownAt int64    `json:"known_at"` // UTC ns: when the first person knew
	KnownBy string   `json:"known_by"` // who
	Org     string   `json:"org,omitempty"`
	By      string   `json:"by"` // who recorded it
	Facts   []string `json:"facts,omitempty"`
}

// CaseFact is something known from KnownAt on. Withdrawn keeps the earlier
// record and takes it out of the clocks, with a reason.
type CaseFact struct {
	Acted
	Case      string `json:"case"`
	Fact      string `json:"fact"`
	KnownAt   int64  `json:"known_at"`
	KnownBy   string `json:"known_by"`
	Org       string `json:"org,omitempty"`
	Persons   uint64 `json:"persons,omitempty"`
	By        string `json:"by"`
	Text      string `json:"text,omitempty"`
	Withdrawn bool   `json:"withdrawn,omitempty"`
}

// CaseMove changes the state or the class of a case.
type CaseMove struct {
	Acted
	Case  string `json:"case"`
	To    string `json:"to,omitempty"` // candidate, incident, closed
	Class string `json:"class,omitempty"`
	// Cause is why the case may end, for classes whose playbook lists causes.
	Cause  string `json:"cause,omitempty"`
	By     string `json:"by"`
	Second string `json:"second,omitempty"`
	Reason string `json:"reason"`
}

// CaseTask adds, gives, ends a task.
type CaseTask struct {
	Acted
	Case   string `json:"case"`
	Task   string `json:"task"`
	Step   string `json:"step"` // add, assign, done, not-needed
	Title  string `json:"title,omitempty"`
	Owner  string `json:"owner,omitempty"`
	Due    int64  `json:"due,omitempty"`
	Lesson bool   `json:"lesson,omitempty"`
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
}

// CaseEvidence is a link of a chain of custody.
type CaseEvidence struct {
	Acted
	Case     string `json:"case"`
	Evidence string `json:"evidence"`
	Step     string `json:"step"` // preserved, handed
	Host     string `json:"host,omitempty"`
	Form     string `json:"form,omitempty"`   // image, snapshot, memory, log-export
	SHA256   string `json:"sha256,omitempty"` // hexadecimal
	At       int64  `json:"at"`
	By       string `json:"by"`
	To       string `json:"to,omitempty"` // who holds it from now on
	Kept     string `json:"kept,omitempty"`
}

// CaseAction asks for something that changes systems, and says what became of
// it.
type CaseAction struct {
	Acted
	Case     string  `json:"case"`
	Action   string  `json:"action"`
	Step     string  `json:"step"` // done, override, receipt
	Do       string  `json:"do"`   // cut, freeze, bypass-off, isolate, rebuild, move, retire
	Target   string  `json:"target"`
	Override bool    `json:"override,omitempty"` // of preservation before containment
	By       string  `json:"by"`
	Second   string  `json:"second,omitempty"`
	Reason   string  `json:"reason,omitempty"`
	Result   string  `json:"result,omitempty"` // of the gate
	Applied  uint64  `json:"applied,omitempty"`
	Failed   uint64  `json:"failed,omitempty"`
	Places   []Place `json:"places,omitempty"`
}

// CaseScope is a version of the figures. A measured one names its query, the
// ledger's position and the answer's digest; a stated one its source.
type CaseScope struct {
	Acted
	Case      string   `json:"case"`
	Version   int      `json:"version"`
	Stated    string   `json:"stated,omitempty"` // source of figures that were not measured
	Query     string   `json:"query,omitempty"`
	Position  Index    `json:"position,omitempty"`
	Digest    string   `json:"digest,omitempty"`
	Bundle    string   `json:"bundle,omitempty"` // file name
	Unit      string   `json:"unit"`             // persons, records, cards
	Confirmed uint64   `json:"confirmed"`
	Reachable uint64   `json:"reachable"`
	EverHeld  uint64   `json:"ever_held"`
	Elements  []string `json:"elements,omitempty"`
	Server    string   `json:"server,omitempty"`
	From      int64    `json:"from,omitempty"` // assumed window
	To        int64    `json:"to,omitempty"`
	By        string   `json:"by"`
}

// CaseMisuse is misuse that somebody reported, of things that are named by a
// keyed hash, and where each was used before at our places. A list that is longer
// than an event is in several with the same List: it was reported once Of items of
// it are there, and before that nothing of it was.
type CaseMisuse struct {
	Acted
	Case   string   `json:"case"`
	Report string   `json:"report"`
	Items  []Misuse `json:"items"`
	By     string   `json:"by"`
	List   string   `json:"list,omitempty"` // random; empty: the event is the whole list
	Of     uint64   `json:"of,omitempty"`   // items of the whole list
}

// Misuse is one misused card or account.
type Misuse struct {
	Token string  `json:"token"`
	At    int64   `json:"at"` // day of the misuse
	Uses  []Usage `json:"uses,omitempty"`
}

// Usage is one payment or crossing before the misuse.
type Usage struct {
	Place Place `json:"place"`
	At    int64 `json:"at"`
}

// CaseAgree is a second person's yes to one act that somebody else is about to
// do: "close", "accept:REPORT", "override:DO:TARGET", "release:DOCUMENT".
type CaseAgree struct {
	Acted
	Case string `json:"case"`
	Act  string `json:"act"`
	By   string `json:"by"`
}

// CaseReport is an investigator's report: loaded, a question answered, taken or
// refused.
type CaseReport struct {
	Acted
	Case     string `json:"case"`
	Report   string `json:"report"`
	Step     string `json:"step"` // load, answer, accept, refuse
	SHA256   string `json:"sha256,omitempty"`
	Question string `json:"question,omitempty"`
	Answer   string `json:"answer,omitempty"`
	Evidence string `json:"evidence,omitempty"` // place in the report
	By       string `json:"by"`
	Second   string `json:"second,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// CaseDecision is a decision with its reason and the time at which it is
// looked at again.
type CaseDecision struct {
	Acted
	Case     string `json:"case"`
	Subject  string `json:"subject"` // publish, notify-persons, start-clock, …
	Choice   string `json:"choice"`
	Reason   string `json:"reason"`
	ReviewAt int64  `json:"review_at,omitempty"`
	By       string `json:"by"`
}

// CaseClock ends a clock.
type CaseClock struct {
	Acted
	Case   string `json:"case"`
	Rule   string `json:"rule"`
	Step   string `json:"step"` // receipt, not-required
	Number string `json:"number,omitempty"`
	SHA256 string `json:"sha256,omitempty"` // of the copy that was sent
	At     int64  `json:"at"`
	Text   string `json:"text,omitempty"` // of the rule that says it is not required
	Reason string `json:"reason,omitempty"`
	By     string `json:"by"`
}

// CaseDraft is a document: written, released by a second person, withdrawn.
type CaseDraft struct {
	Acted
	Case   string            `json:"case"`
	Draft  string            `json:"draft"` // its kind: ppc-prelim, …
	Step   string            `json:"step"`  // write, release, withdraw
	Slots  map[string]string `json:"slots,omitempty"`
	SHA256 string            `json:"sha256,omitempty"` // of the plain text that was released
	Scope  int               `json:"scope,omitempty"`  // version of the figures
	Lang   string            `json:"lang,omitempty"`   // of the text: "ja", else English
	By     string            `json:"by"`
	Reason string            `json:"reason,omitempty"`
	// Override releases it although a text about the incident says otherwise.
	Override bool   `json:"override,omitempty"`
	Second   string `json:"second,omitempty"`
}

// CaseNotice is a message to a person on duty: sent, failed, acknowledged, or
// silence.
type CaseNotice struct {
	Acted
	Case    string `json:"case"`
	Key     string `json:"key"`  // of the timer
	Step    string `json:"step"` // sent, failed, ack, silent, nobody
	Rank    string `json:"rank"`
	To      string `json:"to,omitempty"`
	Channel string `json:"channel,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Due     int64  `json:"due"` // when the timer ran out
}

// Kind implements Body.
func (*CaseSign) Kind() Kind { return KindCaseSign }

// InCase implements Cased.
func (b *CaseSign) InCase() string { return b.Case }

func (b *CaseSign) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*CaseFact) Kind() Kind { return KindCaseFact }

// InCase implements Cased.
func (b *CaseFact) InCase() string { return b.Case }

func (b *CaseFact) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*CaseMove) Kind() Kind { return KindCaseMove }

// InCase implements Cased.
func (b *CaseMove) InCase() string { return b.Case }

func (b *CaseMove) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*CaseTask) Kind() Kind { return KindCaseTask }

// InCase implements Cased.
func (b *CaseTask) InCase() string { return b.Case }

func (b *CaseTask) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*CaseEvidence) Kind() Kind { return KindCaseEvidence }

// InCase implements Cased.
func (b *CaseEvidence) InCase() string { return b.Case }

func (b *CaseEvidence) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*CaseAction) Kind() Kind { return KindCaseAction }

// InCase implements Cased.
func (b *CaseAction) InCase() string { return b.Case }

func (b *CaseAction) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*CaseScope) Kind() Kind { return KindCaseScope }

// InCase implements Cased.
func (b *CaseScope) InCase() string { return b.Case }

func (b *CaseScope) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*CaseMisuse) Kind() Kind { return KindCaseMisuse }

// InCase implements Cased.
func (b *CaseMisuse) InCase() string { return b.Case }

func (b *CaseMisuse) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*CaseReport) Kind() Kind { return KindCaseReport }

// InCase implements Cased.
func (b *CaseReport) InCase() string { return b.Case }

func (b *CaseReport) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*CaseDecision) Kind() Kind { return KindCaseDecision }

// InCase implements Cased.
func (b *CaseDecision) InCase() string { return b.Case }

func (b *CaseDecision) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*CaseClock) Kind() Kind { return KindCaseClock }

// InCase implements Cased.
func (b *CaseClock) InCase() string { return b.Case }

func (b *CaseClock) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*CaseDraft) Kind() Kind { return KindCaseDraft }

// InCase implements Cased.
func (b *CaseDraft) InCase() string { return b.Case }

func (b *CaseDraft) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*CaseNotice) Kind() Kind { return KindCaseNotice }

// InCase implements Cased.
func (b *CaseNotice) InCase() string { return b.Case }

func (b *CaseNotice) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*CaseAgree) Kind() Kind { return KindCaseAgree }

// InCase implements Cased.
func (b *CaseAgree) InCase() string { return b.Case }

func (b *CaseAgree) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// newCased returns an empty body of a case, or nil.
func newCased(k Kind) Body {
	switch k {
	case KindCaseSign:
		return new(CaseSign)
	case KindCaseFact:
		return new(CaseFact)
	case KindCaseMove:
		return new(CaseMove)
	case KindCaseTask:
		return new(CaseTask)
	case KindCaseEvidence:
		return new(CaseEvidence)
	case KindCaseAction:
		return new(CaseAction)
	case KindCaseScope:
		return new(CaseScope)
	case KindCaseMisuse:
		return new(CaseMisuse)
	case KindCaseReport:
		return new(CaseReport)
	case KindCaseDecision:
		return new(CaseDecision)
	case KindCaseClock:
		return new(CaseClock)
	case KindCaseDraft:
		return new(CaseDraft)
	case KindCaseNotice:
		return new(CaseNotice)
	case KindCaseAgree:
		return new(CaseAgree)
	case KindCaseCommon:
		return new(CaseCommon)
	case KindCaseText:
		return new(CaseText)
	}
	return nil
}
