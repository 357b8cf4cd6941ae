package ledger

import (
	"encoding/json"
	"fmt"

	"sekisho/internal/durable"
)

// Init makes an empty ledger in cfg.Dir, and its signing key. The directory
// must not hold one already.
func Init(cfg Config) error {
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
	if there, err := exists(fsys, identityName); err != nil || there {
		return fmt.Errorf("init %s: there is a ledger already (%v)", cfg.Dir, err)
	}
	id := Identity{Format: formatVersion, Tenant: cfg.Tenant, Origin: cfg.Origin}
	text, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return err
	}
	// Last, because this file is what makes the directory a ledger.
	return durable.WriteFile(fsys, identityName, append(text, '\n'), 0o600)
}
