package pgproxy

// SwitchOff turns single rules off. It is for the proofs, which must fail when
// any one of them is off; arch/ holds that nothing else calls it.
func (s *Settings) SwitchOff(off Switches) { s.switches = off }

// Changing says that schema changes or taints of a database that passed the gate
// are not through yet: meanwhile statements are bounded. The proofs wait for
// its end to see what holds after it.
func (g *Gate) Changing(database string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	sh := g.databases[database]
	return sh != nil && sh.reg.changing.Load() > 0
}
