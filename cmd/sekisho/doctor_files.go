package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// Commands that mend, by what is installed.

// unitFile is where the packages put the unit, packagedUser who it runs as.
const (
	unitFile     = "/usr/lib/systemd/system/sekisho.service"
	packagedUser = "sekisho"
)

// packaged reports whether this is the installation that the unit runs.
func (d *doctor) packaged() bool {
	dir, err := filepath.Abs(filepath.Dir(d.a.config))
	return err == nil && dir == packagedConfig && exists(unitFile)
}

func (d *doctor) up() string {
	if d.packaged() {
		return "systemctl start sekisho"
	}
	return d.a.self("up")
}

func (d *doctor) restart() string {
	if d.packaged() {
		return "systemctl restart sekisho"
	}
	return d.stopped() + d.a.self("up")
}

// stopped ends the process that runs, as the beginning of a command. One that does not
// answer may not hear either: what was acknowledged is on disk.
func (d *doctor) stopped() string {
	pid, signal := d.holder, "-KILL "
	if d.status != nil {
		pid, signal = d.status.PID, ""
	}
	switch {
	case d.packaged() && (d.status != nil || d.hangs):
		return "systemctl stop sekisho && "
	case pid == 0:
		return ""
	}
	return fmt.Sprintf("kill %s%d && tail --pid=%d -f /dev/null; ", signal, pid, pid)
}

func (d *doctor) upgrade() string {
	if canReplace {
		return d.a.self("upgrade")
	}
	return d.restart()
}

// owner is who must own data and keys: the unit's user, else who asks; root is nobody
// in particular.
func (d *doctor) owner() (uid int, known bool) {
	if d.packaged() {
		u, err := user.Lookup(packagedUser)
		if err != nil {
			return 0, false
		}
		uid, err = strconv.Atoi(u.Uid)
		return uid, err == nil
	}
	uid = os.Geteuid()
	return uid, uid > 0
}

// unreadable is what lets who asks read a file, or another command when that is not
// what is wrong.
func (d *doctor) unreadable(file, other string) string {
	f, err := os.Open(file)
	if err == nil {
		_ = f.Close() // nothing was written
		return other
	}
	if !errors.Is(err, fs.ErrPermission) {
		return other
	}
	if d.packaged() && os.Geteuid() != 0 {
		return "sudo -u " + packagedUser + " " + d.a.self("doctor")
	}
	return "sudo chown " + strconv.Itoa(os.Geteuid()) + " " + shellWord(file) + " && chmod u+rw " + shellWord(file)
}

// maxFiles bounds how many files are looked at.
const maxFiles = 20_000

// files looks whether the process may read and write what lies in data and keys: a
// setup that ran as root once leaves files that the service cannot open.
func (d *doctor) files() bool {
	runsAs := d.runsAs
	if runsAs == nil {
		runsAs = d.owner
	}
	uid, known := runsAs()
	if !known {
		uid = -1
	}
	good := true
	for _, dir := range []string{d.l.Data, d.l.Keys} {
		if !exists(dir) {
			continue
		}
		n, begin := 0, len(d.found)
		err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
			if n++; n > maxFiles {
				return errEnough
			}
			if errors.Is(err, fs.ErrNotExist) { // it went meanwhile
				return nil
			}
			if err != nil {
				return err
			}
			info, err := e.Info()
			if err != nil {
				return nil // it went meanwhile
			}
			owner, told := ownerOf(info)
			foreign := known && told && owner != uid
			switch {
			case foreign && (os.Geteuid() != uid || !mayUse(name, true)):
				d.bad("files", d.asRoot("chown -R "+d.ownerName(uid)+" "+shellWord(dir)), "doctor_files_owner", "file", name, "owner", d.ownerName(owner), "user", d.ownerName(uid))
			case os.Geteuid() == uid && info.Mode().Type()&^fs.ModeDir == 0 && !mayUse(name, info.IsDir()):
				d.bad("files", "chmod -R u+rwX "+shellWord(dir), "doctor_files_mode", "file", name, "mode", info.Mode().Perm().String())
			case dir == d.l.Keys && info.Mode().Perm()&0o077 != 0 && (info.IsDir() || strings.HasSuffix(name, ".key")):
				d.bad("files", "chmod -R go= "+shellWord(dir), "doctor_files_open", "file", name, "mode", info.Mode().Perm().String())
			default:
				return nil
			}
			return errEnough
		})
		if err != nil && !errors.Is(err, errEnough) {
			d.bad("files", "chmod -R u+rwX "+shellWord(dir), "doctor_files_bad", "dir", dir, "cause", err)
		}
		if len(d.found) == begin && readOnly(dir) {
			d.bad("files", d.asRoot(`mount -o remount,rw "$(df --output=target `+shellWord(dir)+` | tail -1)"`), "doctor_files_readonly", "dir", dir)
		}
		good = good && len(d.found) == begin
	}
	return good
}

// ownerName is a user's name, or number.
func (d *doctor) ownerName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}

func (d *doctor) asRoot(command string) string {
	if os.Geteuid() == 0 {
		return command
	}
	return "sudo " + command
}
