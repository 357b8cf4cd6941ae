package egress

import (
	"errors"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// soOriginalDst is SO_ORIGINAL_DST (linux/netfilter_ipv4.h) and
// IP6T_SO_ORIGINAL_DST (linux/netfilter_ipv6/ip6_tables.h).
const soOriginalDst = 80

// originalDestination is where a connection went before nftables redirected it.
// With tproxy it is the local address.
func originalDestination(conn net.Conn) (netip.AddrPort, error) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return netip.AddrPort{}, errors.New("not a TCP connection")
	}
	local := tcp.LocalAddr().(*net.TCPAddr).AddrPort()
	local = netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
	raw, err := tcp.SyscallConn()
	if err != nil {
		return netip.AddrPort{}, err
	}
	var to netip.AddrPort
	var got error
	err = raw.Control(func(fd uintptr) {
		if local.Addr().Is4() {
			// struct sockaddr_in has 16 bytes: family, port, address. IPv6Mreq is
			// the option's type of at least that size that x/sys can read.
			m, err := unix.GetsockoptIPv6Mreq(int(fd), unix.IPPROTO_IP, soOriginalDst)
			if got = err; err == nil {
				b := m.Multiaddr
				to = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), uint16(b[2])<<8|uint16(b[3]))
			}
			return
		}
		// struct sockaddr_in6 has 28 bytes; IPv6MTUInfo begins with one.
		m, err := unix.GetsockoptIPv6MTUInfo(int(fd), unix.IPPROTO_IPV6, soOriginalDst)
		if got = err; err == nil {
			port := *(*[2]byte)(unsafe.Pointer(&m.Addr.Port)) // in network order
			to = netip.AddrPortFrom(netip.AddrFrom16(m.Addr.Addr).Unmap(), uint16(port[0])<<8|uint16(port[1]))
		}
	})
	if err != nil {
		return to, err
	}
	if got != nil { // not redirected: tproxy, or somebody called the port itself
		return local, nil
	}
	return to, nil
}
