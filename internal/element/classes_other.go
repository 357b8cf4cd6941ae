//go:build !amd64

package element

// assembly: there is none for this machine.
func assembly() []paths { return nil }
