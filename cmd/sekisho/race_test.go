//go:build race

package main

// raceMemory is by how much more memory a program with the race detector may take.
const raceMemory = 8
