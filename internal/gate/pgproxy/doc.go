// Package pgproxy is the PostgreSQL gate: it carries sessions between clients
// and one server, knows for every row that leaves whose row it is and which
// elements it holds, asks the policy, and records before it releases.
//
// It is not a parser of SQL and not a reader of lineage: package sqlscan cuts
// texts, and what a statement reads is asked of an [Analyser]. It neither
// stores nor counts disclosures: it writes events.
//
// # One session
//
// An engine is a pure state machine of one session: bytes of either side go in,
// bytes for either side come out, whatever the chunking. It never blocks: when
// it must wait (for an analysis, for an injected SHOW, for a durable record,
// for a cancel) it says so, and the transport stops reading that side until
// wake. Every frontend message that will be answered has an item in the
// expected-reply queue, so every row belongs to one execution of one statement.
// When the server's answers disagree with the queue the session is lost: from
// then on every row is bounded over all protected tables. It is never shifted.
//
// # What is changed on the wire
//
// In observe mode the client gets the server's bytes. The gate adds, and takes
// the answers of, a Describe between Bind and Execute when the client sent
// none, SHOW statements at an idle ReadyForQuery, and key columns of plain
// SELECTs when key injection is on.
//
// # Recording
//
// The rows of one (session, statement) within 100 ms are a bucket. Its
// event.Intent is recorded before its first row is released, its
// event.Crossing when it closes. In strict mode the bucket is one execution
// and the intent's sync is awaited. Traces that clients name in comments or in
// application_name are recorded in both as labels; nothing is decided by them.
package pgproxy
