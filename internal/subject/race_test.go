//go:build race

package subject

// raced: the race detector allocates.
const raced = true
