package exit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"sekisho/internal/strictyaml"
)

// Source is a policy as people write it. Its comments are the manual.
type Source struct {
	// Generation rises by at least one with every change. Required, from 1.
	Generation uint64 `yaml:"generation" json:"generation"`
	// Zone is the offset from UTC in which hours are meant. Default: +09:00.
	Zone string `yaml:"zone,omitempty" json:"zone,omitempty"`
	// Segments are inner networks that a role may be let into. What is in none
	// of them and not public is refused in every mode.
	Segments []SegmentSource `yaml:"segments,omitempty" json:"segments,omitempty"`
	// Roles say who may reach what. A client is in the role of its certificate,
	// else of its user, else of its address, the longest prefix first.
	Roles []RoleSource `yaml:"roles,omitempty" json:"roles,omitempty"`
	// Tests must hold, or the policy is not loaded.
	Tests []TestSource `yaml:"tests,omitempty" json:"tests,omitempty"`
}

// SegmentSource is an inner network.
type SegmentSource struct {
	Name string `yaml:"name" json:"name"`
	// Networks are prefixes. Loopback and link-local addresses are meant only
	// by a prefix that lies wholly within them. Required.
	Networks []string `yaml:"networks" json:"networks"`
	// Names are inner names, exact or "*.suffix": they are resolved for roles
	// that may reach the segment, and must lead into its networks.
	Names []string `yaml:"names,omitempty" json:"names,omitempty"`
}

// RoleSource is who, and what they may reach.
type RoleSource struct {
	// Name is unique and stands in events and refusals.
	Name string `yaml:"name" json:"name"`
	// Certificates are common names of verified client certificates.
	Certificates []string `yaml:"certificates,omitempty" json:"certificates,omitempty"`
	// Users are users that a gate has authenticated.
	Users []string `yaml:"users,omitempty" json:"users,omitempty"`
	// Addresses are addresses or prefixes of clients.
	Addresses []string `yaml:"addresses,omitempty" json:"addresses,omitempty"`
	// Mode is enforce (the default): what no entry allows is refused; report:
	// it passes and is reported; open: it passes. Inner networks are never
	// opened by a mode.
	Mode string `yaml:"mode,omitempty" json:"mode,omitempty"`
	// Allow are the entries, tried in order.
	Allow []AllowSource `yaml:"allow,omitempty" json:"allow,omitempty"`
}

// AllowSource allows something. Of names, networks and segments at least one
// is needed; within each list one has to fit.
type AllowSource struct {
	// Name is unique in its role and stands in events.
	Name string `yaml:"name" json:"name"`
	// Names are destinations: "www.example.jp", "*.example.jp" (every name
	// under it, not itself), "*" (every public name).
	Names []string `yaml:"names,omitempty" json:"names,omitempty"`
	// Networks are public prefixes that may be asked for as addresses.
	Networks []string `yaml:"networks,omitempty" json:"networks,omitempty"`
	// Segments are names of segments.
	Segments []string `yaml:"segments,omitempty" json:"segments,omitempty"`
	// Ports are ports or ranges ("8000-8010"). Default: 80 and 443; required
	// with segments, unless protocols are named.
	Ports []string `yaml:"ports,omitempty" json:"ports,omitempty"`
	// Protocols are named ports, such as ssh, rdp, smb.
	Protocols []string `yaml:"protocols,omitempty" json:"protocols,omitempty"`
	// Methods are HTTP methods of requests that the gate can read. Default: all.
	Methods []string `yaml:"methods,omitempty" json:"methods,omitempty"`
	// Hours are times of the week, such as "mon-fri 08:00-20:00". Default: always.
	Hours []string `yaml:"hours,omitempty" json:"hours,omitempty"`
	// SentPerHour bounds what one client may send under this entry within an
	// hour, such as 50MiB. Default: no bound.
	SentPerHour string `yaml:"sent_per_hour,omitempty" json:"sent_per_hour,omitempty"`
	// Inner says what a tunnel must carry: tls (the default), whose server name
	// is the name that was asked for; any; or read: TLS that the gate ends and
	// begins again, so that it sees requests and whose data is in them. A gate
	// that cannot read (it has no authority for the name) refuses such a tunnel.
	Inner string `yaml:"inner,omitempty" json:"inner,omitempty"`
}

// TestSource is one case and its expected outcome.
type TestSource struct {
	Name        string `yaml:"name" json:"name"`
	Client      string `yaml:"client" json:"client"`
	Certificate string `yaml:"certificate,omitempty" json:"certificate,omitempty"`
	User        string `yaml:"user,omitempty" json:"user,omitempty"`
	// To is the destination as a client writes it: host:port.
	To string `yaml:"to" json:"to"`
	// Address is what To resolves to; empty: not looked at.
	Address string `yaml:"address,omitempty" json:"address,omitempty"`
	Method  string `yaml:"method,omitempty" json:"method,omitempty"`
	// At is the time, as in 2026-11-22T09:00:00+09:00. Default: a Monday noon.
	At string `yaml:"at,omitempty" json:"at,omitempty"`
	// Expect is accept, report or deny. Required.
	Expect string `yaml:"expect" json:"expect"`
	// Rule is the entry that must have decided; empty means any.
	Rule string `yaml:"rule,omitempty" json:"rule,omitempty"`
}

// maxSource is the largest policy text, in bytes.
const maxSource = 1 << 20

// Parse decodes a policy file strictly: unknown and repeated keys are errors.
func Parse(text []byte) (*Source, error) {
	if len(text) > maxSource {
		return nil, fmt.Errorf("egress policy: %d bytes, at most %d", len(text), maxSource)
	}
	src := new(Source)
	if err := strictyaml.Unmarshal(text, src); err != nil {
		return nil, fmt.Errorf("egress policy: %w", err)
	}
	return src, nil
}

// Digest names a policy: hexadecimal SHA-256 of its canonical form, which is
// JSON with fields in the order of the types above, absent fields left out.
type Digest string

func (s *Source) digest() Digest {
	text, err := json.Marshal(s)
	if err != nil {
		panic("exit: " + err.Error()) // our own types always encode
	}
	sum := sha256.Sum256(text)
	return Digest(hex.EncodeToString(sum[:]))
}

// Error is a fault in a policy at a place such as "roles[2].allow[0].names[1]".
type Error struct {
	Path string
	What string
	Try  string
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("egress policy: %s: %s", e.Path, e.What) }
