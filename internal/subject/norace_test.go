//go:build !race

package subject

const raced = false
