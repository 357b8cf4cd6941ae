//go:build unix && !linux

package pgserver

import "syscall"

// dieWithParent does nothing: only Linux has parent death signals. A killed
// program leaves its server behind here.
func dieWithParent(*syscall.SysProcAttr) {}
