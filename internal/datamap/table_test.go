package datamap

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/element"
)

// TestHolding: a column of one element has it, one of none has no personal data, and one
// of several is left to count as unclassified.
func TestHolding(t *testing.T) {
	of := Table{Name: "copy", Key: "id"}
	got := of.Holding(map[string]element.Mask{"email": element.MaskOf(element.Email), "note": element.MaskOf(element.Email, element.Name), "z": 0, "a": 0})
	want := Table{Name: "copy", Key: "id", Columns: map[string]element.Kind{"email": element.Email}, Plain: []string{"a", "z"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if of.Columns != nil {
		t.Error("the table that it is made of changed")
	}
}
