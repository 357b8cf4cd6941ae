package durable

import (
	"os"
	"syscall"
)

// dataFile is an os.File whose Sync is fdatasync(2): it waits for the data and
// the size, not for the times.
type dataFile struct{ *os.File }

func (f dataFile) Sync() error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if err == nil {
			return nil
		}
		if err != syscall.EINTR {
			return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
		}
	}
}
