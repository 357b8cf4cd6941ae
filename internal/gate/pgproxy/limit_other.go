//go:build !unix

package pgproxy

import "errors"

var errTooManyFiles = errors.New("too many open files")
