package sqlscan

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestLiteralsAgreeWithPostgres compares decoded constants, with
// standard_conforming_strings on and off.
func TestLiteralsAgreeWithPostgres(t *testing.T) {
	db := start(t)
	if _, err := db.exec("SET client_min_messages = error; SET escape_string_warning = off; SET backslash_quote = on"); err != nil {
		t.Fatal(err)
	}
	seed := *seedFlag
	rng := rand.New(rand.NewPCG(seed, 5))
	pieces := []string{"a", "é", "'", "''", `\`, `\\`, `\'`, `\n`, `\b`, `\101`, `\x41`, `\xZ`, `\u0061`, `\U00000062`, `\uD83D\uDE00`, `\+000063`, `\0064`, "!0065", "$", "$$", "$a$", "\n", " ", "--", "/*", ";", `\8`, `\u12`, `\D83D\DE00`}
	for _, standard := range []bool{true, false} {
		if _, err := db.exec(fmt.Sprintf("SET standard_conforming_strings = %v", standard)); err != nil {
			t.Fatal(err)
		}
		accepted := 0
		for range 3000 {
			open := []string{"'", "E'", "e'", "U&'", "N'", "$$", "$a$", "B'", "X'"}[rng.IntN(9)]
			var body strings.Builder
			for range rng.IntN(5) {
				body.WriteString(pieces[rng.IntN(len(pieces))])
			}
			closing := "'"
			switch {
			case strings.HasPrefix(open, "$"):
				closing = open
			case rng.IntN(8) == 0:
				closing = "'\n 'x'"
			}
			lit := open + body.String() + closing
			if open == "U&'" && rng.IntN(3) == 0 {
				lit += " UESCAPE '!'"
			}
			ok, err := db.sameLiteral(lit, standard)
			if err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
			if ok {
				accepted++
			}
		}
		if accepted < 300 {
			t.Errorf("standard_conforming_strings %v: the server accepted only %d literals", standard, accepted)
		}
	}
}

// sameLiteral reports whether the server accepts the literal, and an error
// when it reads something else than we do.
func (s *server) sameLiteral(lit string, standard bool) (bool, error) {
	sql := "SELECT (" + lit + ")::text"
	want, err := s.value(sql)
	if err != nil || strings.IndexByte(lit, 0) >= 0 {
		return false, nil
	}
	sts, err := Scan([]byte(sql), Options{StandardConformingStrings: standard}, nil)
	if err != nil || len(sts) != 1 || len(sts[0].Literals) != 1 {
		return false, fmt.Errorf("%q, standard_conforming_strings %v: not one literal for us (%v), %q for PostgreSQL", sql, standard, err, want)
	}
	value, ok := sts[0].Literals[0].AppendValue(nil, []byte(sql))
	got := string(value)
	switch {
	case strings.HasPrefix(got, "x") && strings.EqualFold(lit[:1], "x"):
		return true, nil // printed in binary by the server
	case strings.EqualFold(lit[:1], "b"):
		got = strings.TrimPrefix(got, "b")
	case strings.EqualFold(lit[:1], "n"):
		got = strings.TrimRight(got, " ") // the cast from bpchar does
	}
	if !ok || got != want {
		return false, fmt.Errorf("%q, standard_conforming_strings %v: ours %q (%v), PostgreSQL's %q", sql, standard, got, ok, want)
	}
	return true, nil
}

// TestSplitWithoutStandardStrings repeats the splitting test with backslash
// escapes in plain strings.
func TestSplitWithoutStandardStrings(t *testing.T) {
	db := start(t)
	if _, err := db.exec("SET standard_conforming_strings = off; SET escape_string_warning = off; SET backslash_quote = on"); err != nil {
		t.Fatal(err)
	}
	seed := *seedFlag
	rng, corpus := rand.New(rand.NewPCG(seed, 6)), readCorpus(t)
	for range 3000 {
		sql := mutate(rng, corpus)
		if strings.IndexByte(sql, 0) >= 0 {
			continue
		}
		if rng.IntN(2) == 0 {
			sql = strings.ReplaceAll(sql, "''", `\'`)
		}
		if err := db.agreeIn(sql, Options{}); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, tc := range []struct {
		text  string
		class Class
		value string
	}{
		{"0", Int, "0"}, {"007", Int, "7"}, {"2147483647", Int, "2147483647"}, {"2147483648", BigInt, "2147483648"},
		{"-2147483648", Int, "-2147483648"}, {"-2147483649", BigInt, "-2147483649"}, {"9223372036854775807", BigInt, "9223372036854775807"},
		{"9223372036854775808", Numeric, "9223372036854775808"}, {"-9223372036854775808", BigInt, "-9223372036854775808"},
		{"99999999999999999999999", Numeric, "99999999999999999999999"}, {"1.50", Numeric, "1.50"}, {".5", Numeric, ".5"}, {"1e-5", Numeric, "1e-5"},
		{"-1e-5", Numeric, "-1e-5"}, {"- /* c */ 7", Int, "-7"}, {"0x1F", Int, "31"}, {"0b101", Int, "5"}, {"0o17", Int, "15"}, {"1_000", Int, "1000"},
		{"0xFFFFFFFF", BigInt, "4294967295"}, {"-\n1.5", Numeric, "-1.5"},
	} {
		sql := "select " + tc.text
		st := scanOne(t, sql)
		if len(st.Literals) != 1 {
			t.Errorf("%q has %d literals", sql, len(st.Literals))
			continue
		}
		l := &st.Literals[0]
		if got, ok := l.AppendValue(nil, []byte(sql)); l.Class != tc.class || string(got) != tc.value || !ok {
			t.Errorf("%q is %d %q %v, want %d %q", sql, l.Class, got, ok, tc.class, tc.value)
		}
	}
}
