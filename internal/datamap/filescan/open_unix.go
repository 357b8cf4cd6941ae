//go:build !linux && !windows

package filescan

import "io/fs"

func isLocked(error) bool { return false }

func public(info fs.FileInfo) bool { return info.Mode().Perm()&0o004 != 0 }
