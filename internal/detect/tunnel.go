package detect

import (
	"math"
	"math/bits"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"sekisho/internal/event"
)

// A tunnel carries data in the names that a host asks for, below one domain
// that its owner serves. Whatever the encoding, the names must differ and be
// long, so their information adds up: unique names × length × entropy of their
// characters (the idea of ibHH, arXiv 2307.02614; this is no copy of it). What
// everybody's virus scanner asks its maker looks the same, but everybody asks:
// a host is raised only when it says much more than others do below the domain.

const (
	halfLife  = 6 * time.Hour // of what was counted
	seenBits  = 2048          // of the set of names
	leastAsks = 24            // questions before anything is said
)

// nameTree is what is remembered of the names below one domain that a host
// asked for.
type nameTree struct {
	first, last int64
	asks        float64 // decaying
	unique      float64 // decaying
	length      float64 // bytes of unique names below the domain, decaying
	answers     float64 // bytes of answers of types that carry data, decaying
	odd         float64 // questions for such types, decaying
	total       uint64  // questions, ever
	raised      bool
	more        *nameMore // after a few questions
}

type nameMore struct {
	seen  [seenBits / 64]uint64
	ones  int
	chars [40]float32 // histogram: a-z, 0-9, -, _, others; decaying
}

// carrying are the types that tunnels use because their answers hold free
// bytes, or names of their own (RFC 1035 §3.3, RFC 2782, RFC 6742 not).
func carrying(t uint16) bool {
	switch t {
	case 5, 10, 15, 16, 25, 33, 65399: // CNAME, NULL, MX, TXT, KEY, SRV, private use
		return true
	}
	return false
}

// registered returns the domain that somebody registered, and what stands
// before it.
func registered(name string) (domain, below string) {
	name = strings.TrimSuffix(name, ".")
	domain, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil {
		return name, ""
	}
	return domain, strings.TrimSuffix(name[:len(name)-len(domain)], ".")
}

// Query takes a question and appends what it gives rise to.
func (d *Detector) Query(dst []Finding, q *Query) []Finding {
	at := q.At.UnixNano()
	d.tick(at)
	h, _, _ := d.hosts.at(q.Host, "")
	h.see(at)
	domain, below, length := q.Base, q.Mark, q.Bytes
	if q.Name != "" {
		domain, below = registered(strings.ToLower(q.Name))
		length = len(below)
	}
	if below == "" || domain == "in-addr.arpa" || domain == "ip6.arpa" {
		return dst // names of addresses carry nothing to anybody's server but the address's owner's
	}
	t, all, fresh := d.names.at(q.Host, domain)
	if fresh {
		t.first = at
		if all.first == 0 {
			all.first = at
		}
	}
	before := t.info()
	t.take(q, below, length, at)
	all.info += max(0, t.info()-before)
	if t.raised || t.total < leastAsks || !t.carries(d.cfg.TunnelBytes) {
		return dst
	}
	others := 0.0
	if all.pairs > 1 {
		others = max(0, all.info-t.info()) / float64(all.pairs-1)
	}
	if d.common(all.pairs) && t.info() < 16*others {
		return dst
	}
	t.raised = true
	further := all.raise(Tunnel)
	return append(dst, Finding{Kind: Tunnel, At: q.At, From: event.Time(t.first), Host: q.Host, Dest: domain, Score: t.sure(d.cfg.TunnelBytes),
		Learning: !d.learned(at), Further: further, Features: append(t.features(), number("hosts_with_destination", float64(all.pairs)),
			number("information_bytes_of_others", others))})
}

// take adds a question.
func (t *nameTree) take(q *Query, below string, length int, at int64) {
	t.decay(at)
	t.total++
	t.asks++
	if carrying(q.Type) {
		t.odd++
		t.answers += float64(q.Answered)
	}
	if t.total < 4 { // most domains are asked about seldom
		t.unique++
		t.length += float64(length)
		return
	}
	if t.more == nil {
		t.more = new(nameMore)
	}
	if t.more.add(below, q.Name != "") {
		t.unique++
		t.length += float64(length)
	}
}

// decay lets half of everything go in each half-life.
func (t *nameTree) decay(at int64) {
	if t.last != 0 && at > t.last {
		f := math.Exp2(-float64(at-t.last) / float64(halfLife))
		t.asks *= f
		t.unique *= f
		t.length *= f
		t.answers *= f
		t.odd *= f
		if t.more != nil {
			for i := range t.more.chars {
				t.more.chars[i] *= float32(f)
			}
		}
	}
	t.last = max(t.last, at)
}

// hiddenEntropy is assumed, in bits a character, of names that are not kept:
// that of hexadecimal digits, the least that tunnels use.
const hiddenEntropy = 4

// add notes a name, counts its characters if they are known, and reports
// whether it is new. The set forgets everything
// when it is half full, so that names stay new at any number.
func (m *nameMore) add(name string, count bool) bool {
	h := uint64(14695981039346656037) // FNV-1a
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	bit := bits.RotateLeft64(h, 17) % seenBits
	if m.seen[bit/64]&(1<<(bit%64)) != 0 {
		return false
	}
	if m.ones++; m.ones > seenBits/2 {
		m.seen, m.ones = [seenBits / 64]uint64{}, 1
	}
	m.seen[bit/64] |= 1 << (bit % 64)
	for i := 0; count && i < len(name); i++ {
		m.chars[class(name[i])]++
	}
	return true
}

// class numbers a character. Dots are between labels and say nothing; they
// share the class of what is none of the usual.
func class(c byte) int {
	switch {
	case c >= 'a' && c <= 'z':
		return int(c - 'a')
	case c >= '0' && c <= '9':
		return 26 + int(c-'0')
	case c == '-':
		return 36
	case c == '_':
		return 37
	case c == '.':
		return 38
	}
	return 39
}

// entropy is in bits a character.
func (m *nameMore) entropy() float64 {
	if m == nil {
		return 0
	}
	var sum float64
	for _, n := range m.chars {
		sum += float64(n)
	}
	if sum == 0 {
		return hiddenEntropy
	}
	var e float64
	for i, n := range m.chars {
		if p := float64(n) / sum; p > 0 {
			e -= p * math.Log2(p)
			if i == len(m.chars)-1 {
				e += 3 * p // a class of many characters: raw bytes
			}
		}
	}
	return e
}

// info is the information in the names, in bytes.
func (t *nameTree) info() float64 { return t.length * t.more.entropy() / 8 }

// carries reports whether the names, or the answers to ever new names, hold
// more than limit bytes.
func (t *nameTree) carries(limit float64) bool {
	if t.unique < 0.3*t.asks || t.length < 10*t.unique {
		return false // the same names again and again, or short ones
	}
	return t.info() >= limit || t.odd > 0.5*t.asks && t.answers >= 3*limit
}

func (t *nameTree) sure(limit float64) float64 {
	over := max(t.info()/limit, t.answers/(3*limit))
	return 1 - 0.5/max(1, over)
}

func (t *nameTree) features() []Feature {
	return []Feature{number("questions", float64(t.total)), number("unique_names", t.unique), number("name_bytes_mean", t.length/max(1, t.unique)),
		number("entropy_bits", t.more.entropy()), number("information_bytes", t.info()), number("data_record_questions", t.odd),
		number("answer_bytes", t.answers)}
}
