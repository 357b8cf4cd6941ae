// Command web measures the web gate: "eval" tells what its firewall finds and
// what it takes for an attack wrongly, "speed" what an exchange costs, beside
// nginx with ModSecurity, and "record" writes down what ordinary programs send
// (package traffic). It is no part of the product.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench-web:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("usage: bench-web eval|speed|record [flags]")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	switch args[0] {
	case "eval":
		data := flags.String("data", "../shared/data", "folder of the corpora: attacks/*.txt, japanese-text/sentences.jsonl")
		list := flags.Bool("list", false, "list every regression test that does not pass, and every wrong block")
		only := flags.Bool("handmade", false, "only the injections written by hand")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return evaluate(*data, *list, *only)
	case "speed":
		program := flags.String("sekisho", "bin/sekisho", "the program")
		rounds := flags.Int("rounds", 5, "rounds, after one to warm up")
		length := flags.Duration("length", 2*time.Second, "of one kind of traffic at one program")
		only := flags.String("kinds", "", "these kinds of traffic, with commas between them (all of them)")
		alone := flags.Bool("alone", false, "sekisho without its peers, as for a profile")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if *alone {
			return profile(ctx, *program, *only, *length)
		}
		return speed(ctx, *program, *only, *rounds, *length)
	case "record":
		into := flags.String("into", "internal/waf/traffic/recorded", "folder whose recordings are replaced")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return record(context.Background(), *into)
	}
	return fmt.Errorf("%q is neither eval, speed nor record", args[0])
}
