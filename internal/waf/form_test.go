package waf

import (
	"fmt"
	"strings"
	"testing"

	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	_ "sekisho/internal/seed"
)

// A form is read as the judge reads the same text in a query.
func TestForm(t *testing.T) {
	e, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	pieces := []string{"a", "A", "b", "=", "&", "&&", "+", "%", "%4", "%41", "%zz", "%+1", "%e3%81%82", "%00", "[]", ";", "あ", "%25", "%2", "c=d"}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 30).Draw(t, "text"), "")
		tx, err := e.reader.begin(&Request{Method: "POST", URI: "/?" + text, Protocol: "HTTP/1.1", Client: "192.0.2.7", Body: []byte(text), Headers: []Header{
			{Name: "Host", Value: "shop.example"}, {Name: "Content-Type", Value: "application/x-www-form-urlencoded"}, {Name: "Content-Length", Value: fmt.Sprint(len(text))}}})
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Close()
		v := tx.(plugintypes.TransactionState).Variables()
		if diff := cmp.Diff(pairs(v.ArgsGet().FindAll()), pairs(v.ArgsPost().FindAll())); diff != "" {
			t.Fatalf("%q: query and form (-query +form):\n%s", text, diff)
		}
		if got := v.RequestBody().Get(); got != text {
			t.Fatalf("the body is %q, want %q", got, text)
		}
	})
}

// pairs counts names with values.
func pairs(all []types.MatchData) map[string]int {
	m := map[string]int{}
	for _, d := range all {
		m[d.Key()+"="+d.Value()]++
	}
	return m
}

// A second name in another case hides nothing.
func TestFormNamesInTwoCases(t *testing.T) {
	e, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"q=1'+union+select+password+from+users--+&Q=x", "Q=x&q=1'+union+select+password+from+users--+"} {
		v, err := e.Request(&Request{Method: "POST", URI: "/", Protocol: "HTTP/1.1", Client: "192.0.2.7", Body: []byte(body), Headers: []Header{
			{Name: "Host", Value: "shop.example"}, {Name: "Content-Type", Value: "application/x-www-form-urlencoded"}, {Name: "Content-Length", Value: fmt.Sprint(len(body))}}})
		if err != nil || !v.Attack {
			t.Errorf("%q: attack %v, score %d, %v", body, v.Attack, v.Score, err)
		}
	}
}
