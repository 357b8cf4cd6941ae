// Package arch holds the rules of the source tree as a test: who may import
// whom, what every package must say, and what no source may contain.
//
// It has no code of its own. The test reads the sources itself: one that asked
// the go command could be served from the test cache and never fire.
package arch
