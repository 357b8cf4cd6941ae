package revproxy

import (
	"strings"
	"testing"
)

// TestAttributeIsLookedForNearby: a long value costs what is near each of its marks.
func TestAttributeIsLookedForNearby(t *testing.T) {
	value := `1 <a ` + strings.Repeat(`b="x" `, 200) + `c="`
	if opensAttribute(value, len(value)-1) {
		t.Error("looked over the whole value for the beginning of a tag")
	}
	if near := value[:5+6*20] + `c="`; !opensAttribute(near, len(near)-1) {
		t.Error("a tag with twenty attributes is none")
	}
}
