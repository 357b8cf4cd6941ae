// Package tiles is the ledger's transparency log: leaves in, signed
// checkpoints and proofs out, in c2sp.org/tlog-tiles format, by Tessera.
//
// It does not know what a leaf says. Its files are written by Tessera with
// O_SYNC and synced directories; faults below it are Tessera's to test.
package tiles

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/transparency-dev/tessera"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"

	"sekisho/proof"
)

// Config says where a log is and who signs it.
type Config struct {
	Dir    string
	Signer note.Signer // its name is the log's origin
	// Witnesses must all cosign a checkpoint before it is published.
	Witnesses []Witness
}

// Witness is a witness by its cosignature/v1 key and the URL of its service.
type Witness struct{ Key, URL string }

// Log is a log open for appending. Append is for one goroutine at a time.
type Log struct {
	Reader
	add      tessera.AddFn
	size     func(context.Context) (uint64, error)
	shutdown func(context.Context) error
	cancel   context.CancelFunc
}

// checkpointInterval is the shortest time between two checkpoints. Tessera's
// POSIX storage allows no less than 100 ms.
const checkpointInterval = 200 * time.Millisecond

// Open opens the log, or makes it. Close ends its goroutines.
func Open(ctx context.Context, cfg Config) (*Log, error) {
	quiet()
	// The goroutines live until Close, not until a caller's context ends.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l, err := open(ctx, cfg)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("transparency log %s: %w", cfg.Dir, err)
	}
	l.cancel = cancel
	return l, nil
}

// quiet silences Tessera's process-wide diagnostics: what goes wrong reaches
// our callers as an error of Append or Published.
var quiet = sync.OnceFunc(func() {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
})

func open(ctx context.Context, cfg Config) (*Log, error) {
	driver, err := newDriver(ctx, cfg.Dir)
	if err != nil {
		return nil, err
	}
	opts := tessera.NewAppendOptions().
		WithCheckpointSigner(cfg.Signer).
		WithCheckpointInterval(checkpointInterval).
		WithCheckpointRepublishInterval(0).
		WithBatching(1, time.Second). // a leaf is a segment: rare, and never worth waiting for another
		WithGarbageCollectionInterval(time.Minute)
	if len(cfg.Witnesses) > 0 {
		group, err := witnessGroup(cfg.Witnesses)
		if err != nil {
			return nil, err
		}
		opts = opts.WithWitnesses(group, &tessera.WitnessOptions{})
	}
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, opts)
	if err != nil {
		return nil, err
	}
	return &Log{Reader: Reader{cfg.Dir}, add: appender.Add, size: reader.IntegratedSize, shutdown: shutdown}, nil
}

func witnessGroup(witnesses []Witness) (tessera.WitnessGroup, error) {
	var none tessera.WitnessGroup
	all := make([]tessera.Witness, 0, len(witnesses))
	for _, w := range witnesses {
		u, err := url.Parse(w.URL)
		if err != nil {
			return none, fmt.Errorf("witness URL: %w", err)
		}
		tw, err := tessera.NewWitness(w.Key, u)
		if err != nil {
			return none, fmt.Errorf("witness %s: %w", w.URL, err)
		}
		all = append(all, tw)
	}
	switch len(all) { // the component type of NewWitnessGroup has no name outside Tessera
	case 1:
		return tessera.NewWitnessGroup(1, all[0]), nil
	default:
		group := tessera.NewWitnessGroup(1, all[0])
		for _, w := range all[1:] {
			group = tessera.NewWitnessGroup(2, group, w)
		}
		return group, nil
	}
}

// Size returns the number of leaves in the tree, published or not.
func (l *Log) Size(ctx context.Context) (uint64, error) { return l.size(ctx) }

// Append adds a leaf and returns its index once it is in the tree and on disk.
// A leaf has at most 65,535 bytes.
func (l *Log) Append(ctx context.Context, leaf []byte) (uint64, error) {
	index, err := l.add(ctx, tessera.NewEntry(leaf))()
	return index.Index, err
}

// Published waits until a checkpoint of at least size leaves is published.
func (l *Log) Published(ctx context.Context, size uint64) ([]byte, error) {
	ticker := time.NewTicker(checkpointInterval / 8)
	defer ticker.Stop()
	for {
		text, err := l.Checkpoint()
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		if err == nil {
			head, err := checkpointSize(text)
			if err != nil {
				return nil, err
			}
			if head >= size {
				return text, nil
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("no checkpoint of %d leaves was published: %w", size, ctx.Err())
		}
	}
}

func checkpointSize(text []byte) (uint64, error) {
	cp, err := proof.ParseCheckpointText(string(text))
	if err != nil {
		return 0, err
	}
	return cp.Size, nil
}

// Close publishes what was appended, if ctx leaves the time, and ends all
// goroutines.
func (l *Log) Close(ctx context.Context) error {
	err := l.shutdown(ctx)
	l.cancel()
	return err
}
