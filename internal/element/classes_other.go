//go:build !amd64

package element

// fastest returns nil: there is no assembly for this architecture.
func fastest() (all, cards classifyFunc) { return nil, nil }
