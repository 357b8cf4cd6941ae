package exit

import "net/netip"

// special are the blocks that are not the public internet: IANA IPv4 and IPv6
// Special-Purpose Address Registries (RFC 6890, RFC 8190), and the forms that
// carry another address inside, which would have to be judged again by whoever
// unwraps them. hard blocks are those that a wide segment does not mean.
var special = []struct {
	prefix netip.Prefix
	class  string
	hard   bool
}{
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback", true},
	{netip.MustParsePrefix("::1/128"), "loopback", true},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local", true}, // cloud metadata: 169.254.169.254
	{netip.MustParsePrefix("fe80::/10"), "link-local", true},
	{netip.MustParsePrefix("fd00:ec2::254/128"), "metadata", true},
	{netip.MustParsePrefix("fd20:ce::254/128"), "metadata", true},
	{netip.MustParsePrefix("100.100.100.200/32"), "metadata", true},
	{netip.MustParsePrefix("168.63.129.16/32"), "metadata", true},
	{netip.MustParsePrefix("192.0.0.192/32"), "metadata", true},
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified", true},
	{netip.MustParsePrefix("::/128"), "unspecified", true},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast", true},
	{netip.MustParsePrefix("ff00::/8"), "multicast", true},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved", true}, // broadcast among them
	{netip.MustParsePrefix("10.0.0.0/8"), "private", false},
	{netip.MustParsePrefix("172.16.0.0/12"), "private", false},
	{netip.MustParsePrefix("192.168.0.0/16"), "private", false},
	{netip.MustParsePrefix("fc00::/7"), "private", false},
	{netip.MustParsePrefix("fec0::/10"), "private", false},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared", false},
	{netip.MustParsePrefix("192.0.0.0/24"), "reserved", false},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation", false},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation", false},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation", false},
	{netip.MustParsePrefix("2001:db8::/32"), "documentation", false},
	{netip.MustParsePrefix("3fff::/20"), "documentation", false},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarking", false},
	{netip.MustParsePrefix("192.88.99.0/24"), "reserved", false},
	{netip.MustParsePrefix("::ffff:0:0/96"), "mapped", true},
	{netip.MustParsePrefix("::/96"), "mapped", true},
	{netip.MustParsePrefix("64:ff9b::/96"), "nat64", true},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "nat64", true},
	{netip.MustParsePrefix("2002::/16"), "6to4", true},
	{netip.MustParsePrefix("2001::/23"), "reserved", true}, // Teredo among them
	{netip.MustParsePrefix("100::/64"), "reserved", true},
	{netip.MustParsePrefix("5f00::/16"), "reserved", true},
}

// Class says of what kind an address is: "public", or why it is not. A zone
// makes it link-local.
func Class(a netip.Addr) string {
	class, _, _ := classOf(a)
	return class
}

// Public reports whether a is an ordinary address of the internet: global
// unicast (2000::/3 for IPv6) and in no special-purpose block.
func Public(a netip.Addr) bool { return Class(a) == "public" }

// classOf returns the class, whether it is hard, and the block that says so.
// An IPv4 address inside an IPv6 one is not unwrapped: it is refused in that
// form.
func classOf(a netip.Addr) (class string, hard bool, block netip.Prefix) {
	if !a.IsValid() {
		return "none", true, block
	}
	if a.Zone() != "" {
		return "link-local", true, block
	}
	for _, s := range special {
		if s.prefix.Addr().BitLen() == a.BitLen() && prefixHolds(s.prefix, a) {
			return s.class, s.hard, s.prefix
		}
	}
	if a.Is6() && !globalUnicast.Contains(a) {
		return "reserved", true, block
	}
	return "public", false, block
}

var globalUnicast = netip.MustParsePrefix("2000::/3")

// prefixHolds is Prefix.Contains, which says no for mapped addresses.
func prefixHolds(p netip.Prefix, a netip.Addr) bool {
	q, err := a.Prefix(p.Bits())
	return err == nil && q.Addr() == p.Addr()
}
