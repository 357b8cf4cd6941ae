package egress

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// nameCache remembers addresses for a moment, so that a page with fifty
// objects of one site asks once.
type nameCache struct {
	resolve func(context.Context, string) ([]netip.Addr, error)

	mu    sync.Mutex
	known map[string]knownName
}

type knownName struct {
	addresses []netip.Addr
	until     time.Time
}

const (
	nameTime = 10 * time.Second
	maxNames = 10_000
)

func newNameCache(resolve func(context.Context, string) ([]netip.Addr, error)) *nameCache {
	if resolve == nil {
		resolve = func(ctx context.Context, name string) ([]netip.Addr, error) {
			// With the root's dot: no search list of this machine's applies.
			return net.DefaultResolver.LookupNetIP(ctx, "ip", name+".")
		}
	}
	return &nameCache{resolve: resolve, known: map[string]knownName{}}
}

func (c *nameCache) look(ctx context.Context, name string) ([]netip.Addr, error) {
	now := time.Now()
	c.mu.Lock()
	k, ok := c.known[name]
	c.mu.Unlock()
	if ok && now.Before(k.until) {
		return k.addresses, nil
	}
	addresses, err := c.resolve(ctx, name)
	if err != nil {
		return nil, err
	}
	for i, a := range addresses {
		if a.Is4In6() { // how Go's resolver may write an IPv4 address
			addresses[i] = a.Unmap()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxNames {
		clear(c.known)
	}
	c.known[name] = knownName{addresses, now.Add(nameTime)}
	return addresses, nil
}
