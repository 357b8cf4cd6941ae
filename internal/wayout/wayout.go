// Package wayout knows the ways to the internet that a machine has, from what
// Linux shows of its routes and connections, and tells those that are in no
// list of known exits.
//
// It is pure: it reads texts of /proc that it is given, opens nothing and
// changes no route. It sees the main routing table (not those of policy
// routing) and, where connection tracking runs, what the machine forwards
// around its gates. What another machine has it cannot see: each exit needs a
// process of its own that looks.
package wayout

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Way is a way out.
type Way struct {
	// Kind is route: a default route; forwarded: a host goes out around the gates;
	// counter: packets went around them; address: the internet sees this machine
	// under an address of no exit.
	Kind      string
	Interface string     // of a route; name of a counter
	Next      netip.Addr // next hop of a route, not valid for a direct one
	Host      netip.Addr // who goes around; the address that is seen
	Dest      netip.Addr // one destination that it reached
}

// Exit is one that is known.
type Exit struct {
	Interface string
	Next      netip.Addr // not valid: any
	Outside   netip.Addr // under which the internet sees it; not valid: not told
}

// Knows reports whether w is e.
func (e *Exit) Knows(w *Way) bool {
	if w.Kind == "address" {
		return e.Outside.IsValid() && e.Outside == w.Host
	}
	return w.Kind == "route" && e.Interface == w.Interface && (!e.Next.IsValid() || e.Next == w.Next)
}

// Unknown returns the ways that are in none of the exits. Ways around the gates
// are never known.
func Unknown(ways []Way, exits []Exit) (out []Way) {
	for _, w := range ways {
		if !slices.ContainsFunc(exits, func(e Exit) bool { return e.Knows(&w) }) {
			out = append(out, w)
		}
	}
	return out
}

const (
	up      = 0x1   // RTF_UP, linux/route.h
	reject  = 0x200 // RTF_REJECT
	halves  = 0x80  // 128.0.0.0, the second half of a default route in two
	mostWay = 10_000
)

// Routes4 reads /proc/net/route: IPv4 default routes, also those written as two
// halves (0.0.0.0/1 and 128.0.0.0/1), as VPN clients do.
func Routes4(text []byte) ([]Way, error) {
	var out []Way
	for n, fields := range lines(text) {
		if n == 0 {
			continue // head
		}
		if len(fields) < 8 {
			return nil, fmt.Errorf("line %d of route has %d fields", n+1, len(fields))
		}
		dest, err1 := little(fields[1])
		next, err2 := little(fields[2])
		mask, err3 := little(fields[7])
		var flags uint32
		_, err4 := fmt.Sscanf(fields[3], "%x", &flags)
		if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
			return nil, fmt.Errorf("line %d of route is not understood", n+1)
		}
		whole := mask == [4]byte{} && dest == [4]byte{}
		half := mask == [4]byte{halves} && (dest == [4]byte{} || dest == [4]byte{halves})
		if flags&up == 0 || flags&reject != 0 || fields[0] == "lo" || !whole && !half {
			continue
		}
		w := Way{Kind: "route", Interface: fields[0]}
		if next != [4]byte{} {
			w.Next = netip.AddrFrom4(next)
		}
		out = add(out, w)
	}
	return out, nil
}

// little reads an address as route has it: eight hexadecimal digits in the
// machine's order, which on every machine we run on is little-endian.
func little(text string) (a [4]byte, err error) {
	var raw [4]byte
	if len(text) != 8 {
		return a, fmt.Errorf("%q is no address", text)
	}
	if _, err := hex.Decode(raw[:], []byte(text)); err != nil {
		return a, fmt.Errorf("%q is no address", text)
	}
	binary.LittleEndian.PutUint32(a[:], binary.BigEndian.Uint32(raw[:]))
	return a, nil
}

// Routes6 reads /proc/net/ipv6_route: IPv6 default routes, and 2000::/3, which
// is all of the internet.
func Routes6(text []byte) ([]Way, error) {
	var out []Way
	for n, fields := range lines(text) {
		if len(fields) < 10 {
			return nil, fmt.Errorf("line %d of ipv6_route has %d fields", n+1, len(fields))
		}
		dest, err1 := address6(fields[0])
		next, err2 := address6(fields[4])
		var bits, flags uint32
		_, err3 := fmt.Sscanf(fields[1], "%x", &bits)
		_, err4 := fmt.Sscanf(fields[8], "%x", &flags)
		if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
			return nil, fmt.Errorf("line %d of ipv6_route is not understood", n+1)
		}
		internet := netip.MustParsePrefix("2000::/3")
		if flags&up == 0 || flags&reject != 0 || fields[9] == "lo" || bits > 3 || bits != 0 && !internet.Contains(dest) {
			continue
		}
		w := Way{Kind: "route", Interface: fields[9]}
		if !next.IsUnspecified() {
			w.Next = next
		}
		out = add(out, w)
	}
	return out, nil
}

func address6(text string) (netip.Addr, error) {
	var a [16]byte
	if len(text) != 32 {
		return netip.Addr{}, fmt.Errorf("%q is no address", text)
	}
	if _, err := hex.Decode(a[:], []byte(text)); err != nil {
		return netip.Addr{}, fmt.Errorf("%q is no address", text)
	}
	return netip.AddrFrom16(a), nil
}

func add(all []Way, w Way) []Way {
	if slices.Contains(all, w) {
		return all
	}
	return append(all, w)
}

// Forwarded reads /proc/net/nf_conntrack: hosts whose connections to public
// addresses the machine forwards, instead of a gate of its own making them. own
// are the machine's addresses. One way a host.
func Forwarded(text []byte, own []netip.Addr) []Way {
	var out []Way
	seen := map[netip.Addr]bool{}
	for _, fields := range lines(text) {
		var src, dst, answers netip.Addr
		for _, f := range fields { // the first src and dst are of the direction that began, the second src answers
			if v, ok := strings.CutPrefix(f, "src="); ok {
				if a, err := netip.ParseAddr(v); err == nil && !src.IsValid() {
					src = a
				} else if err == nil && !answers.IsValid() {
					answers = a
				}
			}
			if v, ok := strings.CutPrefix(f, "dst="); ok && !dst.IsValid() {
				dst, _ = netip.ParseAddr(v)
			}
		}
		if slices.Contains(own, answers) { // led to a gate here (redirect, dnat), whatever was asked for
			continue
		}
		if !src.IsValid() || !dst.IsValid() || !public(dst) || public(src) || src.IsLoopback() || seen[src] || slices.Contains(own, src) || slices.Contains(own, dst) || len(out) >= mostWay {
			continue
		}
		seen[src] = true
		out = append(out, Way{Kind: "forwarded", Host: src, Dest: dst})
	}
	return out
}

// Counters reads what `nft list counters` says: packets by the counter's name.
func Counters(text []byte) (map[string]uint64, error) {
	out := map[string]uint64{}
	name := ""
	for n, fields := range lines(text) {
		switch {
		case fields[0] == "counter" && len(fields) >= 2:
			name = fields[1]
		case fields[0] == "packets" && name != "":
			if len(fields) < 2 {
				return nil, fmt.Errorf("line %d of the counters is not understood", n+1)
			}
			packets, err := strconv.ParseUint(fields[1], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("line %d of the counters is not understood", n+1)
			}
			out[name], name = packets, ""
		}
	}
	return out, nil
}

// Outside is the way out that an address tells under which the internet sees
// this machine; false when exits do not tell theirs, or it is no address of the
// internet.
func Outside(seen netip.Addr, exits []Exit) (Way, bool) {
	told := slices.ContainsFunc(exits, func(e Exit) bool { return e.Outside.IsValid() })
	seen = seen.Unmap()
	return Way{Kind: "address", Host: seen}, told && public(seen)
}

// public reports whether an address is one of the internet.
func public(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.IsPrivate() && !netip.MustParsePrefix("100.64.0.0/10").Contains(a.Unmap())
}

func lines(text []byte) [][]string {
	var out [][]string
	for line := range bytes.Lines(text) {
		if f := strings.Fields(string(line)); len(f) > 0 {
			out = append(out, f)
		}
	}
	return out
}
