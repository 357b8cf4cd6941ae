package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/ledger/tiles"
)

// Config says where a ledger is and how it is written. Nothing in it may
// change while the ledger is open.
type Config struct {
	// Dir is the ledger's directory: one tenant, one directory.
	Dir string
	// Tenant must be the tenant that the ledger was made for.
	Tenant event.Tenant
	// Origin names the ledger's log in checkpoints, as a URL without scheme
	// (c2sp.org/tlog-checkpoint). Used by Init only. Default "sekisho/TENANT".
	Origin string
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// ClockErr returns the bound of Now's error, written into every event.
	// Default: one millisecond.
	ClockErr func() time.Duration
	// SyncInterval is the longest time between a write and its sync: what a
	// power cut may take of the level Written. Default 100 ms.
	SyncInterval time.Duration
	// SegmentBytes is the size of uncompressed lines at which a segment is
	// sealed. Default 32 MiB.
	SegmentBytes int64
	// SegmentAge is the age at which a segment that is not empty is sealed.
	// Default one hour.
	SegmentAge time.Duration
	// QueueBytes bounds what was taken and is not yet on disk; more is refused
	// with event.ErrFull. Default 64 MiB.
	QueueBytes int64
	// HeadInterval is the time between two publications of the chain heads.
	// Default one second.
	HeadInterval time.Duration
	// OnHeads, when not nil, is given every signed publication of the heads, so
	// that a hub or a witness can hold it. It must not block and must not call
	// the ledger.
	OnHeads func(note []byte)
	// Witnesses must cosign checkpoints. Empty: none.
	Witnesses []Witness
	// BootID names the start of the operating system: the same as at the last
	// run means that no power cut was between. Default: the system's.
	BootID string
	// FS is the file system below Dir. Default: the real one. Tests put faults
	// here; the tiles of the transparency log are always on the real one.
	FS durable.FS
}

// Witness is an outside witness that speaks c2sp.org/tlog-witness: its
// cosignature/v1 verifier key and the URL before /add-checkpoint.
type Witness = tiles.Witness

func (c *Config) logDir() string { return filepath.Join(c.Dir, logDir) }

func (c *Config) setDefaults() {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.ClockErr == nil {
		c.ClockErr = func() time.Duration { return time.Millisecond }
	}
	if c.Origin == "" {
		c.Origin = "sekisho/" + string(c.Tenant)
	}
	setDefault(&c.SyncInterval, 100*time.Millisecond)
	setDefault(&c.SegmentBytes, 32<<20)
	setDefault(&c.SegmentAge, time.Hour)
	setDefault(&c.QueueBytes, 64<<20)
	setDefault(&c.HeadInterval, time.Second)
	if c.BootID == "" {
		c.BootID = bootID()
	}
	if c.FS == nil {
		c.FS = durable.Dir(c.Dir)
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// formatVersion is the version of the directory's layout.
//
//	1  2026-11-22  first
const formatVersion = 1

// Identity is the content of ledger.json: what a directory is the ledger of.
type Identity struct {
	Format int          `json:"format"`
	Tenant event.Tenant `json:"tenant"`
	Origin string       `json:"origin"`
	// Key is the verifier key of the checkpoints (golang.org/x/mod/sumdb/note).
	Key string `json:"key"`
}

// ErrNotLedger is returned when a directory holds no ledger. Init makes one;
// Open never does, so that a typing mistake does not start an empty ledger.
var ErrNotLedger = errors.New("no ledger here")

const (
	identityName = "ledger.json"
	openDir      = "open"
	sealedDir    = "sealed"
	logDir       = "log"
	keysDir      = "keys"
	headsName    = "heads"
	runName      = "run.json"
	lockName     = "lock"
)

func openName(ordinal uint64) string   { return fmt.Sprintf("%s/%08d.jsonl", openDir, ordinal) }
func sealedName(ordinal uint64) string { return fmt.Sprintf("%s/%08d.jsonl.zst", sealedDir, ordinal) }
func leafName(ordinal uint64) string   { return fmt.Sprintf("%s/%08d.json", sealedDir, ordinal) }

// ReadIdentity returns what the directory is the ledger of.
func ReadIdentity(dir string) (Identity, error) { return readIdentity(durable.Dir(dir), dir) }

func readIdentity(fsys durable.FS, dir string) (Identity, error) {
	var id Identity
	text, err := durable.ReadFile(fsys, identityName)
	if errors.Is(err, fs.ErrNotExist) {
		return id, fmt.Errorf("%s: %w", dir, ErrNotLedger)
	}
	if err != nil {
		return id, err
	}
	if err := json.Unmarshal(text, &id); err != nil {
		return id, fmt.Errorf("%s/%s: %w", dir, identityName, err)
	}
	if id.Format != formatVersion {
		return id, fmt.Errorf("%s/%s: format %d, this program reads %d", dir, identityName, id.Format, formatVersion)
	}
	return id, nil
}
