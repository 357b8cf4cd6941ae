package lineage_test

import (
	"fmt"
	"testing"

	"sekisho/internal/lineage"
)

// BenchmarkAnalyse is what a statement costs: cached, and asked of the server
// over loopback.
func BenchmarkAnalyse(b *testing.B) {
	_, control := open(b, schema(b))
	r := reader(b, config(control))
	sql := "SELECT c.id, c.email, b.item FROM customers c JOIN bookings b ON b.customer_id = c.id WHERE c.id = $1"
	ask := func(b *testing.B, req lineage.Request) {
		if _, err := r.Analyse(b.Context(), req); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("cached", func(b *testing.B) {
		req := request(sql)
		req.Text, req.Fingerprint = sql, 7
		b.ReportAllocs()
		for b.Loop() {
			ask(b, req)
		}
	})
	b.Run("asked", func(b *testing.B) {
		i := 0
		for b.Loop() {
			i++
			ask(b, request(fmt.Sprintf("%s AND c.id <> %d", sql, i)))
		}
	})
}

// BenchmarkAnalyseTree is the pure analysis of a captured tree.
func BenchmarkAnalyseTree(b *testing.B) {
	c := capturedTrees(b)
	for _, name := range []string{"plain with key", "view over view with a predicate", "information schema"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				lineage.AnalyseTree(c.Catalog, c.Trees[name], lineage.Options{Place: "shop"})
			}
		})
	}
}
