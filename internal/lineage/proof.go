package lineage

// Switches turns single rules off. They exist for the proof that the tests see
// each of them: nothing outside tests may set one.
type Switches struct {
	// NoIndexOrder takes the order that rows come in for nobody's.
	NoIndexOrder bool
}

// SwitchOff turns single rules off. It is for the proofs, which must fail when
// any one of them is off; arch/ holds that nothing else calls it.
func (c *Config) SwitchOff(off Switches) { c.switches = off }
