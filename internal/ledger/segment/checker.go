package segment

import (
	"crypto/sha256"

	"sekisho/internal/event"
)

// Checker follows the lines of a ledger in order and verifies that each one is
// an event of the tenant, chained to its predecessor. It is not safe for
// concurrent use.
type Checker struct {
	tenant string
	chains map[string]*chain // by source and worker
	last   *chain            // the chain of the previous line: lines come in runs
	line   uint64
	offset int64
}

type chain struct {
	key   Key
	text  string // map key
	head  Head
	prev  event.Digest // before the first line of this segment
	first event.Seq    // first of this segment, 0 when it has none
	count uint64       // in this segment
}

// NewChecker returns a checker for lines that follow the given heads.
func NewChecker(tenant event.Tenant, heads Heads) *Checker {
	c := &Checker{tenant: string(tenant), chains: make(map[string]*chain, len(heads))}
	for k, h := range heads {
		ch := &chain{key: k, text: chainText(string(k.Source), k.Worker), head: h}
		c.chains[ch.text] = ch
	}
	return c
}

func chainText(source string, worker uint16) string {
	return source + string([]byte{byte(worker >> 8), byte(worker)})
}

// Line checks the next line (without its line feed) and returns its header and
// full SHA-256. The error is a *Fault; after it the checker must not be used.
func (c *Checker) Line(line []byte) (event.Header, [sha256.Size]byte, error) {
	c.line++
	sum := sha256.Sum256(line)
	h, fault := c.check(line, sum)
	if fault != nil {
		fault.Line, fault.Offset = c.line, c.offset
		return h, sum, fault
	}
	c.offset += int64(len(line)) + 1
	return h, sum, nil
}

func (c *Checker) check(line []byte, sum [sha256.Size]byte) (event.Header, *Fault) {
	if len(line)+1 > event.MaxLine {
		return event.Header{}, &Fault{Reason: TooLong}
	}
	h, err := event.ParseHeader(line)
	if err != nil {
		return h, &Fault{Reason: Malformed}
	}
	ch := c.chain(h)
	fault := &Fault{Key: ch.key, Seq: h.Seq, Due: ch.head.Seq + 1}
	switch {
	case string(h.Tenant) != c.tenant:
		fault.Reason = WrongTenant
	case h.Seq > fault.Due:
		fault.Reason = Missing
	case h.Seq == ch.head.Seq:
		fault.Reason = Repeated
	case h.Seq < ch.head.Seq:
		fault.Reason = Reordered
	case h.Prev != ch.head.Digest:
		fault.Reason = Changed
	default:
		ch.advance(h, sum)
		return h, nil
	}
	return h, fault
}

func (ch *chain) advance(h event.Header, sum [sha256.Size]byte) {
	if ch.count == 0 {
		ch.first, ch.prev = h.Seq, h.Prev
	}
	ch.count++
	ch.head.Seq = h.Seq
	copy(ch.head.Digest[:], sum[:])
}

func (c *Checker) chain(h event.Header) *chain {
	if ch := c.last; ch != nil && ch.key.Worker == h.Worker && string(ch.key.Source) == string(h.Source) {
		return ch
	}
	var scratch [128]byte
	text := append(append(scratch[:0], h.Source...), byte(h.Worker>>8), byte(h.Worker))
	ch := c.chains[string(text)]
	if ch == nil {
		ch = &chain{key: Key{event.Source(h.Source), h.Worker}, text: string(text)}
		c.chains[ch.text] = ch
	}
	c.last = ch
	return ch
}

// Lines returns the number of good lines so far, Size their bytes.
func (c *Checker) Lines() uint64 { return c.line }

// Size returns the bytes of the good lines so far, line feeds included.
func (c *Checker) Size() int64 { return c.offset }

// Heads returns the ends of all chains.
func (c *Checker) Heads() Heads {
	out := make(Heads, len(c.chains))
	for _, ch := range c.chains {
		if ch.head.Seq > 0 {
			out[ch.key] = ch.head
		}
	}
	return out
}

// Begun returns the first number of a chain in this segment, and the digest
// before it, if the segment has lines of it.
func (c *Checker) Begun(key Key) (first event.Seq, prev event.Digest, ok bool) {
	ch := c.chains[chainText(string(key.Source), key.Worker)]
	if ch == nil || ch.count == 0 {
		return 0, prev, false
	}
	return ch.first, ch.prev, true
}
