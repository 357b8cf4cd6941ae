//go:build unix && !linux

package demo

import (
	"os/exec"
	"syscall"
)

// tie keeps a Ctrl-C at the terminal from reaching cmd: the demo ends it in
// order.
func tie(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
