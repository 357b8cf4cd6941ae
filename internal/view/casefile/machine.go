package casefile

import "slices"

// Machine is the author of what the process writes by itself. A document that
// it wrote is nobody's: a person takes it as its writer, another releases it.
const Machine = "sekisho"

// Unwritten returns the documents that the process should fill now: those of
// every clock that runs and has none, and its own ones whose figures are no
// longer the newest. Nobody asks for them; they are there when the clock
// begins, with what nobody knows marked as unknown.
func (c *Case) Unwritten(b *Books, f *Firm) []string {
	if c.State == Closed || !b.on(machineText) {
		return nil
	}
	var out []string
	for _, k := range c.Clocks(b.Rules, f.Facts, f.AsOf) {
		if k.End != nil {
			continue
		}
		for _, kind := range k.Rule.Drafts {
			d := c.Drafts[kind]
			old := d != nil && d.Writer == Machine && d.State == "written" && d.Scope != len(c.Scopes)
			if (d == nil || old) && !slices.Contains(out, kind) {
				out = append(out, kind)
			}
		}
	}
	return out
}
