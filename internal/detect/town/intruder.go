package town

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// The classes of intruders.
const (
	FixedBeacon   Class = "beacon, fixed times"
	JitterBeacon  Class = "beacon, up to 60 % shorter at random"
	SpreadBeacon  Class = "beacon, ±50 % at random"
	PaddedBeacon  Class = "beacon, up to 40 % shorter, padded to random sizes"
	ManyBeacon    Class = "beacon, three destinations in turn"
	RawTunnel     Class = "DNS tunnel, raw bytes in NULL questions"
	Base32Tunnel  Class = "DNS tunnel, base32 in TXT questions"
	Base64Tunnel  Class = "DNS tunnel, base64 in CNAME questions"
	HexTunnel     Class = "DNS tunnel, hex in several labels"
	SlowTunnel    Class = "DNS tunnel, hex in A questions, one or two a minute"
	WordTunnel    Class = "DNS tunnel, words of a dictionary"
	ShortTunnel   Class = "DNS tunnel, short base36 labels in A questions"
	AnswersTunnel Class = "DNS tunnel, short questions, long TXT answers"
)

var (
	beacons = []Class{FixedBeacon, JitterBeacon, SpreadBeacon, PaddedBeacon, ManyBeacon}
	tunnels = []Class{RawTunnel, Base32Tunnel, Base64Tunnel, HexTunnel, SlowTunnel, WordTunnel, ShortTunnel, AnswersTunnel}
)

const (
	hexDigits = "0123456789abcdef"
	base32    = "abcdefghijklmnopqrstuvwxyz234567"
	base36    = "abcdefghijklmnopqrstuvwxyz0123456789"
	base64url = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
)

func (w *world) text(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[w.rng.IntN(len(alphabet))]
	}
	return string(b)
}

// intrude puts intruders on hosts of which no two are the same.
func (w *world) intrude() []Intruder {
	var truth []Intruder
	order := w.rng.Perm(len(w.hosts))
	for k := range w.Beacons + w.Tunnels {
		if k >= len(order) {
			break
		}
		h := &w.hosts[order[k]]
		from := Begin.Add(24*time.Hour + time.Duration(w.rng.Float64()*12*float64(time.Hour)))
		if k < w.Beacons {
			truth = append(truth, w.callHome(h, from, beacons[k%len(beacons)], k))
		} else {
			truth = append(truth, w.tunnel(h, from, tunnels[(k-w.Beacons)%len(tunnels)], k))
		}
	}
	return truth
}

// callHome: every 30 s to 30 min, evenly in the logarithm; one contact in
// twenty is missed, one in thirty carries a task's result.
func (w *world) callHome(h *host, from time.Time, class Class, k int) Intruder {
	every := 30 * math.Exp(w.rng.Float64()*math.Log(60))
	size := w.lognormal(300, .5)
	x := Intruder{Class: class, Host: h.name, Dests: []string{fmt.Sprintf("c2-%d.intruder.example.net", k)}}
	if class == ManyBeacon {
		every = min(every, 600)
		x.Dests = append(x.Dests, fmt.Sprintf("b%d.other.example.org", k), fmt.Sprintf("203.0.113.%d", k%250))
	}
	turn := 0
	w.whileOn(h, from, func(now time.Time) time.Duration {
		turn++
		if w.rng.IntN(20) != 0 {
			sent := size
			if class == PaddedBeacon {
				sent *= 1 + w.rng.Float64()
			}
			if w.rng.IntN(30) == 0 {
				sent += w.lognormal(20_000, 1)
			}
			w.send(now, h, x.Dests[turn%len(x.Dests)], sent, 200, time.Second)
		}
		f := 1 + .01*w.rng.NormFloat64()
		switch class {
		case JitterBeacon:
			f = 1 - .6*w.rng.Float64()
		case SpreadBeacon:
			f = .5 + w.rng.Float64()
		case PaddedBeacon:
			f = 1 - .4*w.rng.Float64()
		}
		return time.Duration(every * f * float64(time.Second))
	})
	return x
}

var words = strings.Fields(`river stone cloud paper window garden summer winter bridge forest silver yellow market
	station morning evening picture kitchen country village mountain island harbour letter number village machine
	driver school teacher doctor camera orange purple pepper butter carpet mirror candle ladder saddle`)

// tunnel moves 30 KB to 3 MB.
func (w *world) tunnel(h *host, from time.Time, class Class, k int) Intruder {
	domain := fmt.Sprintf("t%d-relay.com", k)
	x := Intruder{Class: class, Host: h.name, Dests: []string{domain}}
	left := 30_000 * math.Exp(w.rng.Float64()*math.Log(100))
	every := time.Duration((.1 + 5*w.rng.Float64()) * float64(time.Second))
	if class == SlowTunnel {
		every = time.Duration(30+30*w.rng.Float64()) * time.Second
		left = 30_000
	}
	w.whileOn(h, from, func(now time.Time) time.Duration {
		if left <= 0 {
			return never
		}
		name, kind, carried, answer := w.encode(class)
		left -= carried
		w.ask(now, h, name+"."+domain, kind, answer)
		return w.exp(every)
	})
	return x
}

// encode makes what stands before the domain, and says how many bytes it and
// its answer carry.
func (w *world) encode(class Class) (name string, kind uint16, carried float64, answer uint64) {
	label := func(alphabet string, n int) string { return w.text(alphabet, n) }
	switch class {
	case RawTunnel:
		raw := make([]byte, 50)
		for i := range raw {
			raw[i] = byte(128 + w.rng.IntN(128))
		}
		return string(raw), 10, 43, 400
	case Base32Tunnel:
		return label(base32, 60) + "." + label(base32, 50), 16, 68, 200
	case Base64Tunnel:
		return label(base64url, 63), 5, 47, 90
	case HexTunnel:
		return label(hexDigits, 56) + "." + label(hexDigits, 56), 15, 56, 90
	case SlowTunnel:
		return label(hexDigits, 60), 1, 30, 60
	case WordTunnel:
		var parts []string
		for range 4 {
			parts = append(parts, words[w.rng.IntN(len(words))])
		}
		return strings.Join(parts, "-") + "." + label(hexDigits, 4), 1, 5, 60
	case ShortTunnel:
		return label(base36, 16), 1, 10, 60
	default: // AnswersTunnel
		return label(base36, 10), 16, 230, 260
	}
}
