package event

// The bodies of the console: who may enter, who entered, what they did there
// that no other body says, and at whom they looked. They hold names of staff.

// Account is a change of an account of the console. Passwords, secrets and keys
// are in no event.
type Account struct {
	// Step is created, invited, roles, password, totp, passkey, passkey-removed,
	// disabled, enabled, token, token-ended; undone takes one of these back, whose
	// event is there and which was not made.
	Step    string   `json:"step"`
	Undone  string   `json:"undone,omitempty"` // the step that was not made
	Account string   `json:"account"`
	Roles   []string `json:"roles,omitempty"` // from now on: "tenant/role"
	Name    string   `json:"name,omitempty"`  // of the passkey or token
	Until   int64    `json:"until,omitempty"` // end of an invitation or token
	By      string   `json:"by"`
}

// Login is an attempt to enter the console, or the end of a session.
type Login struct {
	Step    string `json:"step"` // ok, failed, slowed, ended
	Account string `json:"account,omitempty"`
	Method  string `json:"method"`  // password, passkey, token
	Address string `json:"address"` // client IP address without port
	Reason  string `json:"reason,omitempty"`
}

// Look says that somebody was shown who subjects are. The Crossing of the same
// session says that their numbers passed; this one says why.
type Look struct {
	Session  Session       `json:"session"`
	By       string        `json:"by"`
	Purpose  string        `json:"purpose"`
	Case     string        `json:"case,omitempty"`
	Source   SubjectSource `json:"source"`
	Subjects Set           `json:"subjects"`
}

// Act is something that somebody did and no other body says: a check, a download,
// something that was not allowed, an upgrade of the process.
type Act struct {
	By     string `json:"by"`
	Do     string `json:"do"`
	Target string `json:"target,omitempty"`
	// Result is done, ordered (what became of it is another event), refused,
	// failed, or interrupted: what was recorded before was not done.
	Result string `json:"result"`
	Detail string `json:"detail,omitempty"`
}

// Kind implements Body.
func (*Account) Kind() Kind { return KindAccount }

func (b *Account) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*Login) Kind() Kind { return KindLogin }

func (b *Login) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*Look) Kind() Kind { return KindLook }

func (b *Look) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*Act) Kind() Kind { return KindAct }

func (b *Act) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }
