package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// hideTyping switches the terminal's echo off and returns what switches it on
// again. Where it cannot, it does nothing.
func hideTyping(f *os.File) (restore func()) {
	old, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return func() {}
	}
	quiet := *old
	quiet.Lflag &^= unix.ECHO
	if unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, &quiet) != nil {
		return func() {}
	}
	return func() {
		_ = unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, old) // a terminal that went away needs no echo
	}
}
