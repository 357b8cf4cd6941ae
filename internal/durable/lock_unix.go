//go:build unix

package durable

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lockPace is how often a lock that another holds is asked for again.
const lockPace = 5 * time.Millisecond

// Lock waits until no other holds the lock of a directory, and takes it: one writer
// at a time, of this process and of others, reads a file there and replaces it. It
// leaves no file, and ends with the process. Where the file system has no such locks
// (some of networks), everybody gets it.
func Lock(ctx context.Context, dir string) (unlock func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		switch err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
		case err == nil, errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EBADF), errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.EINVAL):
			return func() { _ = d.Close() }, nil // the lock ends with it; nothing was written
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, err), d.Close())
		}
		wait := time.NewTimer(lockPace)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, ctx.Err()), d.Close())
		}
	}
}
