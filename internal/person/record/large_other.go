//go:build !linux

package record

// askLarge does nothing where memory has no such advice.
func askLarge([]byte) {}
