package pgproxy

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/lineage"
)

// A write that nobody analysed taints whatever its table holds: each column, and
// also how many rows there are.
func TestProtectionOfWhatIsNotKnown(t *testing.T) {
	everything := element.MaskOf(element.Name, element.Email)
	from := []event.Place{customers}
	for name, c := range map[string]struct {
		taint Taint
		want  lineage.Table
	}{
		"not analysed": {Taint{Elements: everything, From: from}, lineage.Table{
			Columns: map[string]element.Mask{"a": everything, "b": everything},
			Carried: map[string]lineage.Carried{"": {Elements: everything, From: from}}}},
		"rows": {Taint{Elements: personal, Rows: element.MaskOf(element.Email), From: from}, lineage.Table{
			Columns: map[string]element.Mask{"a": 0, "b": 0},
			Carried: map[string]lineage.Carried{"": {Elements: element.MaskOf(element.Email), From: from}}}},
		"one column": {Taint{Elements: everything, From: from, Columns: []TaintColumn{{Name: "b", Elements: everything}}}, lineage.Table{
			Columns: map[string]element.Mask{"a": 0, "b": everything}}},
	} {
		t.Run(name, func(t *testing.T) {
			c.taint.Table, c.taint.Source = "shop/public.copy", "shop.customers"
			cat := &lineage.Catalog{Relations: map[lineage.OID]*lineage.Relation{1: {Schema: "public", Name: "copy", Place: "shop/public.copy",
				Columns: []lineage.Attribute{{Num: 1, Name: "a"}, {Num: 2, Name: "b"}}}}}
			got, ok := c.taint.Protection(cat)
			c.want.Schema, c.want.Name, c.want.Source, c.want.From = "public", "copy", "shop.customers", from
			if diff := cmp.Diff(c.want, got); !ok || diff != "" {
				t.Errorf("%v (-want +got)\n%s", ok, diff)
			}
		})
	}
}
