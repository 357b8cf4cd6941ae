package netloop

// Reset is Close, and what the kernel still holds for the peer is dropped too: it sees a reset.
func (s *Socket) Reset() {
	if s.fd >= 0 {
		resets(s.fd)
	}
	_ = s.Close() // the descriptor is gone in any case
}
