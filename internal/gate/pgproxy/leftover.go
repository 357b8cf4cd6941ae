package pgproxy

// An earlier run may have left processes of the server at work, and transactions
// prepared. What they locked and may tell none of its successor's sessions did:
// whoever follows them says it.

// Locked says that transactions which no gate of this run carries may hold row
// locks that protected columns chose, until unlocked is called, once.
func (c *Common) Locked() (unlocked func()) {
	c.locks.all.Add(1)
	place := c.locks.hold("")
	return func() {
		c.locks.letGo(place)
		c.locks.all.Add(-1)
	}
}

// Signals says that a server process may send notifications of what it read for
// somebody whom no gate of this run carries; since, UTC ns, is the earliest time
// that it may tell of.
func (c *Common) Signals(pid uint32, since int64) { c.signals.note(pid, since) }
