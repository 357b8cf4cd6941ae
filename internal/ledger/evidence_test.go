package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/proof"
)

// TestEvidence proves random sets of events over sealed and open segments, and
// nothing else with the same proof.
func TestEvidence(t *testing.T) {
	cfg := sampleLedger(t)
	l := mustOpen(t, cfg)
	keys := keysOf(t, cfg.Dir)
	if _, err := l.Reader.Evidence(t.Context(), []event.Index{155}); !errors.Is(err, ErrNotSealed) {
		t.Fatalf("open event: got %v, want ErrNotSealed", err)
	}
	var lines []string
	if err := l.Scan(t.Context(), 0, func(_ event.Index, line []byte) error {
		lines = append(lines, string(line))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 30 {
		var indexes []event.Index
		want := make(map[uint64]bool)
		for range 1 + rng.IntN(40) {
			i := rng.IntN(len(lines))
			indexes = append(indexes, event.Index(i))
			want[uint64(i)] = true
		}
		e, err := l.Evidence(t.Context(), indexes)
		if err != nil {
			t.Fatal(err)
		}
		v, err := e.Verify(keys)
		if err != nil {
			t.Fatal(err)
		}
		if len(v.Lines) != len(want) || v.Tenant != "shop" {
			t.Fatalf("%d lines of %s, want %d", len(v.Lines), v.Tenant, len(want))
		}
		for _, line := range v.Lines {
			if !want[line.Index] || string(line.Text) != lines[line.Index] {
				t.Fatalf("line %d is not the ledger's", line.Index)
			}
		}
	}
}

func writeTestBundle(t *testing.T) (raw []byte, keys proof.Keys) {
	t.Helper()
	cfg := sampleLedger(t)
	l := mustOpen(t, cfg)
	var out bytes.Buffer
	err := l.WriteBundle(t.Context(), &out, []byte(`{"confirmed":{"subjects":3}}`), []event.Index{3, 50, 51, 159},
		"person/ayame", event.ScopeFrozen{By: "ayame", Confirmed: 3})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), keysOf(t, cfg.Dir)
}

func TestBundle(t *testing.T) {
	raw, keys := writeTestBundle(t)
	b, err := proof.ReadBundle(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	checked, err := b.Check(keys)
	if err != nil || len(checked.Lines) != 5 || !strings.Contains(string(checked.Frozen.Text), "person/ayame") {
		t.Fatalf("%+v, %v", checked, err)
	}
	other := keysOf(t, sampleLedger(t).Dir)
	if _, err := b.Check(other); err == nil {
		t.Error("the key of another ledger was taken")
	}
	tamper := map[string]func(b *proof.Bundle){
		"scope":         func(b *proof.Bundle) { b.Scope = []byte(`{"confirmed":{"subjects":2}}`) },
		"line":          func(b *proof.Bundle) { b.Evidence.Segments[0].Lines[0][9] ^= 1 },
		"left out":      func(b *proof.Bundle) { s := &b.Evidence.Segments[1]; s.Lines, s.Members = s.Lines[1:], s.Members[1:] },
		"position":      func(b *proof.Bundle) { b.Evidence.Segments[0].Members[0]++ },
		"hash":          func(b *proof.Bundle) { b.Evidence.Segments[0].Hashes[0][0] ^= 1 },
		"needless hash": func(b *proof.Bundle) { s := &b.Evidence.Segments[0]; s.Hashes = append(s.Hashes, proof.Hash{}) },
		"path":          func(b *proof.Bundle) { b.Evidence.Segments[0].Path[0][0] ^= 1 },
		"leaf": func(b *proof.Bundle) {
			s := &b.Evidence.Segments[0]
			s.Leaf = bytes.Replace(s.Leaf, []byte(`"count":40`), []byte(`"count":41`), 1)
		},
		"checkpoint":       func(b *proof.Bundle) { b.Evidence.Checkpoint[20] ^= 1 },
		"order":            func(b *proof.Bundle) { s := b.Evidence.Segments; s[0], s[1] = s[1], s[0] },
		"segment twice":    func(b *proof.Bundle) { b.Evidence.Segments = append(b.Evidence.Segments, b.Evidence.Segments[0]) },
		"segment left out": func(b *proof.Bundle) { b.Evidence.Segments = b.Evidence.Segments[:1] },
	}
	for name, change := range tamper {
		t.Run(name, func(t *testing.T) {
			b, err := proof.ReadBundle(bytes.NewReader(raw), int64(len(raw)))
			if err != nil {
				t.Fatal(err)
			}
			change(b)
			if _, err := b.Check(keys); err == nil {
				t.Error("was taken")
			}
		})
	}
}

// TestBundleBytes flips bytes of the file: it is refused, or it is the same.
func TestBundleBytes(t *testing.T) {
	raw, keys := writeTestBundle(t)
	good, err := proof.ReadBundle(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(raw); i += 3 {
		bad := bytes.Clone(raw)
		bad[i] ^= 0x10
		b, err := proof.ReadBundle(bytes.NewReader(bad), int64(len(bad)))
		if err != nil {
			continue
		}
		if _, err := b.Check(keys); err == nil && !bytes.Equal(b.Scope, good.Scope) {
			t.Errorf("byte %d: another scope was taken", i)
		}
	}
}

func TestBackupRestore(t *testing.T) {
	cfg := sampleLedger(t)
	l := mustOpen(t, cfg)
	extra := t.TempDir()
	if err := os.WriteFile(filepath.Join(extra, "ring"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	var raw bytes.Buffer
	if err := l.Backup(t.Context(), &raw, map[string]string{"keys": extra}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Recorder("gate/shop", 0).Record(t.Context(), event.Durable, &event.SourceStop{}); err != nil {
		t.Fatal(err) // after the backup
	}
	dir := t.TempDir()
	to, toExtra := filepath.Join(dir, "ledger"), filepath.Join(dir, "keys")
	report, err := Restore(t.Context(), bytes.NewReader(raw.Bytes()), to, map[string]string{"keys": toExtra}, RestoreOptions{})
	if err != nil || !report.OK() || report.Events != 160 {
		t.Fatalf("%v, %+v", err, report)
	}
	if text, err := os.ReadFile(filepath.Join(toExtra, "ring")); err != nil || string(text) != "secret" {
		t.Errorf("extra: %q, %v", text, err)
	}
	if _, err := Restore(t.Context(), bytes.NewReader(raw.Bytes()), to, nil, RestoreOptions{}); err == nil {
		t.Error("a ledger was overwritten")
	}
	restored := cfg
	restored.Dir, restored.BootID = to, "another machine"
	r := mustOpen(t, restored)
	if r.Recovered().Lost == nil {
		t.Error("a backup of a running ledger was restored elsewhere, and nothing says that events may be missing")
	}
	if _, err := r.Recorder("gate/shop", 0).Record(t.Context(), event.Durable, &event.SourceStop{}); err != nil {
		t.Fatal(err)
	}
	for i := 40; i < raw.Len(); i += raw.Len() / 7 {
		bad := bytes.Clone(raw.Bytes())
		bad[i] ^= 1
		if report, err := Restore(t.Context(), bytes.NewReader(bad), filepath.Join(dir, "bad"), nil, RestoreOptions{}); err == nil && report.OK() {
			t.Errorf("byte %d of the backup was changed and it was restored", i)
		}
		if left, err := filepath.Glob(filepath.Join(dir, "bad*")); err != nil || (len(left) > 0 && left[0] != filepath.Join(dir, "bad")) {
			t.Errorf("left behind: %v, %v", left, err)
		}
		if err := os.RemoveAll(filepath.Join(dir, "bad")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRetention(t *testing.T) {
	cfg := sampleLedger(t, &event.Statement{Statement: 7, Text: "SELECT $1"})
	start := time.Now()
	var passed atomic.Int64 // ns; the ledger's own goroutines read it
	cfg.Now = func() time.Time { return start.Add(time.Duration(passed.Load())) }
	l := mustOpen(t, cfg)
	flipKept := flip(keptName(0), 60)
	if record, err := l.Retain(t.Context(), RetentionPolicy{Name: "1h", MaxAge: time.Hour}); record != nil || err != nil {
		t.Fatalf("nothing is due: %+v, %v", record, err)
	}
	e, err := l.Reader.Evidence(t.Context(), []event.Index{5})
	if err != nil {
		t.Fatal(err)
	}
	policy := RetentionPolicy{Name: "1h", MaxAge: time.Hour}
	before, err := l.Aging(policy)
	if err != nil || before.Due != 0 || before.Oldest.IsZero() || !before.Next.Equal(before.Oldest.Add(time.Hour)) || before.NextFirst != 0 || before.NextLast == 0 {
		t.Errorf("what goes next: %+v, %v", before, err)
	}
	passed.Add(int64(2 * time.Hour))
	for from, held := range map[event.Index]bool{0: true, before.NextLast: true, before.NextLast + 1: false} {
		shipping := policy
		shipping.From = &from
		if a, err := l.Aging(shipping); err != nil || a.Held != held && a.Due == 0 || (a.Due > 0) == held || held && (a.NextFirst != 0 || a.NextLast != before.NextLast) {
			t.Errorf("shipped to %d: %+v, %v", from, a, err)
		}
	}
	aging, err := l.Aging(policy)
	if err != nil || aging.Due == 0 {
		t.Errorf("what is due: %+v, %v", aging, err)
	}
	record, err := l.Retain(t.Context(), policy)
	if after, err := l.Aging(policy); err != nil || after.Due != 0 || record == nil || record.Last != aging.Last {
		t.Errorf("what was due: %+v; dropped %+v; left %+v, %v", aging, record, after, err)
	}
	if err != nil || record == nil || record.First != 0 || record.Last != 119 {
		t.Fatalf("%+v, %v", record, err)
	}
	// A longer age brings back nothing that went, and does not speak of it.
	long := RetentionPolicy{Name: "1000h", MaxAge: 1000 * time.Hour}
	after, err := l.Aging(long)
	if err != nil || after.Due != 0 || after.NextFirst != 0 && after.NextFirst < 120 || !after.Next.IsZero() && after.NextFirst < 120 {
		t.Errorf("what goes next of what is there: %+v, %v", after, err)
	}
	if first, err := l.First(); first != 120 || err != nil {
		t.Errorf("first: %d, %v; want 120", first, err)
	}
	compareScans(t, l.Reader, 0)
	compareScans(t, l.Reader, 20)
	var kept []event.Index
	if err := l.Scan(t.Context(), 0, func(i event.Index, line []byte) error {
		if h, err := event.ParseHeader(line); err != nil || (i == 0) != (h.Kind == event.KindStatement) {
			t.Errorf("event %d: kind %d, %v", i, h.Kind, err)
		}
		if i < 122 {
			kept = append(kept, i)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(kept); got != "[0 1 119 120 121]" {
		t.Errorf("kept (the shape, the first and the last sign of life) and first whole events: %s", got)
	}
	if _, err := l.Reader.Evidence(t.Context(), []event.Index{5}); !errors.Is(err, ErrDropped) {
		t.Errorf("evidence of a dropped event: got %v, want ErrDropped", err)
	}
	if _, err := e.Verify(keysOf(t, cfg.Dir)); err != nil {
		t.Errorf("what was proved before is not proved any more: %v", err)
	}
	if err := l.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r := mustVerify(t, cfg.Dir, VerifyOptions{})
	if !r.OK() || r.Dropped != 3 || r.Events != 161 {
		t.Errorf("%+v", r)
	}
	if err := r.WriteText(io.Discard); err != nil {
		t.Error(err)
	}
	mustOpen(t, cfg) // still opens
	flipKept(t, cfg.Dir)
	if r := mustVerify(t, cfg.Dir, VerifyOptions{}); r.OK() || r.Problems[0].Place != keptName(0) {
		t.Errorf("a kept event was changed: %+v", r.Problems)
	}
	flipKept(t, cfg.Dir)
	// One more segment goes, this time off the record.
	remove(sealedName(3))(t, cfg.Dir)
	if r := mustVerify(t, cfg.Dir, VerifyOptions{}); r.OK() {
		t.Error("a deleted segment was taken for a dropped one")
	}
}
