package sqlscan

import "testing"

func BenchmarkScan(b *testing.B) {
	for _, bm := range []struct{ name, sql string }{
		{"pgbench", "SELECT abalance FROM pgbench_accounts WHERE aid = 4217;"},
		{"update", "UPDATE pgbench_accounts SET abalance = abalance + -4711 WHERE aid = 4217;"},
		{"join", "SELECT c.id, c.name, c.email, b.price FROM customers c JOIN bookings b ON b.customer_id = c.id WHERE c.email = 'a@example.jp' AND b.start_on >= date '2020-01-01' ORDER BY 1, b.price DESC LIMIT 50"},
		{"begin", "BEGIN"},
	} {
		b.Run(bm.name, func(b *testing.B) {
			var s Scanner
			sql := []byte(bm.sql)
			b.ReportAllocs()
			b.SetBytes(int64(len(sql)))
			for b.Loop() {
				if sts, err := s.Scan(sql, Options{StandardConformingStrings: true}); err != nil || len(sts) != 1 {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestScanDoesNotAllocate guards the path every statement takes.
func TestScanDoesNotAllocate(t *testing.T) {
	var s Scanner
	sql := []byte("SELECT c.id, c.email FROM customers c WHERE c.id = 5 AND c.name = 'x' AND n = $1; COMMIT")
	run := func() {
		if _, err := s.Scan(sql, Options{StandardConformingStrings: true}); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("Scan allocates %v times", n)
	}
}
