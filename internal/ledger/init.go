package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sekisho/internal/durable"
	"sekisho/internal/ledger/tiles"
)

// Init makes an empty ledger in cfg.Dir, and its signing key. The directory
// must not hold one already. Witnesses are not asked.
func Init(ctx context.Context, cfg Config) error {
	cfg.setDefaults()
	if cfg.Tenant == "" {
		return fmt.Errorf("init %s: a ledger needs a tenant", cfg.Dir)
	}
	fsys := cfg.FS
	for _, name := range []string{".", openDir, sealedDir, logDir, keysDir} {
		if err := fsys.MkdirAll(name, 0o700); err != nil {
			return err
		}
	}
	there, err := exists(fsys, identityName)
	if err != nil {
		return err
	}
	if there {
		return fmt.Errorf("init %s: there is a ledger already", cfg.Dir)
	}
	if there, err = exists(fsys, checkpointKeyName); err != nil {
		return err
	}
	if there { // never replace a key: it may be the last copy
		return fmt.Errorf("init %s: there is a key, but no %s: an earlier init was interrupted, or the file was lost; "+
			"restore it, or remove the directory if it never was a ledger", cfg.Dir, identityName)
	}
	id := Identity{Format: formatVersion, Tenant: cfg.Tenant, Origin: cfg.Origin}
	if id.Key, err = createKey(fsys, cfg.Origin); err != nil {
		return err
	}
	if err := initLog(ctx, cfg, id); err != nil {
		return err
	}
	if err := durable.WriteFile(fsys, openName(0), nil, 0o600); err != nil {
		return err
	}
	if err := writeRun(fsys, run{Clean: true}); err != nil {
		return err
	}
	text, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return err
	}
	// Last, because this file is what makes the directory a ledger.
	return durable.WriteFile(fsys, identityName, append(text, '\n'), 0o600)
}

// initLog makes the log and publishes its first checkpoint, of no leaf.
func initLog(ctx context.Context, cfg Config, id Identity) error {
	signer, err := readKey(cfg.FS, cfg.Dir, id)
	if err != nil {
		return err
	}
	log, err := tiles.Open(ctx, tiles.Config{Dir: cfg.logDir(), Signer: signer})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	_, err = log.Published(ctx, 0)
	return errors.Join(err, log.Close(ctx))
}

// publishTimeout bounds the wait for a checkpoint. Witnesses have five seconds.
const publishTimeout = 30 * time.Second
