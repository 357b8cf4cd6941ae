package demo

import (
	"os/exec"
	"syscall"
)

// tie keeps a Ctrl-C at the terminal from reaching cmd, because the demo ends
// it in order, and makes it end when the demo is killed.
func tie(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
