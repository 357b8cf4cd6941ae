package filehold

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"sekisho/internal/datamap/document"
	"sekisho/internal/event"
)

// Contents knows the contents of objects that hold personal data, by keyed hashes: of
// all trees of a process, and of objects that are gone. It is safe for concurrent use;
// a nil one knows nothing.
type Contents struct {
	mu   sync.Mutex
	key  []byte
	last map[string]event.Place // by content: where it was seen last
	at   map[event.Place]string
	lost map[event.Place]bool // gone: what appears elsewhere was moved
}

// maxContents bounds what is remembered, at about 150 bytes each.
const maxContents = 1_000_000

// NewContents returns an index whose hashes are made with key.
func NewContents(key []byte) *Contents {
	return &Contents{key: key, last: map[string]event.Place{}, at: map[event.Place]string{}, lost: map[event.Place]bool{}}
}

// Apply enters what an earlier run recorded.
func (c *Contents) Apply(o *event.Object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o.Content != "" {
		c.enter(o.Place, o.Content)
	}
	if o.Gone {
		c.lost[o.Place] = true
	}
}

func (c *Contents) enter(place event.Place, sum string) {
	if len(c.at) >= maxContents && c.at[place] == "" {
		return
	}
	c.last[sum], c.at[place] = place, sum
	delete(c.lost, place)
}

// seen enters an object and returns another place where the same content rests, or
// rested until it went.
func (c *Contents) seen(place event.Place, sum string) (like event.Place, moved bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	like = c.last[sum]
	if like == place || c.at[like] != sum {
		like = ""
	}
	moved = like != "" && c.lost[like]
	c.enter(place, sum)
	return like, moved
}

func (c *Contents) gone(place event.Place) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at[place] != "" {
		c.lost[place] = true
	}
}

// like says in o what content it is and where else that is known.
func (t *Tree) like(ctx context.Context, f *document.Object, o *event.Object) error {
	c := t.cfg.Contents
	if c == nil || f.Content == nil {
		return nil
	}
	h := hmac.New(sha256.New, c.key)
	if err := f.Content.Sum(ctx, h); err != nil {
		return ctx.Err() // a file that cannot be read again is like no other
	}
	o.Content = hex.EncodeToString(h.Sum(nil)[:16])
	like, moved := c.seen(o.Place, o.Content)
	if o.Was == "" && moved {
		o.Was = like
	} else if o.Was == "" {
		o.Like = like
	}
	return nil
}
