//go:build !linux

package durable

import "os"

// dataFile is an os.File; Sync is fsync(2), or what the system has for it.
type dataFile struct{ *os.File }
