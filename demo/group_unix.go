//go:build unix

package demo

import (
	"os/exec"
	"syscall"
)

// setGroup keeps a Ctrl-C at the terminal from reaching cmd: the demo ends it
// in order.
func setGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
