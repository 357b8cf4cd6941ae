package record

import (
	"errors"
	"os"
)

// loseName makes a private file and takes its name away before anything is
// written. A process that dies between the two leaves an empty file.
func loseName(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "sekisho-tables-*.new")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
