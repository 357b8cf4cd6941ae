//go:build !unix

package record

import (
	"errors"
	"os"
)

func unnamedFile(string) (*os.File, error) {
	return nil, errors.New("this system has no files without a name")
}

func mapNew(*os.File, int64, int64) ([]byte, error) { return nil, errors.ErrUnsupported }

func unmap([]byte) error { return nil }

// keeper is never used here.
type keeper struct{}

func keep(*Room) *keeper { return nil }

func (*keeper) stop() {}
