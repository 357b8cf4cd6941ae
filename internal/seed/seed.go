// Package seed says from which number the random tests of this module begin:
// the same one every time, so that what passed once passes again and a change
// is judged by itself, or another one every time, to search further:
//
//	(nothing)       begin at 1
//	SEKISHO_SEED=n  begin at n, to repeat what failed
//	SEKISHO_LONG=1  begin at a number nobody has seen
//
// Property tests of rapid begin there too when their package's tests import
// this one; -rapid.seed still overrides. It is for tests: no program imports it.
package seed

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	_ "pgregory.net/rapid" // defines the flag that init sets
)

var chosen = choose(os.Getenv)

// For returns the number and logs it, so that a failure can be repeated.
func For(t testing.TB) uint64 {
	t.Helper()
	t.Logf("SEKISHO_SEED=%d", chosen)
	return chosen
}

func choose(env func(string) string) uint64 {
	if text := env("SEKISHO_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			panic(fmt.Sprintf("SEKISHO_SEED=%q is no whole number", text))
		}
		return n
	}
	if env("SEKISHO_LONG") != "" {
		return uint64(time.Now().UnixNano())
	}
	return 1
}

func init() {
	if err := flag.Set("rapid.seed", strconv.FormatUint(chosen, 10)); err != nil {
		panic(err) // rapid has no such flag any more
	}
}
