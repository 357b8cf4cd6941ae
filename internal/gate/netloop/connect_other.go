//go:build !linux

package netloop

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"sekisho/internal/wire/tlsrecord"
)

// Connect is Linux's: the portable carrier takes what net.Dialer makes.
func Connect(context.Context, netip.AddrPort) (*Socket, error) { return nil, errors.ErrUnsupported }

// Adopt is Linux's too.
func Adopt(int, *tlsrecord.State) (*Socket, error) { return nil, errors.ErrUnsupported }

// Close has nothing to close.
func (s *Socket) Close() error { return nil }

// Reset has nothing to close.
func (s *Socket) Reset() {}

// Take is Linux's as well.
func Take(*net.TCPConn) (*Socket, error) { return nil, errors.ErrUnsupported }
