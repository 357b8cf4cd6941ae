package waf

import (
	"hash/maphash"
	"sync"

	"sekisho/internal/waf/crs"
)

// harmless remembers short values for which the first look found no
// candidate: names of parameters, user agents and languages are the same in
// most requests. What a rule sees of a value depends on nothing but the value
// and its place, so that the answer may be kept; keys are compared whole. It
// is bounded: a full shard forgets half of what it holds.
type harmless struct {
	seed   maphash.Seed
	shards [harmlessShards]harmlessShard
}

const (
	harmlessShards = 64
	maxPerShard    = 512
	maxHarmless    = 256 // bytes of a value that is remembered
)

type harmlessKey struct {
	kind crs.Kind
	text string
}

type harmlessShard struct {
	mu    sync.RWMutex
	known map[harmlessKey]struct{}
}

func newHarmless() *harmless { return &harmless{seed: maphash.MakeSeed()} }

func (h *harmless) shard(text string) *harmlessShard {
	return &h.shards[maphash.String(h.seed, text)%harmlessShards]
}

func (h *harmless) has(kind crs.Kind, text string) bool {
	if len(text) > maxHarmless {
		return false
	}
	s := h.shard(text)
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ok := s.known[harmlessKey{kind, text}]
	return ok
}

func (h *harmless) add(kind crs.Kind, text string) {
	if len(text) > maxHarmless {
		return
	}
	s := h.shard(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = map[harmlessKey]struct{}{}
	}
	if len(s.known) >= maxPerShard {
		drop := maxPerShard / 2
		for k := range s.known {
			delete(s.known, k)
			if drop--; drop == 0 {
				break
			}
		}
	}
	// The text may be a part of a request that is gone soon.
	s.known[harmlessKey{kind, string([]byte(text))}] = struct{}{}
}
