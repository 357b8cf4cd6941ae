package exit

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"sekisho/internal/policy/cut"
)

// Target is a destination as a client asked for it. Either Name or Address is
// set.
type Target struct {
	Name    string // lower case, without the root's dot, ASCII
	Address netip.Addr
	Port    uint16
}

// Host is the name, or the address as text.
func (t Target) Host() string {
	if t.Name != "" {
		return t.Name
	}
	return t.Address.String()
}

// String is host:port.
func (t Target) String() string {
	if t.Name != "" {
		return t.Name + ":" + strconv.Itoa(int(t.Port))
	}
	return netip.AddrPortFrom(t.Address, t.Port).String()
}

// ErrTarget is wrapped by what ParseTarget and ParseHost refuse. The errors
// hold nothing of the input.
var ErrTarget = errors.New("not a destination")

func bad(why string) error { return fmt.Errorf("%w: %s", ErrTarget, why) }

// ParseTarget reads host:port as in CONNECT (RFC 9110, 9.3.6). It refuses what
// programs read in different ways: user information, addresses in decimal,
// octal, hexadecimal or shortened form, zones, letters beyond ASCII. port is
// used when there is none; 0 makes it required.
func ParseTarget(text string, port uint16) (Target, error) {
	host := text
	if strings.HasPrefix(text, "[") {
		end := strings.IndexByte(text, ']')
		if end < 0 {
			return Target{}, bad("a bracket is not closed")
		}
		host, text = text[:end+1], text[end+1:]
	} else if i := strings.LastIndexByte(text, ':'); i >= 0 {
		if host, text = text[:i], text[i:]; strings.Contains(host, ":") {
			return Target{}, bad("an IPv6 address stands in brackets")
		}
	} else {
		text = ""
	}
	if text != "" {
		n, err := strconv.ParseUint(text[1:], 10, 16)
		if text[0] != ':' || err != nil || n == 0 || text[1] == '+' {
			return Target{}, bad("the port is no number from 1 to 65535")
		}
		port = uint16(n)
	}
	if port == 0 {
		return Target{}, bad("there is no port")
	}
	t, err := ParseHost(host)
	t.Port = port
	return t, err
}

// ParseHost reads a name or an address; IPv6 in brackets or without.
func ParseHost(host string) (Target, error) {
	inner, bracket := strings.CutPrefix(host, "[")
	if bracket {
		inner, bracket = strings.CutSuffix(inner, "]")
	}
	if bracket || strings.Contains(host, ":") {
		a, err := netip.ParseAddr(inner)
		if err != nil || !a.Is6() || a.Zone() != "" {
			return Target{}, bad("the address is not IPv6 without a zone")
		}
		return Target{Address: a}, nil
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return Target{Address: a}, nil
	}
	name := cut.Plain(host)
	if err := checkName(name); err != nil {
		return Target{}, err
	}
	return Target{Name: name}, nil
}

// checkName takes host names: letters, digits, hyphen and underscore, labels
// of at most 63 bytes, 253 in all (RFC 1035, 2.3.4). A last label that is a
// number would be read as an address by some (WHATWG URL, "ends in a number").
func checkName(name string) error {
	if name == "" || len(name) > 253 {
		return bad("the name is empty or longer than 253 bytes")
	}
	start := 0
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '.' {
			c := name[i]
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return bad("the name has characters that belong to no host name")
			}
			continue
		}
		if i == start || i-start > 63 {
			return bad("a part of the name is empty or longer than 63 bytes")
		}
		if i == len(name) && numeric(name[start:]) {
			return bad("a number as an address: write it as four decimal parts")
		}
		start = i + 1
	}
	return nil
}

// numeric reports whether a last label is a number in some reading.
func numeric(label string) bool {
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}
