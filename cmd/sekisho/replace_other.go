//go:build !linux

package main

import (
	"errors"
	"net"
)

// Elsewhere no program follows another in one process, and no socket is held.

const canReplace = false

var errNoReplace = errors.New("this system cannot")

func duplicate(any) (int, bool)                  { return 0, false }
func listenerOf(int) (net.Listener, error)       { return nil, errNoReplace }
func packetsOf(int) (*net.UDPConn, error)        { return nil, errNoReplace }
func boundPort(int) string                       { return "" }
func closeSocket(int)                            {}
func ownProgram() (int, error)                   { return 0, errNoReplace }
func keepText([]byte) (int, error)               { return 0, errNoReplace }
func keptText(int) ([]byte, error)               { return nil, errNoReplace }
func forgetText(int)                             {}
func replaceProcess(string, string, []int) error { return errNoReplace }
func keepPrivate(int)                            {}
func programOf(int) string                       { return "" }
