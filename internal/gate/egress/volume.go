package egress

import (
	"net/netip"
	"sync"
	"time"
)

// volumes are the bytes that clients sent under a rule within the last hour,
// by two windows: the present hour and as much of the one before as is still
// within. What is older is forgotten; so are all when there are too many, which
// only happens with more clients than addresses of an inner network.
type volumes struct {
	mu  sync.Mutex
	sum map[volumeKey]*volume
}

type volumeKey struct {
	client netip.Addr
	rule   string
}

type volume struct {
	window       int64 // hours since 1970
	sent, before uint64
}

const maxVolumes = 100_000

func newVolumes() *volumes { return &volumes{sum: map[volumeKey]*volume{}} }

// add counts n more bytes and returns what was sent within the hour.
func (v *volumes) add(client netip.Addr, rule string, n uint64, now time.Time) uint64 {
	window := now.Unix() / 3600
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.sum[volumeKey{client, rule}]
	if s == nil {
		if len(v.sum) >= maxVolumes {
			v.forget(window)
		}
		s = &volume{window: window}
		v.sum[volumeKey{client, rule}] = s
	}
	switch {
	case s.window == window-1:
		s.before, s.sent = s.sent, 0
	case s.window != window:
		s.before, s.sent = 0, 0
	}
	s.window = window
	s.sent += n
	left := uint64(3600 - now.Unix()%3600) // seconds of the hour before that are still within
	return s.sent + s.before/3600*left + s.before%3600*left/3600
}

// forget drops what is older than the hour before, else everything.
func (v *volumes) forget(window int64) {
	for key, s := range v.sum {
		if s.window < window-1 {
			delete(v.sum, key)
		}
	}
	if len(v.sum) >= maxVolumes {
		clear(v.sum)
	}
}
