package ledger

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"sekisho/internal/event"
	"sekisho/proof"
)

// sampleLedger makes a closed ledger: 3 sealed segments and an open one, of two
// chains that take turns, 40 events each segment. The first events may be given.
func sampleLedger(t testing.TB, first ...event.Body) Config {
	t.Helper()
	cfg := internalConfig(t)
	mustInit(t, cfg)
	l := mustOpen(t, cfg)
	for i := range 160 {
		var body event.Body = &event.Heartbeat{Sessions: i}
		if i < len(first) {
			body = first[i]
		}
		if _, err := l.Recorder("gate/shop", uint16(i%2)).Record(t.Context(), event.Written, body); err != nil {
			t.Fatal(err)
		}
		if i == 39 || i == 79 || i == 119 {
			if err := l.Seal(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func mustVerify(t testing.TB, dir string, opts VerifyOptions) *Report {
	t.Helper()
	r, err := Verify(t.Context(), dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestVerifyGood(t *testing.T) {
	cfg := sampleLedger(t)
	r := mustVerify(t, cfg.Dir, VerifyOptions{})
	if !r.OK() || r.Events != 160 || r.Sealed != 3 || r.Open != 1 || r.Checkpoint != 3 || r.Chains != 2 {
		t.Fatalf("%+v", r)
	}
	var text strings.Builder
	if err := r.WriteText(&text); err != nil || !strings.Contains(text.String(), "whole: nothing") {
		t.Errorf("%v\n%s", err, text.String())
	}
}

// TestVerifyTamper changes a closed ledger in every way that we know and looks
// whether the place is named.
func TestVerifyTamper(t *testing.T) {
	sample := sampleLedger(t)
	seg1, open3 := sealedName(1), openName(3)
	cases := []struct {
		name   string
		tamper func(t *testing.T, dir string)
		place  string // of the first problem
		text   string // part of it
		line   uint64
		seq    event.Seq
	}{
		{"flip in a sealed record", editSealed(1, func(l []string) []string {
			l[6] = strings.Replace(l[6], `"sessions":46`, `"sessions":47`, 1)
			return l
		}), seg1, "gate/shop/0/25 is not chained to 24", 9, 25},
		{"flip in the last record of a chain", editSealed(1, func(l []string) []string {
			l[39] = strings.Replace(l[39], `"sessions":79`, `"sessions":78`, 1)
			return l
		}), seg1, "gate/shop/1/40 was changed", 0, 40},
		{"delete a sealed record", editSealed(1, func(l []string) []string { return append(l[:6], l[7:]...) }),
			seg1, "gate/shop/0/24 is missing", 8, 24},
		{"delete the first sealed record", editSealed(1, func(l []string) []string { return l[1:] }), seg1, "gate/shop/0/21 is missing", 2, 21},
		{"delete the end of a sealed segment", editSealed(1, func(l []string) []string { return l[:38] }), seg1, "gate/shop/0/40 to 40 are missing", 0, 40},
		{"repeat a sealed record", editSealed(1, func(l []string) []string { return append(l[:7], l[6:]...) }),
			seg1, "gate/shop/0/24 is repeated", 8, 24},
		{"swap records of a chain", editSealed(1, func(l []string) []string { l[6], l[8] = l[8], l[6]; return l }),
			seg1, "gate/shop/0/24 is missing, found 25", 7, 24},
		{"swap records of two chains", editSealed(1, func(l []string) []string { l[6], l[7] = l[7], l[6]; return l }),
			seg1, "lines of different chains changed places", 0, 0},
		{"record of another tenant", editSealed(1, func(l []string) []string {
			l[6] = strings.Replace(l[6], `"t":"shop"`, `"t":"else"`, 1)
			return l
		}), seg1, "wrong tenant", 7, 24},
		{"garbage record", editSealed(1, func(l []string) []string { l[6] = "garbage"; return l }), seg1, "line 7 (byte", 7, 0},
		{"flip a byte of the file", flip(seg1, 40), seg1, "cannot be read", 0, 0},
		{"recompress", editSealed(1, func(l []string) []string { return l }), "", "", 0, 0},
		{"cut the file", cutFile(seg1, 100), seg1, "cannot be read", 0, 0},
		{"delete a segment", remove(seg1), seg1, "missing", 0, 0},
		{"delete the first segment", remove(sealedName(0)), sealedName(0), "no retention", 0, 0},
		{"delete a digest", remove(leafName(1)), leafName(1), "no such file", 0, 0},
		{"change a digest", flip(leafName(1), 30), leafName(1), "not the digest in the log", 0, 0},
		{"flip a tile", flip("log/tile/0/000.p/3", 5), "log/tile/0/000.p/3", "hash 0", 0, 0},
		{"delete a tile", remove("log/tile/0/000.p/3"), "log/tile/0/000.p/3", "no such file", 0, 0},
		{"flip a leaf of the log", flip("log/tile/entries/000.p/3", 30), "log/tile/0/000.p/3", "hash 0", 0, 0},
		{"delete the leaves", remove("log/tile/entries/000.p/3"), "log/tile/entries/000.p/3", "no such file", 0, 0},
		{"flip the checkpoint's signature", flip("log/checkpoint", -6), "log/checkpoint", "", 0, 0},
		{"flip the checkpoint's root", flip("log/checkpoint", 20), "log/checkpoint", "", 0, 0},
		{"delete the checkpoint", remove("log/checkpoint"), "log/checkpoint", "no such file", 0, 0},
		{"flip in an open record", editOpen(func(l []string) []string {
			l[6] = strings.Replace(l[6], `"sessions":126`, `"sessions":127`, 1)
			return l
		}), open3, "gate/shop/0/65 is not chained to 64", 9, 65},
		{"flip in the last open record", editOpen(func(l []string) []string {
			l[39] = strings.Replace(l[39], `"sessions":159`, `"sessions":158`, 1)
			return l
		}), open3, "gate/shop/1/80 is not the event whose digest was published", 40, 80},
		{"cut the tail at a line", editOpen(func(l []string) []string { return l[:37] }), openDir, "gate/shop/0/80 to 80 were on disk", 0, 80},
		{"cut the tail in a line", cutFile(open3, 30), openDir, "gate/shop/1/80 to 80 were on disk", 0, 80},
		{"delete an open record", editOpen(func(l []string) []string { return append(l[:6], l[7:]...) }), open3, "gate/shop/0/64 is missing", 8, 64},
		{"delete the open segment", remove(open3), openName(3), "missing", 0, 0},
		{"flip the heads", flip(headsName, 30), headsName, "", 0, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(sample.Dir)); err != nil {
				t.Fatal(err)
			}
			c.tamper(t, dir)
			r := mustVerify(t, dir, VerifyOptions{})
			if c.place == "" {
				if !r.OK() {
					t.Fatalf("problems without a change: %v", r.Problems)
				}
				return
			}
			if r.OK() {
				t.Fatal("nothing was found")
			}
			p := r.Problems[0]
			if p.Place != c.place || !strings.Contains(p.Text, c.text) || (c.line > 0 && p.Line != c.line) || (c.seq > 0 && p.Seq != c.seq) {
				t.Errorf("first problem %+v\nwant place %s, line %d, seq %d, %q\nall: %v", p, c.place, c.line, c.seq, c.text, r.Problems)
			}
		})
	}
}

// TestVerifyAgainstHeld: whoever owns the directory and the key can rewrite
// everything, but not what others hold.
func TestVerifyAgainstHeld(t *testing.T) {
	cfg := internalConfig(t)
	var heads [][]byte
	cfg.OnHeads = func(note []byte) { heads = append(heads, note) }
	mustInit(t, cfg)
	l := mustOpen(t, cfg)
	old := t.TempDir()
	for i := range 20 {
		if _, err := l.Recorder("gate/shop", 0).Record(t.Context(), event.Durable, &event.Heartbeat{Sessions: i}); err != nil {
			t.Fatal(err)
		}
		if i == 9 {
			if err := l.Seal(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(old, os.DirFS(cfg.Dir)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	checkpoint, err := l.log.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	held := VerifyOptions{Checkpoints: [][]byte{checkpoint}}
	if r := mustVerify(t, cfg.Dir, held); !r.OK() {
		t.Fatalf("good ledger: %v", r.Problems)
	}
	if r := mustVerify(t, old, VerifyOptions{}); !r.OK() {
		t.Fatalf("the old ledger is whole in itself: %v", r.Problems)
	}
	if r := mustVerify(t, old, held); r.OK() || !strings.Contains(r.Problems[0].Text, "the end was cut") {
		t.Errorf("held checkpoint: %v", r.Problems)
	}
	if r := mustVerify(t, old, VerifyOptions{Heads: heads[len(heads)-1:]}); r.OK() || r.Problems[0].Seq != 11 {
		t.Errorf("held heads: %v", r.Problems)
	}
	other := sampleLedger(t)
	if r := mustVerify(t, cfg.Dir, VerifyOptions{Keys: keysOf(t, other.Dir)}); r.OK() {
		t.Error("the key of another ledger was taken")
	}
}

func keysOf(t *testing.T, dir string) proof.Keys {
	t.Helper()
	id, err := ReadIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	return proof.Keys{Log: id.Key}
}

// editSealed changes the lines of a sealed segment. With the same lines it
// leaves the file as it is.
func editSealed(ordinal uint64, edit func(lines []string) []string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		name := filepath.Join(dir, sealedName(ordinal))
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		dec, _ := zstd.NewReader(nil)
		text, err := dec.DecodeAll(raw, nil)
		if err != nil {
			t.Fatal(err)
		}
		edited := editLines(text, edit)
		if bytes.Equal(edited, text) {
			return
		}
		enc, _ := zstd.NewWriter(nil)
		if err := os.WriteFile(name, enc.EncodeAll(edited, nil), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func editOpen(edit func(lines []string) []string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		name := filepath.Join(dir, openName(3))
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, editLines(text, edit), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func editLines(text []byte, edit func(lines []string) []string) []byte {
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	return []byte(strings.Join(edit(lines), "\n") + "\n")
}

// flip flips a bit of a byte; a negative offset counts from the end.
func flip(name string, offset int) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		full := filepath.Join(dir, name)
		text, err := os.ReadFile(full)
		if err != nil {
			t.Fatal(err)
		}
		if offset < 0 {
			offset += len(text)
		}
		text[offset] ^= 1
		if err := os.WriteFile(full, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func cutFile(name string, bytes int64) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		full := filepath.Join(dir, name)
		info, err := os.Stat(full)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(full, info.Size()-bytes); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOpenRefusesDamage: what Verify would name, Open refuses to build upon,
// and it changes nothing.
func TestOpenRefusesDamage(t *testing.T) {
	sample := sampleLedger(t)
	for name, tamper := range map[string]func(*testing.T, string){
		"flip a tile":         flip("log/tile/0/000.p/3", 5),
		"flip the checkpoint": flip("log/checkpoint", 20),
		"change a digest":     flip(leafName(1), 30),
		"flip an open record": editOpen(func(l []string) []string { l[6] = strings.Replace(l[6], "126", "127", 1); return l }),
		"flip the last record": editOpen(func(l []string) []string {
			l[39] = strings.Replace(l[39], "159", "158", 1)
			return l
		}),
		"cut the tail at a line":  editOpen(func(l []string) []string { return l[:37] }),
		"cut the tail in a line":  cutFile(openName(3), 30),
		"delete the open segment": remove(openName(3)),
		"flip the heads":          flip(headsName, 30),
		"delete the key":          remove(checkpointKeyName),
	} {
		t.Run(name, func(t *testing.T) {
			cfg := sample
			cfg.Dir = t.TempDir()
			if err := os.CopyFS(cfg.Dir, os.DirFS(sample.Dir)); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(filepath.Join(cfg.Dir, checkpointKeyName), 0o600); err != nil {
				t.Fatal(err)
			}
			tamper(t, cfg.Dir)
			before := fingerprint(t, cfg.Dir)
			l, err := Open(context.Background(), cfg)
			if err == nil {
				l.Close()
				t.Fatal("opened")
			}
			if after := fingerprint(t, cfg.Dir); after != before {
				t.Errorf("files changed:\n%s\n%s", before, after)
			}
		})
	}
}

// fingerprint lists the files that hold the evidence, with their sizes.
func fingerprint(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	for _, sub := range []string{openDir, sealedDir, headsName, identityName} {
		err := filepath.WalkDir(filepath.Join(dir, sub), func(full string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(full)
			rel, _ := filepath.Rel(dir, full)
			fmt.Fprintf(&out, "%s %d %x\n", rel, len(text), event.Sum(text))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}
