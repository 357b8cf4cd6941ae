package segment

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"sekisho/internal/event"
	"sekisho/proof"
)

// lines returns n lines of two chains that take turns.
func lines(n int) [][]byte {
	heads := make(Heads)
	out := make([][]byte, n)
	for i := range out {
		key := Key{"gate/a", uint16(i % 2)}
		h := heads[key]
		e := event.Event{Tenant: "t", Source: key.Source, Worker: key.Worker, Seq: h.Seq + 1, Prev: h.Digest,
			At: time.Unix(0, int64(1000+i)), Body: &event.Heartbeat{Sessions: i}}
		out[i] = event.Append(nil, &e)
		heads[key] = Head{e.Seq, event.Sum(out[i])}
	}
	return out
}

func check(tenant event.Tenant, heads Heads, all [][]byte) (*Summary, error) {
	s := NewSummary(proof.LeafVersion, tenant, heads)
	for _, line := range all {
		if err := s.Add(line); err != nil {
			return s, err
		}
	}
	return s, nil
}

func TestGoodLinesInTwoSegments(t *testing.T) {
	all := lines(21)
	first, err := check("t", nil, all[:9])
	if err != nil {
		t.Fatal(err)
	}
	leaf := first.Leaf(0, 0)
	if leaf.Count != 9 || leaf.From != 1000 || leaf.To != 1008 || len(leaf.Sources) != 2 || leaf.Sources[0].Last != 5 {
		t.Errorf("%+v", leaf)
	}
	heads := make(Heads)
	if err := heads.Follow(leaf); err != nil {
		t.Fatal(err)
	}
	second, err := check("t", heads, all[9:])
	if err != nil {
		t.Fatal(err)
	}
	if err := heads.Follow(second.Leaf(1, 9)); err != nil {
		t.Fatal(err)
	}
	whole, err := check("t", nil, all)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(heads), fmt.Sprint(whole.Heads()); got != want {
		t.Errorf("heads of two segments %s, of one %s", got, want)
	}
	var fault *Fault
	if err := heads.Follow(leaf); !errors.As(err, &fault) || fault.Reason != Repeated {
		t.Errorf("the first segment again: got %v", err)
	}
	if err := make(Heads).Follow(second.Leaf(1, 9)); !errors.As(err, &fault) || fault.Reason != Missing || fault.Due != 1 {
		t.Errorf("the second segment alone: got %v", err)
	}
}

func TestFaults(t *testing.T) {
	good := lines(12)
	for _, c := range []struct {
		name string
		edit func(l [][]byte) [][]byte
		want Fault // Line, Reason, Seq, Due
	}{
		{"missing", func(l [][]byte) [][]byte { return append(l[:4], l[5:]...) }, Fault{Line: 6, Reason: Missing, Seq: 4, Due: 3}},
		{"repeated", func(l [][]byte) [][]byte { return append(l[:5], l[4:]...) }, Fault{Line: 6, Reason: Repeated, Seq: 3, Due: 4}},
		{"reordered", func(l [][]byte) [][]byte { return append(l[:7], l[0]) }, Fault{Line: 8, Reason: Reordered, Seq: 1, Due: 5}},
		{"changed", func(l [][]byte) [][]byte {
			l[2] = bytes.Replace(l[2], []byte(`"sessions":2`), []byte(`"sessions":3`), 1)
			return l
		}, Fault{Line: 5, Reason: Changed, Seq: 3, Due: 3}},
		{"other tenant", func(l [][]byte) [][]byte {
			l[2] = bytes.Replace(l[2], []byte(`"t":"t"`), []byte(`"t":"u"`), 1)
			return l
		}, Fault{Line: 3, Reason: WrongTenant, Seq: 2, Due: 2}},
		{"malformed", func(l [][]byte) [][]byte { l[2] = []byte("{}\n"); return l }, Fault{Line: 3, Reason: Malformed}},
		{"too long", func(l [][]byte) [][]byte { l[2] = append(make([]byte, event.MaxLine), '\n'); return l }, Fault{Line: 3, Reason: TooLong}},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := c.edit(append([][]byte(nil), good...))
			_, err := check("t", nil, all)
			var f *Fault
			if !errors.As(err, &f) || f.Line != c.want.Line || f.Reason != c.want.Reason || f.Seq != c.want.Seq || f.Due != c.want.Due {
				t.Errorf("got %+v, want %+v", f, c.want)
			}
			var offset int64
			for _, line := range all[:c.want.Line-1] {
				offset += int64(len(line))
			}
			if f.Offset != offset {
				t.Errorf("offset %d, want %d", f.Offset, offset)
			}
		})
	}
}

// FuzzTamper flips one bit of a run of lines: it is found, at the line or at
// the next line of a chain, unless it is in the last line of a chain, which
// only a digest of the segment covers.
func FuzzTamper(f *testing.F) {
	f.Add(uint16(3), uint16(40), byte(1))
	f.Fuzz(func(t *testing.T, line, offset uint16, bit byte) {
		all := lines(10)
		clean, err := check("t", nil, all)
		if err != nil {
			t.Fatal(err)
		}
		n := int(line) % len(all)
		at := int(offset) % (len(all[n]) - 1)
		all[n] = bytes.Clone(all[n])
		all[n][at] ^= 1 << (bit % 8)
		if all[n][at] == '\n' {
			return // two lines now
		}
		s, err := check("t", nil, all)
		var fault *Fault
		switch {
		case errors.As(err, &fault):
			// A changed name may give the line to the other chain, whose own line is the next.
			if int(fault.Line) <= n || int(fault.Line) > n+3 {
				t.Fatalf("line %d was changed, the fault is in line %d: %v", n+1, fault.Line, fault)
			}
		case n < 8:
			t.Fatalf("line %d was changed and nothing was found", n+1)
		case s.Leaf(0, 0).Root == clean.Leaf(0, 0).Root:
			t.Fatalf("line %d was changed and the digest is the same", n+1)
		}
	})
}
