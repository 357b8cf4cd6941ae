package pgproxy

// SwitchOff turns single rules off. It is for the proofs, which must fail when
// any one of them is off; arch/ holds that nothing else calls it.
func (s *Settings) SwitchOff(off Switches) { s.switches = off }
