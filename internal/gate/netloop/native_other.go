//go:build !linux

package netloop

// newNative returns the portable carrier: there is no epoll here.
func newNative(cfg Config) (Loop, error) { return newPortable(cfg), nil }
