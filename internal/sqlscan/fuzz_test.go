package sqlscan

import (
	"bytes"
	"testing"
)

func FuzzScan(f *testing.F) {
	for _, sql := range readCorpus(f) {
		f.Add([]byte(sql), true)
	}
	for _, s := range spice {
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, sql []byte, standard bool) {
		before := bytes.Clone(sql)
		sts, err := Scan(sql, Options{StandardConformingStrings: standard}, nil)
		if !bytes.Equal(before, sql) {
			t.Fatal("the text was changed")
		}
		if err != nil {
			return
		}
		last := 0
		for i := range sts {
			st := &sts[i]
			if st.Span.From < last || st.Span.To <= st.Span.From || st.Span.To > len(sql) {
				t.Fatalf("statement %d is %v after %d in %d bytes", i, st.Span, last, len(sql))
			}
			last = st.Span.To
			checkStatement(t, sql, st)
		}
	})
}

func checkStatement(t *testing.T, sql []byte, st *Statement) {
	t.Helper()
	at, replaced := st.Span.From, st.Query.From
	for i := range st.Literals {
		l := &st.Literals[i]
		if l.Span.From < at || l.Span.To > st.Span.To || l.Span.Empty() || !l.Type.Empty() && (l.Type.From < replaced || l.Type.To > l.Span.From) {
			t.Fatalf("literal %d is %+v after %d", i, l, at)
		}
		if at = l.Span.To; l.Param {
			replaced = at
		}
		l.AppendValue(nil, sql)
	}
	for _, s := range []Span{st.Query, st.Name, st.Target, st.Into} {
		if !s.Empty() && (s.From < st.Span.From || s.To > st.Span.To) {
			t.Fatalf("span %v is outside %v", s, st.Span)
		}
		AppendName(nil, sql, s)
	}
	st.EachWord(sql, func([]byte) bool { return true })
	Normalised(sql, st, nil)
	ParseCopy(sql, st)
	Arguments(st, nil)
	var p Params
	if _, err := Parameterised(sql, st, nil, &p); err == nil && len(p.Ordinal) != len(st.Literals) {
		t.Fatalf("%d ordinals for %d literals", len(p.Ordinal), len(st.Literals))
	}
}
