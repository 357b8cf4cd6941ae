package ledger

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"sekisho/internal/durable"
)

// A backup is a tar archive inside a zstd stream:
//
//	ledger/…          the ledger's directory, keys included
//	extra/NAME/…      further directories that the caller named
//
// It ends with a digest of all its bytes, see seal.
//
// It holds private keys: who can read it can sign in the ledger's name.
const (
	backupLedger = "ledger"
	backupExtra  = "extra"
)

// Backup writes a backup of the ledger and of further directories (name →
// directory), such as the keyring. The ledger goes on taking events; sealing
// waits. What was on disk before the call is in the backup.
func (l *Ledger) Backup(ctx context.Context, w io.Writer, extra map[string]string) error {
	l.sealMu.Lock()
	defer l.sealMu.Unlock()
	b, err := newBackup(w)
	if err != nil {
		return err
	}
	return b.write(ctx, l.cfg.Dir, extra)
}

// BackupDir is Backup for a ledger that no process has open.
func BackupDir(ctx context.Context, dir string, w io.Writer, extra map[string]string) (err error) {
	if _, err := ReadIdentity(dir); err != nil {
		return err
	}
	lockFile, err := lock(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lockFile.Close()) }()
	b, err := newBackup(w)
	if err != nil {
		return err
	}
	return b.write(ctx, dir, extra)
}

type backup struct {
	out *sealWriter
	zip *zstd.Encoder
	tar *tar.Writer
}

func newBackup(w io.Writer) (*backup, error) {
	out := newSealWriter(w)
	zip, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return &backup{out, zip, tar.NewWriter(zip)}, nil
}

// write writes all of the backup. One that fails gets no digest, so nobody
// takes its beginning for a whole one.
func (b *backup) write(ctx context.Context, dir string, extra map[string]string) error {
	if err := b.ledger(ctx, dir); err != nil {
		return errors.Join(err, b.zip.Close())
	}
	if err := b.extra(ctx, extra); err != nil {
		return errors.Join(err, b.zip.Close())
	}
	if err := errors.Join(b.tar.Close(), b.zip.Close()); err != nil {
		return err
	}
	return b.out.seal()
}

// ledger copies the files in an order that stays whole while events are taken:
// the heads first, because they must not speak of lines that are not copied,
// and of the segments that grow the last first. A segment gets its first byte
// when the one before it is complete, which is then read later: the other way
// round the backup could have the beginning of a segment and not all of the
// one before it.
func (b *backup) ledger(ctx context.Context, dir string) error {
	if err := b.file(dir, backupLedger, headsName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	growing, err := durable.Dir(dir).ReadDir(openDir)
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(growing) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := b.file(dir, backupLedger, path.Join(openDir, e.Name())); err != nil {
			return err
		}
	}
	return b.tree(ctx, dir, backupLedger, func(name string) bool {
		return name == headsName || name == lockName || strings.HasSuffix(name, durable.TempSuffix) || path.Dir(name) == openDir
	})
}

func (b *backup) extra(ctx context.Context, extra map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		if name == "" || name != filepath.Base(name) {
			return fmt.Errorf("backup: %q is not a plain name", name)
		}
		if err := b.tree(ctx, extra[name], path.Join(backupExtra, name), func(name string) bool { return strings.HasSuffix(name, durable.TempSuffix) }); err != nil {
			return err
		}
	}
	return nil
}

func (b *backup) tree(ctx context.Context, dir, prefix string, skip func(name string) bool) error {
	return filepath.WalkDir(dir, func(full string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, full)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if ctx.Err() != nil || skip(name) || !d.Type().IsRegular() {
			return ctx.Err()
		}
		err = b.file(dir, prefix, name)
		if errors.Is(err, fs.ErrNotExist) && (prefix != backupLedger || strings.HasPrefix(name, logDir)) {
			return nil // a partial tile that a whole one replaced meanwhile, or what its owner removed
		}
		return err
	})
}

// file copies a file as long as it was when it was opened.
func (b *backup) file(dir, prefix, name string) error {
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	header := &tar.Header{Name: path.Join(prefix, name), Mode: int64(info.Mode().Perm()), Size: info.Size(), ModTime: info.ModTime(), Format: tar.FormatPAX}
	if err := b.tar.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.CopyN(b.tar, f, info.Size())
	return err
}

// RestoreOptions say how a backup is judged before it is kept.
type RestoreOptions struct {
	VerifyOptions
	// Accept, if not nil, is asked at last: dir holds the ledger, and extra the
	// further directories by name, those that the backup lacks too. Its error is
	// returned, and nothing is kept.
	Accept func(dir string, extra map[string]string) error
}

// Restore unpacks a backup into dir and the extra directories (name →
// directory), none of which may exist, and verifies the ledger with the key
// that is in it and with opts. A backup that is cut off or of which any byte
// was changed is an error. What fails the verification is not kept: the report
// says why. A ledger that goes on from a backup while the original went
// on too is another ledger; witnesses will refuse one of the two.
func Restore(ctx context.Context, r io.Reader, dir string, extra map[string]string, opts RestoreOptions) (report *Report, err error) {
	targets := map[string]string{backupLedger: dir}
	for name, target := range extra {
		targets[path.Join(backupExtra, name)] = target
	}
	for _, target := range targets {
		if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("restore: %s is in the way", target)
		}
	}
	defer func() {
		for _, target := range targets {
			err = errors.Join(err, os.RemoveAll(target+restoring))
		}
	}()
	if err := unpack(ctx, r, targets); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	for _, name := range []string{openDir, sealedDir} { // a backup has no empty directories
		if err := durable.Dir(dir+restoring).MkdirAll(name, 0o700); err != nil {
			return nil, err
		}
	}
	report, err = Verify(ctx, dir+restoring, opts.VerifyOptions)
	if err != nil || !report.OK() {
		return report, err
	}
	if opts.Accept != nil {
		unpacked := make(map[string]string, len(extra))
		for name, target := range extra {
			unpacked[name] = target + restoring
		}
		if err := opts.Accept(dir+restoring, unpacked); err != nil {
			return report, err
		}
	}
	for _, target := range targets {
		if err := os.Rename(target+restoring, target); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return report, err
		}
		if err := durable.Dir(filepath.Dir(target)).SyncDir("."); err != nil {
			return report, err
		}
	}
	return report, nil
}

// restoring ends the name of a directory that is being restored.
const restoring = ".restoring"

func unpack(ctx context.Context, r io.Reader, targets map[string]string) error {
	sealed := newSealReader(r)
	zip, err := zstd.NewReader(sealed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxWindow))
	if err != nil {
		return err
	}
	defer zip.Close()
	in := tar.NewReader(zip)
	for ctx.Err() == nil {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return sealed.check()
		}
		if err != nil {
			return err
		}
		if err := unpackFile(in, header, targets); err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
	}
	return ctx.Err()
}

func unpackFile(in io.Reader, header *tar.Header, targets map[string]string) error {
	root, name, ok := splitTarget(header.Name, targets)
	if !ok {
		return nil // an extra directory that was not asked for
	}
	if header.Typeflag != tar.TypeReg || !filepath.IsLocal(name) {
		return errors.New("not a plain file below the directory")
	}
	fsys := durable.Dir(root + restoring)
	if err := fsys.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	mode := fs.FileMode(header.Mode).Perm() & 0o700
	err := durable.WriteStream(fsys, name, mode, func(w io.Writer) error {
		_, err := io.Copy(w, in)
		return err
	})
	if err != nil {
		return err
	}
	full := filepath.Join(root+restoring, filepath.FromSlash(name))
	return os.Chtimes(full, time.Time{}, header.ModTime)
}

func splitTarget(name string, targets map[string]string) (root, rest string, ok bool) {
	for prefix, target := range targets {
		if rest, ok := strings.CutPrefix(name, prefix+"/"); ok {
			return target, rest, true
		}
	}
	return "", "", false
}
