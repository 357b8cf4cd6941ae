//go:build unix

package pgproxy

import "syscall"

// errTooManyFiles is when accepting may work again later.
var errTooManyFiles error = syscall.EMFILE
