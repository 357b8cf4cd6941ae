// Package sqlscan splits PostgreSQL statement texts, says what kind each is,
// and computes a fingerprint with literals removed.
//
// It is a lexer with a few look-aheads, not a parser: what a statement reads is
// asked of the server (package lineage).
package sqlscan
