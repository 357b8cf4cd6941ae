// Command person measures package person: how fast, how much memory, and how
// right, on data with truth.
//
//	person eval FILE [TRUTHCOLUMN]   match a file and compare with the truth
//
// See run.sh for the comparison with DuckDB.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime/pprof"
	"syscall"
	"time"

	"sekisho/internal/person"
	"sekisho/internal/person/record"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "person:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("usage: person eval FILE [TRUTHCOLUMN]")
	}
	switch args[0] {
	case "eval":
		truth := "truth"
		if len(args) > 2 {
			truth = args[2]
		}
		return eval(args[1], truth)
	}
	return fmt.Errorf("unknown %q", args[0])
}

func eval(file, truthColumn string) error {
	if name := os.Getenv("PERSON_PROFILE"); name != "" {
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	start := time.Now()
	last := start
	stage := ""
	lap := func(name string) {
		if name != stage {
			if stage != "" {
				fmt.Printf("# %-10s %.2f s, cpu %.1f s, peak %.2f GB\n", stage, time.Since(last).Seconds(), cpu(), peak())
			}
			stage, last = name, time.Now()
		}
	}
	res, err := person.Run(context.Background(), []person.Source{{Name: "records", File: file,
		Columns: map[string]record.Column{truthColumn: record.Ignored}}},
		person.Options{Progress: func(s string, _, _ int64) { lap(s) }})
	if err != nil {
		return err
	}
	lap("end")
	pprof.StopCPUProfile()
	fmt.Printf("SECONDS %.2f\nCPU %.2f\nPEAK_GB %.3f\n", time.Since(start).Seconds(), cpu(), peak())
	truth, err := readTruth(file, truthColumn)
	if err != nil {
		return err
	}
	measure(res, truth)
	if os.Getenv("PERSON_REFUSALS") != "" {
		refusals(res, truth)
		precisionAt(res, truth)
		missed(res, truth)
	}
	return nil
}

func cpu() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// peak is the most memory the process held, in GB of 10⁹ bytes.
func peak() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Maxrss) * 1024 / 1e9
}
