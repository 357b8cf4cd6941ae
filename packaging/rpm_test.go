package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// rpmSteps runs in a root that is this machine's with a layer above it, in a
// mount namespace of its own: nothing of it stays. Dependencies are not asked
// for, for where rpm is tried they are not rpm's.
const rpmSteps = `
set -e
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/layered"
mount --bind "$1/packages" "$1/layered/mnt"
exec chroot "$1/layered" sh -c '
set -e
say() { echo "== $*"; }
say install;  rpm -i --nodeps /mnt/old.rpm
say version;  runuser -u sekisho -- /usr/bin/sekisho version
say owner;    stat -c "%U %a" /etc/sekisho /var/lib/sekisho
say help;     runuser -u sekisho -- /usr/bin/sekisho -c /etc/sekisho/sekisho.yaml --lang en init --help
mkdir /var/lib/sekisho/data
say upgrade;  rpm -U --nodeps /mnt/new.rpm
say version;  runuser -u sekisho -- /usr/bin/sekisho version
say changed;  rpm -V --nodeps sekisho || true
say erase;    rpm -e sekisho
say left;     ls -d /var/lib/sekisho/data; ls /usr/bin/sekisho /usr/lib/systemd/system/sekisho.service 2>&1 || true
'
`

// TestRPM installs the old .rpm with its scripts, upgrades to the new one and
// removes it.
func TestRPM(t *testing.T) {
	oldRPM, newRPM := built(t, "SEKISHO_DIST_OLD", "*.rpm"), built(t, "SEKISHO_DIST_NEW", "*.rpm")
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: installing takes root")
	}
	for _, program := range []string{"rpm", "unshare"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("SKIPPED: no %s: apt-get install -y rpm util-linux", program)
		}
	}
	dir := t.TempDir()
	for _, name := range []string{"upper", "work", "layered", "packages"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, from := range map[string]string{"old.rpm": oldRPM, "new.rpm": newRPM} {
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "packages", name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), "unshare", "-m", "sh", "-c", rpmSteps, "sh", dir).CombinedOutput()
	if err != nil && !strings.Contains(string(out), "== install") {
		t.Skipf("SKIPPED: no layer above this machine's root can be made: %v\n%s", err, out)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	steps := map[string]string{}
	for part := range strings.SplitSeq(string(out), "== ") {
		name, said, _ := strings.Cut(part, "\n")
		steps[name] += said
	}
	for step, want := range map[string]string{
		"install": "to begin:",
		"owner":   "sekisho 750\nsekisho 700",
		"help":    "--duty",
		"erase":   "ledger and keys stay in /var/lib/sekisho",
		"left":    "/var/lib/sekisho/data\n",
	} {
		if !strings.Contains(steps[step], want) {
			t.Errorf("%s: %q does not say %q", step, steps[step], want)
		}
	}
	if v := steps["version"]; !strings.Contains(v, "sekisho 0.0.1 ") || !strings.Contains(v, "sekisho 0.0.2 ") {
		t.Errorf("versions before and after the upgrade: %q", v)
	}
	if strings.Contains(steps["upgrade"], "ledger and keys stay") {
		t.Errorf("an upgrade is taken for a removal: %q", steps["upgrade"])
	}
	// The scripts give a directory to the package's user; no file is changed.
	for line := range strings.Lines(steps["changed"]) {
		if path := line[strings.LastIndexByte(line, ' ')+1:]; path != "/etc/sekisho\n" && strings.HasPrefix(path, "/") {
			t.Errorf("not as it was packed: %s", line)
		}
	}
	if n := strings.Count(steps["left"], "No such file"); n != 2 {
		t.Errorf("left behind: %s", steps["left"])
	}
}
