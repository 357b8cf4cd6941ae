//go:build !linux

package control

import "net"

// peerOf knows nobody: people show their key files.
func peerOf(net.Conn) Peer { return Peer{UID: -1} }
