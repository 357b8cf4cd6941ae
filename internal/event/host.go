package event

// HostBoot says that a machine started. Whoever reports it knows the machine's
// own identifier of the start (Linux: /proc/sys/kernel/random/boot_id), so that
// one start that is reported twice is one start.
type HostBoot struct {
	Host   string `json:"host"`
	BootID string `json:"boot_id"`
	At     int64  `json:"at"`               // UTC ns: when it started
	Reason string `json:"reason,omitempty"` // what the machine says: panic, power, update, …
	By     string `json:"by"`               // who or what reported it
}

// HostPlan is a restart that somebody planned and wrote down before it happened.
type HostPlan struct {
	Acted
	Host   string `json:"host"`
	From   int64  `json:"from"` // UTC ns
	To     int64  `json:"to"`
	Reason string `json:"reason"`
	By     string `json:"by"`
}

// Kind implements Body.
func (*HostBoot) Kind() Kind { return KindHostBoot }

func (b *HostBoot) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Kind implements Body.
func (*HostPlan) Kind() Kind { return KindHostPlan }

func (b *HostPlan) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }
