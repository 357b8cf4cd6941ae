// Command scope is the benchmark of scope against DuckDB. See run.sh.
package main

import (
	"fmt"
	"os"
	"strconv"
)

func main() {
	n, _ := strconv.Atoi(os.Args[3])
	var err error
	switch os.Args[1] {
	case "csv":
		err = writeCSV(os.Args[2], n, 1)
	case "fill":
		err = fill(os.Args[2], n, 1)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
