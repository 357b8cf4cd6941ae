// Command scope compares our scope with DuckDB over the same rows; run.sh does
// everything, bench/scope/README.md explains.
//
//	scope csv FILE ROWS      write the rows for DuckDB to read
//	scope fill FILE ROWS     fold the rows into a disclosure view
//	scope run FILE PEER...   ask both; PEER is the command that asks DuckDB
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
)

const seed = 1

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "scope:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: scope csv|fill FILE ROWS, or scope run FILE and the peer's command")

func command(ctx context.Context, args []string) error {
	if len(args) < 3 {
		return errUsage
	}
	if args[0] == "run" {
		return run(ctx, args[1], args[2:])
	}
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return errUsage
	}
	switch args[0] {
	case "csv":
		return writeCSV(args[1], n, seed)
	case "fill":
		return fill(ctx, args[1], n, seed)
	}
	return errUsage
}
