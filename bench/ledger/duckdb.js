// Groups the crossings in zstd segments: node duckdb.js 'DIR/*.zst'. Prints
// seconds, events, groups and CPU seconds of the second of two runs. The groups keep whose
// rows they were, as a view does, but as texts and not as sets.
const { DuckDBInstance } = require('@duckdb/node-api');

(async () => {
  const db = await DuckDBInstance.create(':memory:', { threads: '2' });
  const con = await db.connect();
  const sql = `
    SELECT sum(events)::BIGINT, count(*)::BIGINT, sum(len(subjects))::BIGINT FROM (
      SELECT b.session, b.statement, part."table", part.elements, part.class, b."from" // 3600000000000 AS hour,
             count(*) AS events, sum(part.rows) AS rows, list(part.subjects) AS subjects
      FROM (
        SELECT b, unnest(b.parts) AS part
        FROM read_json('${process.argv[2]}', format = 'newline_delimited', compression = 'zstd', columns = {
          t: 'VARCHAR', s: 'VARCHAR', w: 'USMALLINT', n: 'UBIGINT', "at": 'BIGINT', ce: 'BIGINT', k: 'USMALLINT', p: 'VARCHAR',
          b: 'STRUCT(session UBIGINT, statement UBIGINT, intent UBIGINT, outcome UTINYINT, "from" BIGINT, "to" BIGINT, count UBIGINT,
                     parts STRUCT("table" VARCHAR, source VARCHAR, elements VARCHAR[], class UTINYINT, reason VARCHAR,
                                  rows UBIGINT, subjects VARCHAR, unknown UBIGINT)[])'
        })
        WHERE k = 14
      )
      GROUP BY ALL
    )`;
  let line;
  for (let i = 0; i < 2; i++) {
    const start = process.hrtime.bigint(), cpu = process.cpuUsage();
    const rows = (await con.runAndReadAll(sql)).getRows();
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    const used = process.cpuUsage(cpu);
    line = `${seconds} ${rows[0][0]} ${rows[0][1]} ${(used.user + used.system) / 1e6}`;
  }
  console.log(line);
})().catch((err) => { console.error(err); process.exit(1); });
