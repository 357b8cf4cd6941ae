package disclosure

import "sekisho/internal/view"

// stamp names the schema and the meaning of its bytes. Any change gets a new
// one, and every view is then folded again from the ledger.
//
//	disclosure 1	2026-11-22	first
//	disclosure 2	2026-11-22	evidence: what ended intents, which signs of life show cover
//	disclosure 3	2026-11-22	signs of life are told apart by the run that they belong to
//	disclosure 4	2026-11-22	taints outlive scans, and those of a whole database end with a person's word
//	disclosure 5	2026-11-22	what a site shows is no place of its own tables
//	disclosure 6	2026-11-22	places of a gate begin and end while it runs
//	disclosure 7	2026-11-22	until when records of remote processes were wanted
//	disclosure 8	2026-11-23	from when on what crossed may have rested there
//	disclosure 9	2026-11-23	from when on what was written may have
//	disclosure 10	2026-11-23	with which event the ledger began when the view was made
const stamp = "disclosure 10"

const schema = view.Schema + `
-- Places, sources, users, addresses, labels, reasons: once each.
CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE client (id INTEGER PRIMARY KEY, user INTEGER NOT NULL, address INTEGER NOT NULL, UNIQUE (user, address));
CREATE TABLE session (
	id      INTEGER PRIMARY KEY,
	source  INTEGER NOT NULL,
	number  INTEGER NOT NULL, -- two's complement of the uint64
	client  INTEGER NOT NULL, -- 0: nobody said who it is
	label   INTEGER NOT NULL,
	place   INTEGER NOT NULL,
	opened  INTEGER NOT NULL, -- UTC ns, earliest
	closed  INTEGER NOT NULL, -- UTC ns, latest; 0: not yet
	idx     INTEGER NOT NULL, -- ledger index of the opening, -1: none
	first   INTEGER NOT NULL, -- hours in which it crossed
	last    INTEGER NOT NULL,
	UNIQUE (source, number)
);
CREATE TABLE statement (id INTEGER PRIMARY KEY, number INTEGER NOT NULL UNIQUE, text TEXT NOT NULL);
-- What crossings have in common: table, subject source, elements, class, reason.
CREATE TABLE series (
	id     INTEGER PRIMARY KEY,
	tbl    INTEGER NOT NULL,
	source INTEGER NOT NULL,
	mask   INTEGER NOT NULL,
	class  INTEGER NOT NULL,
	reason INTEGER NOT NULL,
	UNIQUE (tbl, source, mask, class, reason)
);
-- Crossings one by one, by the hour in which they may have begun (record.go).
CREATE TABLE page (
	hour  INTEGER NOT NULL,
	part  INTEGER NOT NULL,
	first INTEGER NOT NULL, -- ledger index of the first record
	n     INTEGER NOT NULL,
	data  BLOB NOT NULL,
	PRIMARY KEY (hour, part)
);
-- Records that reach into a later hour.
CREATE TABLE spill (hi INTEGER NOT NULL, lo INTEGER NOT NULL, first INTEGER NOT NULL, hour INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX spill_hi ON spill (hi);
-- Crossings summed up by block of hours and by table or client (roll.go).
CREATE TABLE roll (
	level INTEGER NOT NULL,
	block INTEGER NOT NULL,
	dim   INTEGER NOT NULL, -- 0 table, 1 client
	key   INTEGER NOT NULL,
	data  BLOB NOT NULL,
	PRIMARY KEY (level, block, dim, key)
);
CREATE TABLE intent (
	source INTEGER NOT NULL, worker INTEGER NOT NULL, seq INTEGER NOT NULL,
	session INTEGER NOT NULL, lo INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, -- 0: open
	ended INTEGER NOT NULL, -- ledger index of what ended it
	idx INTEGER NOT NULL, parts TEXT NOT NULL,
	PRIMARY KEY (source, worker, seq)
);
CREATE TABLE known (tbl INTEGER PRIMARY KEY, idx INTEGER NOT NULL); -- tables that were ever named, and where first
CREATE TABLE scan (
	id     INTEGER PRIMARY KEY,
	origin INTEGER NOT NULL, number INTEGER NOT NULL, tbl INTEGER NOT NULL, source INTEGER NOT NULL,
	lo INTEGER NOT NULL, hi INTEGER NOT NULL, parts INTEGER NOT NULL,
	rows INTEGER NOT NULL, lost INTEGER NOT NULL,
	UNIQUE (origin, number, tbl, source)
);
CREATE TABLE scan_set (scan INTEGER NOT NULL, part INTEGER NOT NULL, idx INTEGER NOT NULL, mask INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX scan_set_scan ON scan_set (scan, part);
CREATE TABLE change (
	id  INTEGER PRIMARY KEY,
	tbl INTEGER NOT NULL, source INTEGER NOT NULL, lo INTEGER NOT NULL, hi INTEGER NOT NULL,
	op INTEGER NOT NULL, rows INTEGER NOT NULL, lost INTEGER NOT NULL, idx INTEGER NOT NULL, data BLOB NOT NULL
);
CREATE INDEX change_at ON change (tbl, source, lo);
CREATE TABLE taint (idx INTEGER PRIMARY KEY, tbl INTEGER NOT NULL, source INTEGER NOT NULL, at INTEGER NOT NULL, lo INTEGER NOT NULL, hi INTEGER NOT NULL, since INTEGER NOT NULL,
	mask INTEGER NOT NULL, origin TEXT NOT NULL,
	scanned INTEGER NOT NULL, -- 1: a scan of the table shows whose rows it brought
	until   INTEGER NOT NULL, -- UTC ns; the greatest integer: still
	cleared INTEGER NOT NULL, -- ledger index of the event that ended it
	shown   INTEGER NOT NULL  -- 1: by a site, which is asked about by its own name
);
CREATE TABLE run (source TEXT NOT NULL, n INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (source, n));
CREATE TABLE mark (n INTEGER PRIMARY KEY, data TEXT NOT NULL);
-- Ledger indexes that show what was covered: signs of life thinned out, marks.
CREATE TABLE sign (source INTEGER NOT NULL, run INTEGER NOT NULL, at INTEGER NOT NULL, idx INTEGER NOT NULL, fixed INTEGER NOT NULL);
CREATE INDEX sign_at ON sign (fixed, source, run, at);
CREATE TABLE vital (source INTEGER PRIMARY KEY, kept INTEGER NOT NULL, kept_idx INTEGER NOT NULL, at INTEGER NOT NULL, idx INTEGER NOT NULL, places INTEGER NOT NULL, clock INTEGER NOT NULL);
CREATE TABLE due (site TEXT PRIMARY KEY, at INTEGER NOT NULL, idx INTEGER NOT NULL); -- records of remote processes that were wanted
CREATE TABLE destroyed (key TEXT PRIMARY KEY, idx INTEGER NOT NULL);
CREATE TABLE begun (first INTEGER NOT NULL); -- index of the first event that retention had left then
INSERT INTO begun VALUES (0);
CREATE TABLE watermark (at INTEGER NOT NULL);
INSERT INTO watermark VALUES (-9223372036854775808);
`
