package ledger

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/event"
	"sekisho/internal/ledger/segment"
	"sekisho/proof"
)

// TestDigestOfGrowingEqualsSummary: the digest that is kept while a segment
// grows, also over a restart in its middle, is the one that reading its lines
// gives.
func TestDigestOfGrowingEqualsSummary(t *testing.T) {
	cfg := internalConfig(t)
	mustInit(t, cfg)
	var l *Ledger
	for run := range 3 {
		l = mustOpen(t, cfg)
		for i := range 30 {
			rec := l.Recorder("gate/shop", uint16(i%(2+run)))
			if _, err := rec.Record(t.Context(), event.Written, &event.Heartbeat{Sessions: i}, &event.SourceStop{}); err != nil {
				t.Fatal(err)
			}
		}
		if run < 2 {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 2 {
		if err := l.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Recorder("gate/shop", 1).Record(t.Context(), event.Durable, &event.SourceStop{}); err != nil {
			t.Fatal(err)
		}
	}
	heads := make(segment.Heads)
	for _, want := range l.sealedLeaves() {
		sum := segment.NewSummary(cfg.Tenant, heads)
		err := l.eachSealedLine(t.Context(), want, func(line []byte) error { return sum.Add(append(line, '\n')) })
		if err != nil {
			t.Fatal(err)
		}
		got := sum.Leaf(want.Segment, event.Index(want.First))
		got.File = want.File
		if diff := cmp.Diff(string(proof.EncodeLeaf(got)), string(proof.EncodeLeaf(want))); diff != "" {
			t.Errorf("segment %d (-summary +growing):\n%s", want.Segment, diff)
		}
		heads = sum.Heads()
	}
	if len(l.sealedLeaves()) != 2 {
		t.Errorf("%d segments, want 2", len(l.sealedLeaves()))
	}
}
