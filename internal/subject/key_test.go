package subject

import (
	"math"
	"strconv"
	"testing"
)

func TestParseInt(t *testing.T) {
	for _, c := range []struct {
		bin  bool
		in   string
		want int64
		ok   bool
	}{
		{false, "0", 0, true}, {false, "-1", -1, true}, {false, "0012", 12, true},
		{false, "9223372036854775807", math.MaxInt64, true}, {false, "9223372036854775808", 0, false},
		{false, "-9223372036854775808", math.MinInt64, true}, {false, "-9223372036854775809", 0, false},
		{false, "99999999999999999999", 0, false},
		{false, "", 0, false}, {false, "-", 0, false}, {false, " 1", 0, false}, {false, "1e3", 0, false},
		{true, "\xff\xfe", -2, true}, {true, "\x00\x00\x00\x05", 5, true},
		{true, "\x80\x00\x00\x00\x00\x00\x00\x00", math.MinInt64, true}, {true, "\x01", 0, false},
	} {
		if got, ok := ParseInt(c.bin, []byte(c.in)); ok != c.ok || ok && got != c.want {
			t.Errorf("ParseInt(%v, %q) = %d, %v, want %d, %v", c.bin, c.in, got, ok, c.want, c.ok)
		}
	}
}

func FuzzParseInt(f *testing.F) {
	f.Add("-9223372036854775808")
	f.Fuzz(func(t *testing.T, text string) {
		want, err := strconv.ParseInt(text, 10, 64)
		got, ok := ParseInt(false, []byte(text))
		if ok && (err != nil || got != want) {
			t.Errorf("ParseInt(%q) = %d, strconv says %d, %v", text, got, want, err)
		}
		if err == nil && !ok && len(text) < 20 && text[0] != '+' {
			t.Errorf("ParseInt(%q) refused", text)
		}
	})
}

func TestParseUUID(t *testing.T) {
	want := "550e8400-e29b-41d4-a716-446655440000"
	for _, in := range []string{want, "{550E8400-E29B-41D4-A716-446655440000}", "550e8400e29b41d4a716446655440000"} {
		var u [16]byte
		if !ParseUUID(&u, false, []byte(in)) {
			t.Errorf("ParseUUID(%q) refused", in)
		}
		if got := (Key{Kind: UUID, Bytes: u[:]}).String(); got != want {
			t.Errorf("ParseUUID(%q) = %s", in, got)
		}
		if !ParseUUID(new([16]byte), true, u[:]) {
			t.Error("binary UUID refused")
		}
	}
	for _, in := range []string{"", "550e8400", want + "0", "550e8400-e29b-41d4-a716-44665544000g", "{" + want} {
		if ParseUUID(new([16]byte), false, []byte(in)) {
			t.Errorf("ParseUUID(%q) accepted", in)
		}
	}
}

func TestNumberAllocatesNothing(t *testing.T) {
	d := newDict(newRing(t), &memory{}, nil)
	s := d.Source("s")
	if err := s.AssignInts(t.Context(), []int64{7}, make([]uint32, 1)); err != nil {
		t.Fatal(err)
	}
	uuid := []byte("550e8400-e29b-41d4-a716-446655440000")
	var u [16]byte
	ParseUUID(&u, false, uuid)
	if err := s.AssignBytes(t.Context(), UUID, [][]byte{u[:]}, make([]uint32, 1)); err != nil {
		t.Fatal(err)
	}
	seven := []byte("7")
	if n := testing.AllocsPerRun(100, func() {
		if _, ok := s.Number(Int, false, seven); !ok {
			t.Error("key 7 is missing")
		}
		if _, ok := s.Number(UUID, false, uuid); !ok {
			t.Error("uuid is missing")
		}
	}); n != 0 {
		t.Errorf("%v allocations a look-up, want 0", n)
	}
}
