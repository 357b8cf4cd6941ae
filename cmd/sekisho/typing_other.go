//go:build !linux

package main

import "os"

// hideTyping does nothing: echo is switched off on Linux only.
func hideTyping(*os.File) (restore func()) { return func() {} }
