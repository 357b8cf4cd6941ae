package shape

import (
	"hash/maphash"
	"sync"
)

// denied remembers rules and values for which the judge has said no. Keys are
// compared whole. It is bounded: a full shard forgets half of what it holds.
type denied struct {
	seed   maphash.Seed
	shards [shards]shard
}

const (
	shards   = 16
	maxShard = 512
)

type shard struct {
	mu    sync.RWMutex
	known map[string]struct{}
}

func newDenied() *denied { return &denied{seed: maphash.MakeSeed()} }

func (d *denied) shard(key string) *shard { return &d.shards[maphash.String(d.seed, key)%shards] }

func (d *denied) has(key string) bool {
	s := d.shard(key)
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ok := s.known[key]
	return ok
}

func (d *denied) add(key string) {
	s := d.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = map[string]struct{}{}
	}
	if len(s.known) >= maxShard {
		drop := maxShard / 2
		for k := range s.known {
			delete(s.known, k)
			if drop--; drop == 0 {
				break
			}
		}
	}
	s.known[key] = struct{}{}
}
