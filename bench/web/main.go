// Command web measures the web application firewall: "eval" tells what it
// finds and what it takes for an attack wrongly. It is no part of the product.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench-web:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 || args[0] != "eval" {
		return fmt.Errorf("usage: bench-web eval [-data FOLDER]")
	}
	flags := flag.NewFlagSet("eval", flag.ContinueOnError)
	data := flags.String("data", "../shared/data", "folder of the corpora: attacks/*.txt, japanese-text/sentences.jsonl")
	list := flags.Bool("list", false, "list every regression test that does not pass, and every wrong block")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	return evaluate(*data, *list)
}
