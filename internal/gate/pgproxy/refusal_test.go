package pgproxy

import (
	"bytes"
	"strings"
	"testing"

	"sekisho/internal/policy"
)

// The gate speaks the operator's language to clients that can read it.
func TestRefusalIsSaid(t *testing.T) {
	for encoding, want := range map[string]string{"UTF8": "断る", "SJIS": "the gate's policy refuses this statement", "": "the gate's policy refuses this statement"} {
		b := newBench(t, nil)
		b.e.env.reported("client_encoding", encoding)
		b.e.g.say = func(text string) string {
			if strings.HasPrefix(text, "ask the operator") {
				return "聞く"
			}
			return "断る"
		}
		b.deny(policy.Enforce)
		b.an.by[selectAll] = exactByColumn()
		b.client(q(selectAll))
		got := b.server(fails("42601"), ready('E'))
		if !bytes.Contains(got, []byte("M"+want+"\x00")) || bytes.Contains(got, []byte("聞く")) != (encoding == "UTF8") {
			t.Errorf("%s: got %q, want it to say %s", encoding, got, want)
		}
	}
}
