//go:build !linux

package filewatch

import "context"

// Watch is there on Linux only.
type Watch struct{}

// New returns ErrUnsupported.
func New(Config) (*Watch, error) { return nil, ErrUnsupported }

// Run returns ErrUnsupported.
func (*Watch) Run(context.Context) error { return ErrUnsupported }

// Ready returns nil, from which nothing ever comes.
func (*Watch) Ready() <-chan struct{} { return nil }

// Take returns nothing.
func (*Watch) Take() ([]*Sight, []Loss) { return nil, nil }

// Holds reports whether the kernel keeps files until they were read.
func (*Watch) Holds() bool { return false }
