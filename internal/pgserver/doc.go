// Package pgserver starts a private PostgreSQL on this machine: for the demo,
// for tests against the real thing and for the proof suite.
//
// It does not manage anybody's own database. A server belongs to the program
// that started it, listens on loopback only, and ends with that program.
//
// PostgreSQL refuses to run as root. When the program is root, the server runs
// as user postgres, or nobody where there is no postgres, and owns its
// directory.
package pgserver
