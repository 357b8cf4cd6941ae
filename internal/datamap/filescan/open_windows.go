package filescan

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/windows"
)

// isLocked: another program opened the file without sharing it, or locked a part.
func isLocked(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_LOCK_VIOLATION)
}

// public: who may read a file is in its access control list, which is not read.
func public(fs.FileInfo) bool { return false }
