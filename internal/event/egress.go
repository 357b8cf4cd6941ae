package event

import "math"

// Flow is something that is about to leave through an egress gate (a tunnel, a
// request, a connection), or was refused (Action is "refuse", and there is no
// FlowEnd). It is recorded before the first byte leaves. Without its FlowEnd
// (a killed process) anything may have been sent beyond the last FlowBytes.
type Flow struct {
	ID       string `json:"id"` // what the client is told when it is refused
	Place    Place  `json:"place"`
	Protocol string `json:"protocol"` // connect, http, socks, sni, host, raw, dns, inside (a request of a tunnel that is read, refused)
	Client   string `json:"client"`   // IP address without port
	Role     string `json:"role,omitempty"`
	By       string `json:"by,omitempty"`   // certificate, user, address: what put the client into the role
	User     string `json:"user,omitempty"` // as authenticated: a user or the common name of a certificate
	Host     string `json:"host"`           // name or address that was asked for; parts that may carry data are ":x"
	Port     uint16 `json:"port"`
	Method   string `json:"method,omitempty"` // of a request that the gate can read
	Address  string `json:"address,omitempty"`
	Action   string `json:"action"` // allow, report, refuse
	Step     string `json:"step"`   // cut, address, list, allow, mode, deny; form: it was no valid request
	Rule     string `json:"rule"`
	Reason   string `json:"reason,omitempty"` // of a report or a refusal
	Policy   string `json:"policy,omitempty"` // digest
	Cuts     uint64 `json:"cuts,omitempty"`   // generation of cuts that was in force
}

// FlowBytes is how far a long flow has come: written while it is open.
type FlowBytes struct {
	ID       string `json:"id"`
	Sent     uint64 `json:"sent"`     // bytes from the client to the destination
	Received uint64 `json:"received"` // bytes from the destination to the client
	Nanos    int64  `json:"ns"`       // since it began
}

// FlowEnd says what came of a Flow.
type FlowEnd struct {
	ID       string `json:"id"`
	Outcome  string `json:"outcome"` // done, refused, cut, limit, unreachable, aborted
	Detail   string `json:"detail,omitempty"`
	Name     string `json:"name,omitempty"` // server name inside the tunnel
	ECH      bool   `json:"ech,omitempty"`  // the client hid a second hello, or pretended to
	Sent     uint64 `json:"sent"`
	Received uint64 `json:"received"`
	Nanos    int64  `json:"ns"`
}

// Lookup is a DNS question that is about to leave through the resolver, or was
// refused. Of names that may carry data only the registered domain is kept,
// with features of the rest.
type Lookup struct {
	ID     string `json:"id"`
	Place  Place  `json:"place"`
	Client string `json:"client"`
	Role   string `json:"role,omitempty"`
	Name   string `json:"name"` // parts that may carry data are ":x"
	Base   string `json:"base"` // registered domain
	Type   string `json:"type"` // A, AAAA, HTTPS, TXT, …; other
	Bytes  int    `json:"bytes,omitempty"`
	Mark   string `json:"mark,omitempty"` // keyed hash of the whole name: tells different names apart within one run
	Action string `json:"action"`         // allow, report, refuse
	Step   string `json:"step"`
	Rule   string `json:"rule"`
	Reason string `json:"reason,omitempty"`
	Policy string `json:"policy,omitempty"`
	Cuts   uint64 `json:"cuts,omitempty"`
}

// Lookups are questions that were answered from memory between From and To:
// nothing left, and it is known who asked.
type Lookups struct {
	Place Place         `json:"place"`
	From  int64         `json:"from"` // UTC ns since 1970
	To    int64         `json:"to"`
	Items []LookupCount `json:"items"`
}

// LookupCount is how often a client asked for names under a domain.
type LookupCount struct {
	Client string `json:"client"`
	Name   string `json:"name"` // parts that may carry data are ":x"
	Count  uint64 `json:"count"`
}

// ExitPolicy is a policy of what leaves that came into force.
type ExitPolicy struct {
	Generation uint64 `json:"generation"`
	Policy     string `json:"policy"` // digest
}

// Kind implements Body.
func (*Flow) Kind() Kind { return KindFlow }

func (b *Flow) appendJSON(dst []byte) []byte {
	dst = appendText(dst, `{"id":`, b.ID)
	dst = appendText(dst, `,"place":`, b.Place)
	dst = appendText(dst, `,"protocol":`, b.Protocol)
	dst = appendText(dst, `,"client":`, b.Client)
	dst = appendTextIf(dst, `,"role":`, b.Role)
	dst = appendTextIf(dst, `,"by":`, b.By)
	dst = appendTextIf(dst, `,"user":`, b.User)
	dst = appendText(dst, `,"host":`, b.Host)
	dst = appendUint(dst, `,"port":`, b.Port)
	dst = appendTextIf(dst, `,"method":`, b.Method)
	dst = appendTextIf(dst, `,"address":`, b.Address)
	dst = appendText(dst, `,"action":`, b.Action)
	dst = appendText(dst, `,"step":`, b.Step)
	dst = appendText(dst, `,"rule":`, b.Rule)
	dst = appendTextIf(dst, `,"reason":`, b.Reason)
	dst = appendTextIf(dst, `,"policy":`, b.Policy)
	dst = appendUintIf(dst, `,"cuts":`, b.Cuts)
	return append(dst, '}')
}

// Kind implements Body.
func (*FlowBytes) Kind() Kind { return KindFlowBytes }

func (b *FlowBytes) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*FlowEnd) Kind() Kind { return KindFlowEnd }

func (b *FlowEnd) appendJSON(dst []byte) []byte {
	dst = appendText(dst, `{"id":`, b.ID)
	dst = appendText(dst, `,"outcome":`, b.Outcome)
	dst = appendTextIf(dst, `,"detail":`, b.Detail)
	dst = appendTextIf(dst, `,"name":`, b.Name)
	if b.ECH {
		dst = append(dst, `,"ech":true`...)
	}
	dst = appendUint(dst, `,"sent":`, b.Sent)
	dst = appendUint(dst, `,"received":`, b.Received)
	dst = appendInt(dst, `,"ns":`, b.Nanos)
	return append(dst, '}')
}

func (b *Flow) scan(s *scanner, d *Decoder) {
	b.ID = s.fresh(`{"id":`)
	b.Place = Place(s.name(d, `,"place":`))
	b.Protocol = s.name(d, `,"protocol":`)
	b.Client = s.name(d, `,"client":`)
	b.Role = s.nameIf(d, `,"role":`)
	b.By = s.nameIf(d, `,"by":`)
	b.User = s.nameIf(d, `,"user":`)
	b.Host = s.name(d, `,"host":`)
	b.Port = uint16(s.key(`,"port":`, math.MaxUint16))
	b.Method = s.nameIf(d, `,"method":`)
	b.Address = s.nameIf(d, `,"address":`)
	b.Action = s.name(d, `,"action":`)
	b.Step = s.name(d, `,"step":`)
	b.Rule = s.name(d, `,"rule":`)
	b.Reason = s.nameIf(d, `,"reason":`)
	b.Policy = s.nameIf(d, `,"policy":`)
	b.Cuts = s.keyIf(`,"cuts":`, math.MaxUint64)
	s.lit(`}`)
}

func (b *FlowEnd) scan(s *scanner, d *Decoder) {
	b.ID = s.fresh(`{"id":`)
	b.Outcome = s.name(d, `,"outcome":`)
	b.Detail = s.nameIf(d, `,"detail":`)
	b.Name = s.nameIf(d, `,"name":`)
	b.ECH = s.try(`,"ech":true`)
	b.Sent = s.key(`,"sent":`, math.MaxUint64)
	b.Received = s.key(`,"received":`, math.MaxUint64)
	b.Nanos = s.keyInt(`,"ns":`)
	s.lit(`}`)
}

// Kind implements Body.
func (*Lookup) Kind() Kind { return KindLookup }

func (b *Lookup) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*Lookups) Kind() Kind { return KindLookups }

func (b *Lookups) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*ExitPolicy) Kind() Kind { return KindExitPolicy }

func (b *ExitPolicy) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }
