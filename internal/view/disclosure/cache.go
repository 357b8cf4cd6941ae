package disclosure

import (
	"cmp"
	"maps"
	"slices"
	"sync"
)

// cache keeps what was read from the database, up to a size. It has two
// generations: what is not asked for while one generation fills up goes.
type cache struct {
	mu       sync.Mutex
	limit    int // bytes of one generation
	size     int
	now, old map[any]cached
}

type cached struct {
	value any
	size  int
}

func newCache(limit int) *cache {
	return &cache{limit: limit / 2, now: map[any]cached{}, old: map[any]cached{}}
}

func (c *cache) get(key any) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x, ok := c.now[key]; ok {
		return x.value
	}
	x, ok := c.old[key]
	if ok {
		c.add(key, x)
	}
	return x.value
}

func (c *cache) put(key, value any, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(key, cached{value, size})
}

func (c *cache) add(key any, x cached) {
	if c.size+x.size > c.limit {
		c.old, c.now, c.size = c.now, map[any]cached{}, 0
	}
	c.now[key] = x
	c.size += x.size
}

func (c *cache) drop(key any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.size -= c.now[key].size
	delete(c.now, key)
	delete(c.old, key)
}

// Keys of the cache.
type (
	pageKey int64  // hour → []leaf
	scanKey uint32 // scan id → []scanned
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
