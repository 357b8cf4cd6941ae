package pgserver

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// InstallLine is what to type on Debian and Ubuntu when PostgreSQL is missing.
const InstallLine = "sudo apt-get install -y postgresql"

// ErrMissing is wrapped by the errors of Find and Start when this machine has
// no PostgreSQL server programs.
var ErrMissing = errors.New("no PostgreSQL server programs on this machine")

// packagedBin is where Debian and Ubuntu (postgresql-common) put the server
// programs, which are not in PATH there.
const packagedBin = "/usr/lib/postgresql/*/bin"

// Find returns the directory that holds initdb and postgres: of PATH, of
// pg_config, or the newest packaged one. The error wraps ErrMissing and says
// what to install.
func Find() (string, error) {
	for _, dir := range candidates() {
		if real, err := filepath.EvalSymlinks(filepath.Join(dir, "initdb")); err == nil {
			dir = filepath.Dir(real) // the other programs are beside the real one
		}
		if isProgram(filepath.Join(dir, "initdb")) && isProgram(filepath.Join(dir, "postgres")) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("%w\n  at   PATH, pg_config --bindir, %s\n  try  %s (SK7101)", ErrMissing, packagedBin, InstallLine)
}

// candidates lists directories in the order in which Find looks at them.
func candidates() []string {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	packaged, _ := filepath.Glob(packagedBin) // the only error is a bad pattern
	slices.SortFunc(packaged, func(a, b string) int { return cmp.Compare(major(b), major(a)) })
	return append(dirs, packaged...)
}

// major reads the major version out of …/15/bin; 0 when it is no number.
func major(dir string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
	if err != nil {
		return 0
	}
	return n
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}
