//go:build unix

package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// owner is the user the server runs as; nil means ours.
type owner struct {
	name string
	uid  int
	gid  int
}

// findOwner returns nil unless the program is root.
func findOwner() (*owner, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.Atoi(u.Uid)
		gid, errGID := strconv.Atoi(u.Gid)
		if errUID == nil && errGID == nil && uid != 0 {
			return &owner{name, uid, gid}, nil
		}
	}
	return nil, errors.New("PostgreSQL does not run as root and there is neither a user postgres nor nobody\n" +
		"  try  run as an ordinary user (SK7102)")
}

// own gives path to o.
func (o *owner) own(path string) error {
	if o == nil {
		return nil
	}
	return os.Chown(path, o.uid, o.gid)
}

// reaches returns an error when o may not pass through a directory above dir.
func (o *owner) reaches(dir string) error {
	if o == nil {
		return nil
	}
	for at := filepath.Dir(dir); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return err
		}
		if !o.mayPass(info) {
			return fmt.Errorf("user %s, as whom PostgreSQL runs, may not enter %s\n"+
				"  try  another directory, or chmod o+x %s (SK7103)", o.name, at, at)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

func (o *owner) mayPass(info os.FileInfo) bool {
	perm := info.Mode().Perm()
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return perm&0o001 != 0
	case int(stat.Uid) == o.uid:
		return perm&0o100 != 0
	case int(stat.Gid) == o.gid:
		return perm&0o010 != 0
	}
	return perm&0o001 != 0
}

// apply makes cmd run as o in its own process group, so that a Ctrl-C at the
// terminal reaches the program and not the server under it.
func (o *owner) apply(cmd *exec.Cmd) {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if o != nil {
		attr.Credential = &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}
	}
	dieWithParent(attr)
	cmd.SysProcAttr = attr
}

var (
	signalFast      os.Signal = syscall.SIGINT  // sessions are cut, the shutdown is clean
	signalImmediate os.Signal = syscall.SIGQUIT // as after a crash: recovery at the next start
)
