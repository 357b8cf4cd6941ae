//go:build !linux

package network

import (
	"errors"
	"os"
	"os/exec"
)

const supported = false

var errSystem = errors.New("this system has no network namespaces")

func isolate(*exec.Cmd, bool) {}

func setHosts(string) error { return errSystem }

func namespace() (*os.File, error) { return nil, errSystem }

func within(*os.File, func() error) error { return errSystem }

func forward() error { return errSystem }
