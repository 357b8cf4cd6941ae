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

func keep(*Room) (*keeper, error) { return nil, nil }

func (*keeper) stop() {}

// Ease does nothing: see keeper.
func (*Room) Ease() {}

// read reads nothing: rows are touched where they lie.
func (*Room) read([]byte, int64) bool { return false }

func smallPages([]byte) {}

func (*Room) write([]byte, int64) bool { return false }
