package pgwire

import (
	"strconv"
	"testing"
)

// rows returns 1,000 rows of 8 columns, as the gate's benchmark reads them.
func rows() []byte {
	var stream []byte
	for i := range 1000 {
		n := []byte(strconv.Itoa(100000 + i))
		stream = AppendRow(stream, [][]byte{n, []byte("山田太郎"), []byte("ヤマダタロウ"), []byte("taro@example.jp"), []byte("090-0000-0000"), []byte("東京都千代田区1-1"), nil, []byte("2020-01-01")})
	}
	return stream
}

func BenchmarkWalk(b *testing.B) {
	stream := rows()
	for _, bm := range []struct {
		name string
		row  func(Row)
	}{
		{"headers", func(Row) {}},
		{"column0", func(r Row) { v, _ := r.Column(0); _, _ = IntKey(OIDInt8, FormatText, v) }},
		{"column7", func(r Row) { _, _ = r.Column(7) }},
	} {
		b.Run(bm.name, func(b *testing.B) {
			s := Scanner{Hold: 1 << 16}
			b.ReportAllocs()
			b.SetBytes(int64(len(stream)))
			for b.Loop() {
				for chunk := stream; len(chunk) > 0; {
					m, rest, ok, err := s.Next(chunk)
					if !ok || err != nil {
						b.Fatal(err)
					}
					bm.row(Row(m.Body))
					chunk = rest
				}
			}
		})
	}
}

// BenchmarkFrame is the walk without Message values.
func BenchmarkFrame(b *testing.B) {
	stream := rows()
	for b.Loop() {
		for chunk := stream; len(chunk) > 0; {
			n := Frame(chunk)
			if n == 0 {
				b.Fatal("no message")
			}
			chunk = chunk[n:]
		}
	}
}

// TestWalkDoesNotAllocate guards the path every row takes.
func TestWalkDoesNotAllocate(t *testing.T) {
	stream := rows()
	s := Scanner{Hold: 1 << 16}
	var key [64]byte
	if n := testing.AllocsPerRun(10, func() {
		for chunk := stream; len(chunk) > 0; {
			m, rest, ok, err := s.Next(chunk)
			if !ok || err != nil {
				t.Fatal(err)
			}
			v, ok := Row(m.Body).Column(0)
			if _, isKey := AppendKey(key[:0], OIDInt8, FormatText, v); !ok || !isKey {
				t.Fatal("no key")
			}
			chunk = rest
		}
	}); n != 0 {
		t.Errorf("walking rows allocates %v times", n)
	}
}
