// Package datamap knows what rests where: it reads which subjects have which
// elements in the protected tables of a PostgreSQL, MySQL, MariaDB or SQLite
// database and records them as holdings, and it watches whether anybody reaches a
// PostgreSQL database around its gate.
//
// It is not a gate and carries nothing: it is a reader of its own, with an
// account that may only read.
//
// # Holdings
//
// A [Map] reads each table in one read-only snapshot, gives
// its subjects numbers and records event.HoldingScan: at the start, on
// schedule, and soon after somebody asks for it (Rescan), as the gate does when
// it saw changes whose subjects it could not tell.
//
// # Bypass watch
//
// A [Watch] compares what the server counts with what its gate carried:
// sessions (pg_stat_database.sessions, PostgreSQL 14 and later), backends
// (pg_stat_activity), changed rows (pg_stat_user_tables) and the catalogue.
// Every comparison reads the server first and the gate second, and the gate
// says what is still under way, so that traffic through the gate can never
// look like a bypass. All counters are cumulative: what one poll cannot tell,
// because the server reports late, a later poll can. An uncovered interval
// begins with the last poll in which everything agreed exactly.
package datamap
