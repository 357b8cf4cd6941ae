// Package underway counts what is under way at a gate, and how much of that was so at a
// moment before. It knows nothing of what is counted.
package underway

import "sync/atomic"

// Count counts. The zero value works; it must not be copied. It is safe for concurrent
// use.
type Count struct {
	turn  atomic.Uint32
	since [2]atomic.Int64 // what began in turns of this parity
}

// One is what has begun.
type One struct {
	of   *Count
	turn uint32
}

// Begin counts one more.
func (c *Count) Begin() One {
	turn := c.turn.Load() % 2
	c.since[turn].Add(1)
	return One{c, turn}
}

// End counts one less. It must be called once.
func (o One) End() { o.of.since[o.turn].Add(-1) }

// All is how many are under way.
func (c *Count) All() int { return int(c.since[0].Load() + c.since[1].Load()) }

// Old is how many of those were when Mark was called last. One that began at that moment
// may count.
func (c *Count) Old() int { return int(c.since[(c.turn.Load()+1)%2].Load()) }

// Mark has those that are under way be old. While some are, it changes nothing.
func (c *Count) Mark() {
	if c.Old() == 0 {
		c.turn.Add(1)
	}
}
