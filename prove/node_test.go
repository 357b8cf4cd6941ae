package prove

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// nodeScript uses node-postgres as applications do: text and prepared queries,
// types, errors, a cursor-like stream of rows, transactions, a pool.
const nodeScript = `
const { Client, Pool } = require('pg');
const out = (...a) => console.log(JSON.stringify(a));
(async () => {
  const c = new Client({ host: '127.0.0.1', port: process.argv[2], user: 'app', database: process.argv[3] });
  await c.connect();
  for (const [q, v] of [
    ['SELECT * FROM customers ORDER BY id', []],
    ['SELECT name, email FROM customers WHERE id::text = $1', ['1']],
    ['SELECT email FROM customers', []],
    ['SELECT $1::int + 1 AS n, $2::text AS t, $3::bool AS b, now() IS NOT NULL AS d', [41, 'x', true]],
    ['SELECT nonsense', []], ['SELECT 1/0', []], ['SELECT email::int FROM customers', []],
    ['SELECT count(*) FROM bookings', []],
  ]) {
    try { const r = await c.query(q, v); out(q, r.command, r.rowCount, r.fields.map(f => [f.name, f.dataTypeID, f.columnID, f.format]), r.rows); }
    catch (e) { out(q, e.code, e.message, e.position, e.detail, e.hint, e.severity); }
  }
  for (let i = 0; i < 3; i++) {
    const r = await c.query({ name: 'again', text: 'SELECT id, phone FROM customers WHERE points >= $1', values: [i * 100] });
    out('again', r.rows);
  }
  await c.query('BEGIN'); await c.query("UPDATE tours SET days = days WHERE id = 1"); await c.query('ROLLBACK');
  out(await c.query('SELECT 1 AS a; SELECT 2 AS b').then(r => r.map(x => x.rows)));
  await c.end();
  const pool = new Pool({ host: '127.0.0.1', port: process.argv[2], user: 'app', database: process.argv[3], max: 3 });
  out(await Promise.all([1, 2, 3, 4, 5].map(i => pool.query('SELECT $1::int AS i, id FROM customers ORDER BY id LIMIT 1', [i]).then(r => r.rows))));
  await pool.end();
})().catch(e => { out('failed', String(e)); process.exit(1); });
`

// TestNodePostgres compares what node-postgres gives an application directly
// and through a gate in observe mode.
func TestNodePostgres(t *testing.T) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("SKIPPED: npm is missing: sudo apt-get install -y npm")
	}
	dir := t.TempDir()
	for _, f := range []string{"package.json", "package-lock.json"} {
		data, err := os.ReadFile(filepath.Join("testdata", "node", f))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, f), data, 0o600))
	}
	install1 := exec.Command(npm, "ci", "--no-audit", "--no-fund", "--silent")
	install1.Dir = dir
	if out, err := install1.CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: node-postgres cannot be installed: %v\n%s", err, out)
	}
	must(t, os.WriteFile(filepath.Join(dir, "use.js"), []byte(nodeScript), 0o600))

	server := startServer(t)
	l := newLab(t, server, seeds(t)[0])
	base := l.base(seeds(t)[0])
	h := install(t, server, base, protectYAML(), "    mode: observe\n")
	h.up()
	defer h.stop()
	use := func(addr string) string {
		_, port, _ := strings.Cut(addr, ":")
		cmd := exec.Command("node", "use.js", port, base)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("node: %v\n%s", err, out)
		}
		return string(out)
	}
	want, got := use(server.Addr()), use(h.addr())
	if want != got {
		t.Errorf("through the gate: %s", firstDifference(got, want))
	}
}
