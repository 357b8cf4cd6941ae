package resolver

import (
	"encoding/binary"
	"hash/maphash"
	"sync"
	"time"
)

// answer is what is known about a question, ready for the wire.
type answer struct {
	shown string // the name as events show it
	// wire is the whole message, without OPT: its id, question and flags are
	// written anew for each client.
	wire    []byte
	ttls    []uint16 // where the times to live are in wire
	stored  time.Time
	expires time.Time
	rcode   int
}

// cacheKey is a question of a role: what a role may see of an answer differs.
type cacheKey struct {
	name string
	kind uint16
	role string
}

// cache is the memory of answers: bounded, each until it expires.
type cache struct {
	seed  maphash.Seed
	parts [16]cachePart
	each  int
}

type cachePart struct {
	mu    sync.RWMutex
	known map[cacheKey]*answer
}

func newCache(entries int) *cache {
	c := &cache{seed: maphash.MakeSeed(), each: max(1, entries/16)}
	for i := range c.parts {
		c.parts[i].known = map[cacheKey]*answer{}
	}
	return c
}

func (c *cache) part(k *cacheKey) *cachePart {
	return &c.parts[maphash.String(c.seed, k.name)%uint64(len(c.parts))]
}

// get returns an answer that has not expired, else nil.
func (c *cache) get(k cacheKey, now time.Time) *answer {
	p := c.part(&k)
	p.mu.RLock()
	a := p.known[k]
	p.mu.RUnlock()
	if a == nil || !now.Before(a.expires) {
		return nil
	}
	return a
}

// put keeps an answer. A full part drops what has expired, else one at random
// (the order of a map).
func (c *cache) put(k cacheKey, a *answer) {
	p := c.part(&k)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known) >= c.each {
		const look = 16
		looked := 0
		for old, was := range p.known {
			if looked++; looked > look && len(p.known) < c.each {
				break
			}
			if looked > look || was.expires.Before(a.stored) {
				delete(p.known, old)
			}
		}
	}
	p.known[k] = a
}

// clear forgets everything.
func (c *cache) clear() {
	for i := range c.parts {
		p := &c.parts[i]
		p.mu.Lock()
		clear(p.known)
		p.mu.Unlock()
	}
}

// write makes the answer to a question of it: b holds it afterwards. Over UDP
// what is longer than the client takes is cut to the question, with TC.
func (a *answer) write(b, message []byte, q *question, now time.Time, udp bool) []byte {
	extra := 0
	if q.edns {
		extra = 11
	}
	if udp && len(a.wire)+extra > q.size {
		b = q.reply(b, message, a.rcode)
		b[2] |= flagTC >> 8
		if q.edns {
			b = appendOPT(b, -1, "")
		}
		return b
	}
	b = append(b[:0], a.wire...)
	copy(b[headerBytes:], message[headerBytes:q.end]) // in the letters that were asked
	flags := flagQR | q.flags&(flagRD|flagCD) | flagRA | uint16(a.rcode&15)
	binary.BigEndian.PutUint16(b, q.id)
	binary.BigEndian.PutUint16(b[2:], flags)
	if age := uint32(now.Sub(a.stored) / time.Second); age > 0 {
		for _, at := range a.ttls {
			ttl := binary.BigEndian.Uint32(b[at:])
			binary.BigEndian.PutUint32(b[at:], ttl-min(ttl, age))
		}
	}
	if q.edns {
		b = appendOPT(b, -1, "")
	}
	return b
}

// findTTLs returns where the times to live of a packed message's records are.
func findTTLs(b []byte, questionEnd int) []uint16 {
	records := int(binary.BigEndian.Uint16(b[6:])) + int(binary.BigEndian.Uint16(b[8:])) + int(binary.BigEndian.Uint16(b[10:]))
	var all []uint16
	at := questionEnd
	for range records {
		for at < len(b) && b[at] != 0 && b[at] < 0xc0 {
			at += 1 + int(b[at])
		}
		if at >= len(b) {
			return all
		}
		if b[at] >= 0xc0 { // a pointer ends a name
			at++
		}
		at++
		if at+10 > len(b) {
			return all
		}
		all = append(all, uint16(at+4))
		at += 10 + int(binary.BigEndian.Uint16(b[at+8:]))
	}
	return all
}
