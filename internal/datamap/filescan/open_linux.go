package filescan

import (
	"io"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// open opens a file for reading without changing its access time, where that is
// allowed: to the owner and to root (open(2), O_NOATIME). It does not follow a
// link that took the file's place, nor wait for a pipe that did.
func open(name string) (*os.File, error) {
	const flags = os.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC
	f, err := os.OpenFile(name, flags|unix.O_NOATIME, 0)
	if errorIs(err, syscall.EPERM) {
		return os.OpenFile(name, flags, 0)
	}
	return f, err
}

// holes returns a stream of the file's data without its holes if it has many,
// else nil. Each hole leaves a few zero bytes, so that nothing joins over it.
func holes(at io.ReaderAt, f *os.File, size int64) io.Reader {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil || size < 64<<20 || st.Blocks*512 > size/2 {
		return nil
	}
	return &dataReader{at: at, f: f, size: size}
}

type dataReader struct {
	at       io.ReaderAt
	f        *os.File
	size     int64
	off, end int64
	zeroLeft int
}

// Read implements io.Reader.
func (d *dataReader) Read(p []byte) (int, error) {
	for {
		switch {
		case d.zeroLeft > 0:
			n := min(len(p), d.zeroLeft)
			clear(p[:n])
			d.zeroLeft -= n
			return n, nil
		case d.off < d.end:
			n, err := d.at.ReadAt(p[:min(int64(len(p)), d.end-d.off)], d.off)
			d.off += int64(n)
			if n > 0 {
				return n, nil
			}
			return 0, err
		case d.off >= d.size:
			return 0, io.EOF
		}
		from, err := unix.Seek(int(d.f.Fd()), d.off, unix.SEEK_DATA)
		if err != nil { // ENXIO: no more data
			return 0, io.EOF
		}
		to, err := unix.Seek(int(d.f.Fd()), from, unix.SEEK_HOLE)
		if err != nil {
			to = d.size
		}
		if from > d.off {
			d.zeroLeft = 4096
		}
		d.off, d.end = from, to
	}
}

// identify returns what changes when a file does: inode change time as well, which
// programs that set the modification time back cannot set.
func identify(info fs.FileInfo) [4]int64 {
	id := [4]int64{info.Size(), info.ModTime().UnixNano()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		id[2], id[3] = st.Ctim.Nano(), int64(st.Ino)
	}
	return id
}

// unreal reports whether a directory is the root of a file system without files
// of people: /proc, /sys, /dev.
func unreal(name string) bool {
	var st unix.Statfs_t
	if unix.Statfs(name, &st) != nil {
		return false
	}
	switch int64(st.Type) {
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.BPF_FS_MAGIC, unix.SECURITYFS_MAGIC, unix.DEVPTS_SUPER_MAGIC:
		return true
	}
	return false
}

func public(info fs.FileInfo) bool { return info.Mode().Perm()&0o004 != 0 }

func isLocked(error) bool { return false }
