package pgserver

import "syscall"

// dieWithParent makes the kernel stop the server (fast shutdown) when the
// thread that started it ends, which is when this program is killed: see
// Server.run, which holds that thread.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGINT }
