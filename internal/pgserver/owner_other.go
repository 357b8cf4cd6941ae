//go:build !unix

package pgserver

import (
	"os"
	"os/exec"
)

// owner is always nil here: the server runs as the program's user.
type owner struct{}

func findOwner() (*owner, error)    { return nil, nil }
func (*owner) own(string) error     { return nil }
func (*owner) reaches(string) error { return nil }
func (*owner) apply(*exec.Cmd)      {}

var (
	signalFast      = os.Kill
	signalImmediate = os.Kill
)
