package prove

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// TestTampering changes a finished ledger the way somebody with write access
// would and wants "sekisho verify" to name the place. The key and the last
// checkpoint and heads are held elsewhere, as docs/format/ledger.md advises.
func TestTampering(t *testing.T) {
	r := rand.New(rand.NewPCG(seeds(t)[0], 7))
	h, ledgerDir := writtenHouse(t)
	key := h.key()
	held := filepath.Join(t.TempDir(), "checkpoint")
	copyFile(t, filepath.Join(ledgerDir, "log", "checkpoint"), held)

	segments := files(t, ledgerDir, ".zst")
	tiles := currentTiles(t, ledgerDir)
	if len(segments) < 2 || len(tiles) == 0 {
		t.Fatalf("too little to tamper with: %d segments, %d tiles", len(segments), len(tiles))
	}
	whole := func(dir string) (string, bool) { return h.verify(dir, key, held) }
	if text, ok := whole(ledgerDir); !ok {
		t.Fatalf("the untouched ledger does not verify:\n%s", text)
	}
	pick := func(list []string) string { return rel(t, ledgerDir, list[r.IntN(len(list))]) }
	lines := func(edit func(l [][]byte) [][]byte) func(dir, path string) {
		return func(_, path string) {
			l := bytes.SplitAfter(unzstd(t, path), []byte("\n"))
			must(t, os.WriteFile(path, enzstd(t, bytes.Join(edit(l[:len(l)-1]), nil)), 0o600))
		}
	}
	at := func(l [][]byte) int { return r.IntN(len(l)) }
	for _, c := range []struct {
		name string
		path string
		do   func(dir, path string)
	}{
		{"a bit of a segment flipped", pick(segments), func(_, p string) { flip(t, p, r) }},
		{"a segment cut short", pick(segments), func(_, p string) { must(t, os.Truncate(p, size(t, p)/2)) }},
		{"a segment deleted", pick(segments), func(_, p string) { must(t, os.Remove(p)) }},
		{"a record changed", pick(segments), lines(func(l [][]byte) [][]byte {
			i := at(l)
			l[i] = bytes.Replace(l[i], []byte(`"at":1`), []byte(`"at":2`), 1)
			return l
		})},
		{"a record deleted", pick(segments), lines(func(l [][]byte) [][]byte { i := at(l); return slices.Delete(l, i, i+1) })},
		{"records reordered", pick(segments), lines(func(l [][]byte) [][]byte {
			i := r.IntN(len(l) - 1)
			l[i], l[i+1] = l[i+1], l[i]
			return l
		})},
		{"a record repeated", pick(segments), lines(func(l [][]byte) [][]byte { i := at(l); return slices.Insert(l, i, l[i]) })},
		{"two segments swapped", pick(segments[:1]), func(dir, p string) {
			q := filepath.Join(dir, rel(t, ledgerDir, segments[1]))
			a, b := read(t, p), read(t, q)
			must(t, os.WriteFile(p, b, 0o600))
			must(t, os.WriteFile(q, a, 0o600))
		}},
		{"a tile flipped", pick(tiles), func(_, p string) { flip(t, p, r) }},
		{"a tile deleted", pick(tiles), func(_, p string) { must(t, os.Remove(p)) }},
		{"the checkpoint cut off", "log/checkpoint", func(_, p string) { must(t, os.Truncate(p, size(t, p)/2)) }},
		{"the last segment deleted", rel(t, ledgerDir, segments[len(segments)-1]), func(_, p string) { must(t, os.Remove(p)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "ledger")
			must(t, os.CopyFS(dir, os.DirFS(ledgerDir)))
			path := filepath.Join(dir, c.path)
			must(t, os.Chmod(path, 0o600))
			c.do(dir, path)
			text, ok := whole(dir)
			if ok {
				t.Fatalf("%s: verify found nothing:\n%s", c.path, text)
			}
			name := strings.TrimSuffix(filepath.Base(c.path), filepath.Ext(c.path))
			if !strings.Contains(text, name) {
				t.Errorf("%s: verify does not name the place:\n%s", c.path, text)
			}
		})
	}
}

// writtenHouse runs a house with small segments until several are sealed.
func writtenHouse(t *testing.T) (*house, string) {
	t.Helper()
	server := startServer(t)
	must(t, server.Exec(t.Context(), "postgres", `CREATE TABLE customers (id int PRIMARY KEY, name text, email text);
INSERT INTO customers SELECT i, '名' || i, 'u' || i || '@mail.example' FROM generate_series(1, 20000) i; GRANT SELECT ON customers TO app, watch`))
	h := install(t, server, "postgres", crashProtect, "    mode: observe\n")
	text := string(read(t, h.config)) + "ledger:\n  segment: {bytes: 1MiB, age: 1s}\n"
	must(t, os.WriteFile(h.config, []byte(text), 0o600))
	h.up()
	// Sealing by age makes several segments.
	for i := range 40 {
		<-time.After(100 * time.Millisecond)
		e := episode{steps: []step{simple("SELECT id, email FROM customers WHERE id %% 7 = %d AND id > %d", i%7, i*100), simple("SELECT name FROM customers WHERE id = %d", i+1)}}
		if _, err := play(t.Context(), endpoint{network: "tcp", address: h.addr(), user: application, database: "postgres"}, e); err != nil {
			t.Fatal(err)
		}
	}
	h.stop()
	return h, filepath.Join(h.dir, "data", "ledger")
}

// key returns the verifier key of the house's ledger.
func (h *house) key() string {
	data, err := os.ReadFile(filepath.Join(h.dir, "data", "ledger", "ledger.json"))
	must(h.t, err)
	var id struct{ Key string }
	must(h.t, json.Unmarshal(data, &id))
	return id.Key
}

// verify runs "sekisho verify" on a ledger directory.
func (h *house) verify(dir, key, held string) (text string, ok bool) {
	out, err := h.sekisho("verify", dir, "--key", key, "--held", held, "--lang", "en").CombinedOutput()
	return string(out), err == nil
}

func files(t *testing.T, dir, suffix string) (list []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, suffix) {
			list = append(list, path)
		}
		return err
	}))
	slices.Sort(list)
	return list
}

func rel(t testing.TB, dir, path string) string {
	t.Helper()
	p, err := filepath.Rel(dir, path)
	must(t, err)
	return p
}

// currentTiles lists the tiles that the checkpoint rests on: of the partial
// tiles of one place (c2sp.org/tlog-tiles) only the widest, the others are of
// smaller, earlier trees.
func currentTiles(t *testing.T, ledgerDir string) []string {
	widest := map[string]int{}
	for _, path := range files(t, filepath.Join(ledgerDir, "log", "tile"), "") {
		if n, err := strconv.Atoi(filepath.Base(path)); err == nil && strings.HasSuffix(filepath.Dir(path), ".p") {
			widest[filepath.Dir(path)] = max(n, widest[filepath.Dir(path)])
		}
	}
	var list []string
	for dir, n := range widest {
		list = append(list, filepath.Join(dir, strconv.Itoa(n)))
	}
	slices.Sort(list)
	return list
}

func flip(t *testing.T, path string, r *rand.Rand) {
	data := read(t, path)
	data[r.IntN(len(data))] ^= 1 << r.IntN(8)
	must(t, os.WriteFile(path, data, 0o600))
}

func copyFile(t testing.TB, from, to string) { must(t, os.WriteFile(to, read(t, from), 0o600)) }

func size(t testing.TB, path string) int64 { return int64(len(read(t, path))) }

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	return data
}

func unzstd(t testing.TB, path string) []byte {
	d, err := zstd.NewReader(nil)
	must(t, err)
	defer d.Close()
	out, err := d.DecodeAll(read(t, path), nil)
	must(t, err)
	return out
}

func enzstd(t testing.TB, data []byte) []byte {
	e, err := zstd.NewWriter(nil)
	must(t, err)
	return e.EncodeAll(data, nil)
}
