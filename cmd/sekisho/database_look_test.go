package main

import "testing"

// TestLookAnswered: an answer without what was asked for is none; the command looks
// for itself then.
func TestLookAnswered(t *testing.T) {
	all := databaseAsk{Rights: true}
	for text, want := range map[string]bool{`{"Rights":{"Version":"17"}}`: true, `{"Rights":null}`: false, `{}`: false, `{"Proposal":{}}`: false, `[]`: false, ``: false} {
		if got := all.answered([]byte(text)) != nil; got != want {
			t.Errorf("%s is an answer: %v, want %v", text, got, want)
		}
	}
	if (&databaseAsk{}).answered([]byte(`{}`)) == nil {
		t.Error("nobody asked for rights, and an answer without them is none")
	}
}
