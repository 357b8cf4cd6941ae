// The peer: DuckDB with two threads over one Parquet file that is sorted by
// time. Reads one question a line from standard input and answers with the
// count and the time of the second of two runs, in nanoseconds.
//
//   node peer.js load rows.csv crossings.parquet     DuckDB writes the file
//   node peer.js ask crossings.parquet
'use strict';
const { DuckDBInstance } = require('@duckdb/node-api');
const readline = require('readline');

async function connect() {
  const db = await DuckDBInstance.create(':memory:', { threads: '2' });
  return db.connect();
}

const quote = (s) => "'" + s.replaceAll("'", "''") + "'";

async function load(csv, parquet) {
  const c = await connect();
  await c.run(`copy (select make_timestamp(micros) as "at", client, table_id, subject
    from read_csv(${quote(csv)}, header = false, columns = {'micros': 'BIGINT', 'client': 'INTEGER', 'table_id': 'INTEGER', 'subject': 'INTEGER'}))
    to ${quote(parquet)} (format parquet)`);
  const r = await c.runAndReadAll(`select count(*) from ${quote(parquet)}`);
  console.log(String(r.getRows()[0][0]));
}

async function ask(parquet) {
  const c = await connect();
  const version = await c.runAndReadAll('select version()');
  console.log(String(version.getRows()[0][0]));
  const rl = readline.createInterface({ input: process.stdin, terminal: false });
  for await (const line of rl) {
    const q = JSON.parse(line);
    let sql = `select count(distinct subject) from ${quote(parquet)}
      where "at" >= make_timestamp(${q.from}::BIGINT) and "at" < make_timestamp(${q.to}::BIGINT)`;
    if (q.client >= 0) sql += ` and client = ${q.client}`;
    if (q.table >= 0) sql += ` and table_id = ${q.table}`;
    let count, took;
    for (let run = 0; run < 2; run++) {
      const start = process.hrtime.bigint();
      const r = await c.runAndReadAll(sql);
      count = r.getRows()[0][0];
      took = process.hrtime.bigint() - start;
    }
    console.log(`${count} ${took}`);
  }
}

const [mode, ...args] = process.argv.slice(2);
(mode === 'load' ? load(...args) : ask(...args)).catch((e) => {
  console.error(e);
  process.exit(1);
});
