package packaging

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"sekisho/internal/pgserver"
	"sekisho/internal/pgserver/pgservertest"
)

// image is the layout of the container, laid out as its Containerfile says.
type image struct {
	root, dir string
	uid       int
	env       []string
	entry     string
}

// containerImage unpacks the layout and does what the lines of its Containerfile ask.
func containerImage(t *testing.T) *image {
	t.Helper()
	archive := built(t, "SEKISHO_DIST_NEW", "*-container-*.tar.gz")
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: another root takes root")
	}
	from, root := t.TempDir(), t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "tar", "-xzf", archive, "-C", from, "--strip-components=1").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(from, "Containerfile"))
	if err != nil {
		t.Fatal(err)
	}
	im := &image{root: root}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "COPY":
			owner, _, owned := strings.Cut(strings.TrimPrefix(words[1], "--chown="), ":")
			source, to := filepath.Join(from, words[len(words)-2]), filepath.Join(root, words[len(words)-1])
			if out, err := exec.CommandContext(t.Context(), "cp", "-a", source+"/.", to).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v: %s", line, err, out)
			}
			if owned {
				im.own(t, source, to, owner)
			}
		case "USER":
			if im.uid, err = strconv.Atoi(strings.Split(words[1], ":")[0]); err != nil {
				t.Fatal(err)
			}
		case "WORKDIR":
			im.dir = words[1]
		case "ENV":
			im.env = append(im.env, words[1])
		case "ENTRYPOINT":
			im.entry = strings.Trim(words[1], `[]"`)
		}
	}
	for dir := root; dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if im.uid == 0 || im.entry == "" || im.dir == "" {
		t.Fatalf("the Containerfile says too little: %+v", im)
	}
	return im
}

// own gives what was copied to its owner.
func (im *image) own(t *testing.T, source, to, owner string) {
	t.Helper()
	uid, err := strconv.Atoi(owner)
	if err != nil {
		t.Fatal(err)
	}
	if err := filepath.WalkDir(source, func(path string, _ fs.DirEntry, err error) error {
		part, relErr := filepath.Rel(source, path)
		if err != nil || relErr != nil || part == "." {
			return err
		}
		return os.Chown(filepath.Join(to, part), uid, uid)
	}); err != nil {
		t.Fatal(err)
	}
}

// sekisho is the program of the image, with nothing around it but the image.
func (im *image) sekisho(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, im.entry, args...)
	cmd.Dir, cmd.Env = im.dir, append([]string{"LANG=C.UTF-8"}, im.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: im.root, Credential: &syscall.Credential{Uid: uint32(im.uid), Gid: uint32(im.uid)}}
	return cmd
}

// TestContainer uses the image with nothing but what is in it, no zones of time and
// no library of this machine: init looks at a database, up carries its traffic.
func TestContainer(t *testing.T) {
	im := containerImage(t)
	server := pgservertest.Start(t, pgserver.Config{})
	if err := server.CreateDatabase(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if out, err := server.Command(t.Context(), "psql", "-v", "ON_ERROR_STOP=1", "-q", "-c", shopSQL, "shop").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	i := &installation{t: t, root: im.root}
	port := freePort(t)
	out := i.must(im.sekisho(t.Context(), "init", "--database", "postgres://boss@"+server.Addr()+"/shop?sslmode=disable", "--create-account", "--name", "shop",
		"--listen", "127.0.0.1:"+port, "--console", "127.0.0.1:"+freePort(t), "--company", "見本旅行", "--duty", "Sora", "--mail", "sora@example.jp", "--mail-server", "127.0.0.1:1"))
	if !strings.Contains(out, "/etc/sekisho/sekisho.yaml") {
		t.Fatalf("init: %s", out)
	}
	stop := i.begin(im.sekisho(context.WithoutCancel(t.Context()), "up"), filepath.Join(im.root, "tmp", "notify"), "/tmp/notify")
	if out := i.must(exec.CommandContext(t.Context(), "psql", "-h", "127.0.0.1", "-p", port, "-U", "app", "-Atc", "SELECT email FROM customers WHERE id = 7", "shop")); out != "m7@example.jp\n" {
		t.Errorf("through the gate: %q", out)
	}
	i.must(im.sekisho(t.Context(), "case", "open", "--fact", "personal-data", "--by", "sora", "an exercise"))
	if out := i.must(im.sekisho(t.Context(), "case", "list")); !strings.Contains(out, "an exercise") {
		t.Errorf("the case is not there: %s", out)
	}
	stop()
	if out := i.must(im.sekisho(t.Context(), "scope", "--user", "app", "--list")); !strings.Contains(out, "confirmed\tshop.customers\t7\n") {
		t.Errorf("scope: %s", out)
	}
}
