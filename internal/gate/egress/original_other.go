//go:build !linux

package egress

import (
	"errors"
	"net"
	"net/netip"
)

// originalDestination is known on Linux only.
func originalDestination(net.Conn) (netip.AddrPort, error) {
	return netip.AddrPort{}, errors.New("the original destination is known on Linux only")
}
