package lineage

import (
	"container/list"
	"sync"
)

// cache keeps the most recently used analyses.
type cache struct {
	mu    sync.Mutex
	limit int
	items map[cacheKey]*list.Element
	order list.List // of cached, most recent first
}

type cached struct {
	key cacheKey
	an  *Analysis
}

func (c *cache) get(k cacheKey) *Analysis {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.items[k]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached).an
}

func (c *cache) put(k cacheKey, an *Analysis) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.items == nil {
		c.items = make(map[cacheKey]*list.Element)
	}
	if e := c.items[k]; e != nil {
		e.Value.(*cached).an = an
		c.order.MoveToFront(e)
		return
	}
	c.items[k] = c.order.PushFront(&cached{k, an})
	for len(c.items) > c.limit {
		last := c.order.Back()
		delete(c.items, last.Value.(*cached).key)
		c.order.Remove(last)
	}
}

func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.items = nil
	c.order.Init()
}
