// Package keyring keeps the symmetric keys that stand between the ledger and
// the people in it: it seals dictionary entries and log lines, computes keyed
// hashes of identifiers, and destroys keys so that a link is gone for good.
//
// It is not a key management service and holds no signing keys: whoever can
// read its directory can read the dictionary. Back the directory up apart from
// the ledger.
//
// A ring is a directory of mode 0700 with one directory a tenant and one file
// of mode 0600 a key:
//
//	keys/
//	  RING                                "sekisho keyring 1\n"
//	  default/
//	    dictionary-1-3f9a1c0e.key         64 hexadecimal digits and a line feed
//	    dictionary-1-3f9a1c0e.destroyed   left behind by Destroy, empty
//
// The name of the file without its ending, after the tenant and a slash, is the
// key's ID: "default/dictionary-1-3f9a1c0e". The number is the key's epoch
// within (tenant, purpose), counted from 1.
package keyring

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"sekisho/internal/event"
)

// Purpose says what a key is for. A key serves one purpose only.
type Purpose string

// The purposes.
const (
	Dictionary Purpose = "dictionary" // seals subject keys in event.Subjects
	Identifier Purpose = "identifier" // hashes identifiers such as e-mail addresses
	Log        Purpose = "log"        // seals collected log lines
)

var (
	// ErrNoRing is returned by Open when the directory is not a ring. Nothing
	// is created: a mistyped path must not become an empty ring.
	ErrNoRing = errors.New("not a keyring (SK5001)")
	// ErrUnknown is returned for a key that was never in the ring.
	ErrUnknown = errors.New("key is not in the keyring (SK5002)")
	// ErrDestroyed is returned for a key that was destroyed.
	ErrDestroyed = errors.New("key was destroyed (SK5003)")
	// ErrSealed is returned when sealed bytes do not open: they were changed,
	// or belong to another key or place.
	ErrSealed = errors.New("sealed bytes do not open (SK5004)")
)

const (
	markerName  = "RING"
	markerText  = "sekisho keyring 1\n"
	keyEnding   = ".key"
	tombEnding  = ".destroyed"
	keyBytes    = 32
	tagBytes    = 4
	maxKeyFile  = 1 << 10
	dirMode     = 0o700
	fileMode    = 0o600
	strictMask  = 0o077 // nobody but the owner
	namePattern = `^(dictionary|identifier|log)-([1-9][0-9]{0,8})-([0-9a-f]{8})$`
)

var (
	nameRule   = regexp.MustCompile(namePattern)
	tenantRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
)

// Ring is an open keyring. It is safe for concurrent use.
type Ring struct {
	dir  string
	rand io.Reader

	mu        sync.RWMutex
	keys      map[string]*Key
	destroyed map[string]bool
}

// Init makes an empty ring at dir, which must not exist or be empty.
func Init(dir string) error {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return fmt.Errorf("make keyring: %w", err)
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("make keyring: %w", err)
	}
	if len(names) > 0 {
		return fmt.Errorf("make keyring: directory %s is not empty (SK5005)", dir)
	}
	if err := os.Chmod(dir, dirMode); err != nil {
		return fmt.Errorf("make keyring: %w", err)
	}
	return writeFile(dir, markerName, []byte(markerText))
}

// Open reads the ring at dir. It refuses directories and files that anybody
// but their owner may read.
func Open(dir string) (*Ring, error) {
	text, err := os.ReadFile(filepath.Join(dir, markerName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("keyring %s: %w", dir, ErrNoRing)
	case err != nil:
		return nil, fmt.Errorf("open keyring: %w", err)
	case string(text) != markerText:
		return nil, fmt.Errorf("keyring %s: unknown version: %w", dir, ErrNoRing)
	}
	r := &Ring{dir: dir, rand: rand.Reader, keys: map[string]*Key{}, destroyed: map[string]bool{}}
	if err := checkMode(dir); err != nil {
		return nil, err
	}
	tenants, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open keyring: %w", err)
	}
	for _, t := range tenants {
		if !t.IsDir() {
			continue
		}
		if err := r.readTenant(event.Tenant(t.Name())); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *Ring) readTenant(t event.Tenant) error {
	if !tenantRule.MatchString(string(t)) {
		return fmt.Errorf("keyring %s: unexpected directory %q (SK5006)", r.dir, t)
	}
	dir := filepath.Join(r.dir, string(t))
	if err := checkMode(dir); err != nil {
		return err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("open keyring: %w", err)
	}
	for _, f := range files {
		name := f.Name()
		path := filepath.Join(dir, name)
		if base, ok := strings.CutSuffix(name, tombEnding); ok {
			r.destroyed[string(t)+"/"+base] = true
			continue
		}
		base, ok := strings.CutSuffix(name, keyEnding)
		if !ok {
			continue // the rest of an interrupted write
		}
		k, err := readKey(path, t, base)
		if err != nil {
			return err
		}
		r.keys[k.id] = k
	}
	// A tombstone beside a key: the erasure was interrupted. Finish it.
	for id := range r.destroyed {
		if _, ok := r.keys[id]; ok {
			if err := r.erase(id); err != nil {
				return err
			}
		}
	}
	return nil
}

func readKey(path string, t event.Tenant, base string) (*Key, error) {
	if err := checkMode(path); err != nil {
		return nil, err
	}
	m := nameRule.FindStringSubmatch(base)
	if m == nil {
		return nil, fmt.Errorf("key file %s: unexpected name (SK5006)", path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	if info.Size() > maxKeyFile {
		return nil, fmt.Errorf("key file %s: too long (SK5006)", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	raw, err := hex.DecodeString(strings.TrimSuffix(string(text), "\n"))
	if err != nil || len(raw) != keyBytes {
		return nil, fmt.Errorf("key file %s: want %d hexadecimal digits (SK5006)", path, 2*keyBytes)
	}
	epoch, err := strconv.ParseUint(m[2], 10, 32)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return newKey(string(t)+"/"+base, Purpose(m[1]), uint32(epoch), raw)
}

func checkMode(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("open keyring: %w", err)
	}
	if info.Mode().Perm()&strictMask != 0 {
		return fmt.Errorf("keyring: others may read %s (mode %04o); set %04o or less (SK5007)",
			path, info.Mode().Perm(), dirMode)
	}
	return nil
}

// Create makes the next key of (tenant, purpose), which becomes the current
// one. Record an event.KeyCreated (see Key.Created) before sealing with it.
func (r *Ring) Create(t event.Tenant, p Purpose) (*Key, error) {
	if !tenantRule.MatchString(string(t)) {
		return nil, fmt.Errorf("create key: bad tenant name %q (SK5008)", t)
	}
	raw := make([]byte, keyBytes+tagBytes)
	if _, err := io.ReadFull(r.rand, raw); err != nil {
		return nil, fmt.Errorf("create key: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	epoch := r.lastEpoch(t, p) + 1
	base := fmt.Sprintf("%s-%d-%x", p, epoch, raw[keyBytes:])
	if !nameRule.MatchString(base) {
		return nil, fmt.Errorf("create key: bad purpose %q (SK5008)", p)
	}
	dir := filepath.Join(r.dir, string(t))
	if err := os.Mkdir(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("create key: %w", err)
	}
	if err := syncDir(r.dir); err != nil {
		return nil, err
	}
	k, err := newKey(string(t)+"/"+base, p, epoch, raw[:keyBytes])
	if err != nil {
		return nil, err
	}
	text := append(hex.AppendEncode(nil, raw[:keyBytes]), '\n')
	if err := writeFile(dir, base+keyEnding, text); err != nil {
		return nil, err
	}
	r.keys[k.id] = k
	return k, nil
}

// lastEpoch counts destroyed keys too: an epoch is never used twice.
func (r *Ring) lastEpoch(t event.Tenant, p Purpose) uint32 {
	var last uint32
	see := func(id string) {
		base, ok := strings.CutPrefix(id, string(t)+"/")
		m := nameRule.FindStringSubmatch(base)
		if !ok || m == nil || m[1] != string(p) {
			return
		}
		if n, err := strconv.ParseUint(m[2], 10, 32); err == nil {
			last = max(last, uint32(n))
		}
	}
	for id := range r.keys {
		see(id)
	}
	for id := range r.destroyed {
		see(id)
	}
	return last
}

// Current returns the newest key of (tenant, purpose) or ErrUnknown.
func (r *Ring) Current(t event.Tenant, p Purpose) (*Key, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var best *Key
	for id, k := range r.keys {
		if k.purpose == p && strings.HasPrefix(id, string(t)+"/") && (best == nil || k.epoch > best.epoch) {
			best = k
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%s key of tenant %q: %w", p, t, ErrUnknown)
	}
	return best, nil
}

// Key returns the key with the given ID, ErrDestroyed or ErrUnknown.
func (r *Ring) Key(id string) (*Key, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if k := r.keys[id]; k != nil {
		return k, nil
	}
	if r.destroyed[id] {
		return nil, fmt.Errorf("key %q: %w", id, ErrDestroyed)
	}
	return nil, fmt.Errorf("key %q: %w", id, ErrUnknown)
}

// IDs returns the IDs of all keys that are not destroyed, sorted.
func (r *Ring) IDs() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	ids := make([]string, 0, len(r.keys))
	for id := range r.keys {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
