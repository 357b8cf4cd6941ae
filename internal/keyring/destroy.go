package keyring

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sekisho/internal/event"
)

// Destroy records that the key is destroyed and then destroys it: the file is
// overwritten, synced and unlinked, and an empty tombstone stays. What was
// sealed with the key can never be opened again.
//
// When the process dies after the event and before the file is gone, Erase
// with the event's KeyID finishes the work; call it for every KeyDestroyed
// event while the ledger is replayed at start.
//
// Overwriting in place is no guarantee on copy-on-write file systems, flash
// and snapshots: there, keep the ring on an encrypted volume. Copies in
// backups must be destroyed by whoever keeps them.
func (r *Ring) Destroy(ctx context.Context, rec event.Recorder, id, by, reason string) error {
	if _, err := r.Key(id); err != nil {
		return fmt.Errorf("destroy: %w", err)
	}
	body := &event.KeyDestroyed{KeyID: id, By: by, Reason: reason}
	if _, err := rec.Record(ctx, event.Durable, body); err != nil {
		return fmt.Errorf("destroy key %q: record: %w", id, err)
	}
	return r.Erase(id)
}

// Erase destroys the key without recording anything. It is idempotent, and a
// key that the ring never had leaves a tombstone too.
func (r *Ring) Erase(id string) error {
	t, base, ok := splitID(id)
	if !ok {
		return fmt.Errorf("erase: bad key id %q (SK5008)", id)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.destroyed[id] && r.keys[id] == nil {
		return nil
	}
	dir := filepath.Join(r.dir, t)
	if err := os.Mkdir(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("erase key %q: %w", id, err)
	}
	if err := writeFile(dir, base+tombEnding, nil); err != nil {
		return err
	}
	r.destroyed[id] = true
	return r.erase(id)
}

// erase overwrites and unlinks the file of a key that has its tombstone.
func (r *Ring) erase(id string) error {
	if k := r.keys[id]; k != nil {
		clear(k.raw)
		delete(r.keys, id)
	}
	path := filepath.Join(r.dir, filepath.FromSlash(id)+keyEnding)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("erase key %q: %w", id, err)
	}
	zero := make([]byte, 2*keyBytes+1)
	_, err = f.WriteAt(zero, 0)
	err = errors.Join(err, f.Sync(), f.Close(), os.Remove(path), syncDir(filepath.Dir(path)))
	if err != nil {
		return fmt.Errorf("erase key %q: %w", id, err)
	}
	return nil
}

func splitID(id string) (tenant, base string, ok bool) {
	for i := range id {
		if id[i] == '/' {
			tenant, base = id[:i], id[i+1:]
			break
		}
	}
	return tenant, base, tenantRule.MatchString(tenant) && nameRule.MatchString(base)
}

// writeFile makes a file that must not exist yet; it is on disk on return.
func writeFile(dir, name string, text []byte) (err error) {
	path := filepath.Join(dir, name)
	temp := path + ".new"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	_, werr := f.Write(text)
	if err := errors.Join(werr, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write key file %s: %w", name, err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync key directory: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync key directory %s: %w", dir, err)
	}
	return nil
}
