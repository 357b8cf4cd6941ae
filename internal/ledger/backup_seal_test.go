package ledger

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
)

// TestBackupSeal changes bytes of a backup and cuts it, everywhere near its end
// and here and there before.
func TestBackupSeal(t *testing.T) {
	l := mustOpen(t, sampleLedger(t))
	var out bytes.Buffer
	if err := l.Backup(t.Context(), &out, nil); err != nil {
		t.Fatal(err)
	}
	raw := out.Bytes()
	if err := newSealReader(iotest.OneByteReader(bytes.NewReader(raw))).check(); err != nil {
		t.Error(err)
	}
	for i := 0; i < len(raw); i++ {
		raw[i] ^= 1
		if err := newSealReader(bytes.NewReader(raw)).check(); !errors.Is(err, errBackupDamaged) {
			t.Fatalf("byte %d was changed: got %v, want errBackupDamaged", i, err)
		}
		raw[i] ^= 1
		if err := newSealReader(bytes.NewReader(raw[:i])).check(); !errors.Is(err, errBackupDamaged) {
			t.Fatalf("cut after %d bytes: got %v, want errBackupDamaged", i, err)
		}
		if i < len(raw)-2*sealSize {
			i += 96
		}
	}
	more := append(bytes.Clone(raw), 0)
	if err := newSealReader(bytes.NewReader(more)).check(); !errors.Is(err, errBackupDamaged) {
		t.Errorf("a byte more: got %v, want errBackupDamaged", err)
	}
	zip, err := zstd.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer zip.Close()
	if _, err := io.Copy(io.Discard, zip); err != nil {
		t.Errorf("other programs do not read it: %v", err)
	}

	full := &smallDisk{room: len(raw) / 2}
	if err := l.Backup(t.Context(), full, nil); !errors.Is(err, errNoRoom) {
		t.Errorf("a disk is full: got %v, want errNoRoom", err)
	}
	if _, err := Restore(t.Context(), &full.got, filepath.Join(t.TempDir(), "to"), nil, RestoreOptions{}); err == nil {
		t.Error("half a backup was restored")
	}
}

var errNoRoom = errors.New("no room")

// smallDisk takes room bytes.
type smallDisk struct {
	got  bytes.Buffer
	room int
}

func (d *smallDisk) Write(p []byte) (int, error) {
	n, _ := d.got.Write(p[:min(len(p), d.room-d.got.Len())])
	if n < len(p) {
		return n, errNoRoom
	}
	return n, nil
}

// TestBackupOrder: a segment is read before the one that it follows, so that a
// backup never has a segment's beginning without the whole of the one before,
// even when a segment ends while it is made.
func TestBackupOrder(t *testing.T) {
	cfg := sampleLedger(t)
	l := mustOpen(t, cfg)
	ordinal := l.ordinal
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	next := filepath.Join(cfg.Dir, openName(ordinal+1)) // as a segment that has just begun
	if err := os.WriteFile(next, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var raw bytes.Buffer
	if err := BackupDir(t.Context(), cfg.Dir, &raw, nil); err != nil {
		t.Fatal(err)
	}
	zip, err := zstd.NewReader(bytes.NewReader(raw.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer zip.Close()
	var got []string
	for in := tar.NewReader(zip); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(h.Name, backupLedger+"/"+openDir) || strings.HasSuffix(h.Name, headsName) {
			got = append(got, h.Name)
		}
	}
	want := []string{backupLedger + "/" + headsName, backupLedger + "/" + openName(ordinal+1), backupLedger + "/" + openName(ordinal)}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	report, err := Restore(t.Context(), bytes.NewReader(raw.Bytes()), filepath.Join(t.TempDir(), "l"), nil, RestoreOptions{})
	if err != nil || !report.OK() {
		t.Errorf("%v, %+v", err, report)
	}
}
