package keyring

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sekisho/internal/event"
)

type recorder struct {
	bodies []event.Body
	err    error
}

func (r *recorder) Record(_ context.Context, level event.Level, bodies ...event.Body) (event.Seq, error) {
	if r.err != nil {
		return 0, r.err
	}
	if level != event.Durable {
		return 0, errors.New("not durable")
	}
	r.bodies = append(r.bodies, bodies...)
	return event.Seq(len(r.bodies)), nil
}

func (r *recorder) Submit(event.Level, func(error), ...event.Body) (event.Seq, error) {
	return 0, errors.New("not used")
}

func open(t *testing.T, dir string) *Ring {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	if err := Init(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func create(t *testing.T, r *Ring, tenant event.Tenant, p Purpose) *Key {
	t.Helper()
	k, err := r.Create(tenant, p)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestOpenCreatesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "typo")
	if _, err := Open(dir); !errors.Is(err, ErrNoRing) {
		t.Errorf("Open: %v, want ErrNoRing", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Open made %s", dir)
	}
	if err := Init(newDir(t)); err == nil {
		t.Error("Init took a directory that is not empty")
	}
}

func TestSealAcrossReopen(t *testing.T) {
	dir := newDir(t)
	r := open(t, dir)
	first := create(t, r, "default", Dictionary)
	sealed, err := first.Seal([]byte("x"), []byte("secret"), []byte("place"))
	if err != nil {
		t.Fatal(err)
	}
	second := create(t, r, "default", Dictionary)
	create(t, r, "other", Dictionary)
	r = open(t, dir)
	now, err := r.Current("default", Dictionary)
	if err != nil || now.ID() != second.ID() || now.Epoch() != 2 {
		t.Errorf("Current = %s epoch %d, %v, want %s epoch 2", now.ID(), now.Epoch(), err, second.ID())
	}
	k, err := r.Key(first.ID())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.Unseal(nil, sealed[1:], []byte("place")); err != nil || string(got) != "secret" {
		t.Errorf("Unseal = %q, %v", got, err)
	}
	for name, open := range map[string]func() ([]byte, error){
		"other key":   func() ([]byte, error) { return now.Unseal(nil, sealed[1:], []byte("place")) },
		"other place": func() ([]byte, error) { return k.Unseal(nil, sealed[1:], []byte("plaice")) },
		"short":       func() ([]byte, error) { return k.Unseal(nil, sealed[1:20], []byte("place")) },
	} {
		if _, err := open(); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v, want ErrSealed", name, err)
		}
	}
	if _, err := r.Key("default/log-1-00000000"); !errors.Is(err, ErrUnknown) {
		t.Errorf("unknown key: %v", err)
	}
	if _, err := r.Create("../up", Dictionary); err == nil {
		t.Error("Create took a tenant that leaves the ring")
	}
	if _, err := r.Create("default", "../x"); err == nil {
		t.Error("Create took a purpose that leaves the ring")
	}
}

func TestStrictModes(t *testing.T) {
	dir := newDir(t)
	k := create(t, open(t, dir), "default", Log)
	file := filepath.Join(dir, k.ID()+keyEnding)
	for _, path := range []string{dir, filepath.Dir(file), file} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, info.Mode().Perm()|0o040); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "SK5007") {
			t.Errorf("%s readable by the group: %v", path, err)
		}
		if err := os.Chmod(path, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	open(t, dir)
	if err := os.WriteFile(file, []byte("zz\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || strings.Contains(err.Error(), "zz") {
		t.Errorf("damaged key file: %v", err)
	}
}

func TestDestroy(t *testing.T) {
	dir := newDir(t)
	r := open(t, dir)
	k := create(t, r, "default", Dictionary)
	rec := &recorder{err: errors.New("disk")}
	if err := r.Destroy(t.Context(), rec, k.ID(), "ayame", "test"); !errors.Is(err, rec.err) {
		t.Fatalf("Destroy: %v, want the recorder's error", err)
	}
	if _, err := open(t, dir).Key(k.ID()); err != nil {
		t.Fatalf("destroyed though it was not recorded: %v", err)
	}
	rec.err = nil
	if err := r.Destroy(t.Context(), rec, k.ID(), "ayame", "test"); err != nil {
		t.Fatal(err)
	}
	if got := rec.bodies[0].(*event.KeyDestroyed); got.KeyID != k.ID() || got.By != "ayame" {
		t.Errorf("recorded %+v", got)
	}
	for _, r := range []*Ring{r, open(t, dir)} {
		if _, err := r.Key(k.ID()); !errors.Is(err, ErrDestroyed) {
			t.Errorf("Key: %v, want ErrDestroyed", err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, k.ID()+keyEnding)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("key file is still there: %v", err)
	}
	if next := create(t, r, "default", Dictionary); next.Epoch() != 2 {
		t.Errorf("epoch %d used again", next.Epoch())
	}
	if err := r.Erase(k.ID()); err != nil {
		t.Errorf("Erase again: %v", err)
	}
}

func TestInterruptedErase(t *testing.T) {
	dir := newDir(t)
	k := create(t, open(t, dir), "default", Dictionary)
	if err := os.WriteFile(filepath.Join(dir, k.ID()+tombEnding), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, dir).Key(k.ID()); !errors.Is(err, ErrDestroyed) {
		t.Errorf("Key: %v, want ErrDestroyed", err)
	}
	if _, err := os.Stat(filepath.Join(dir, k.ID()+keyEnding)); !errors.Is(err, os.ErrNotExist) {
		t.Error("key file survives its tombstone")
	}
}

func TestKeyIsNeverShown(t *testing.T) {
	k := create(t, open(t, newDir(t)), "default", Log)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("key", "k", k)
	text, err := json.Marshal(map[string]any{"k": k})
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %#v %s %x %q %d", k, k, k, k, k, k, k) + log.String() + string(text)
	for _, bad := range []string{fmt.Sprintf("%x", k.raw), fmt.Sprintf("%v", k.raw), string(k.raw), fmt.Sprintf("%X", k.raw)} {
		if strings.Contains(all, bad) {
			t.Errorf("key bytes shown in %q", all)
		}
	}
	if !strings.Contains(all, "***") {
		t.Errorf("got %q", all)
	}
}

func TestHasher(t *testing.T) {
	r := open(t, newDir(t))
	if create(t, r, "default", Dictionary).Hasher() != nil {
		t.Error("a dictionary key hashes identifiers")
	}
	a, b := create(t, r, "default", Identifier).Hasher(), create(t, r, "default", Identifier).Hasher()
	one := a.Sum([]byte("ab"), []byte("c"))
	if one != a.Sum([]byte("ab"), []byte("c")) {
		t.Error("same fields, other hash")
	}
	if one == a.Sum([]byte("a"), []byte("bc")) {
		t.Error("fields run into one another")
	}
	if one == b.Sum([]byte("ab"), []byte("c")) {
		t.Error("two keys, one hash")
	}
}
