// Command person measures package person: how fast, how much memory, and how
// right, on data with truth.
//
//	person eval FILE [TRUTHCOLUMN]       match a file and compare with the truth
//	person time FILE                     match a file: seconds, processor seconds, GB
//	person create STATE FILE             match a file into a state folder
//	person add STATE FILE                add a file to it
//	person normal FILE OUT               write the columns that the peer reads
//
// PERSON_MEMORY=SIZE bounds the memory, for example 1GiB.
//
// See run.sh for the comparison with DuckDB. PERSON_PROFILE=FILE writes a
// processor profile.
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"syscall"
	"time"

	"sekisho/internal/config"
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
		return fmt.Errorf("usage: person eval|time|create|add|normal FILE …")
	}
	third := func(other string) string {
		if len(args) > 2 {
			return args[2]
		}
		return other
	}
	switch args[0] {
	case "eval":
		return eval(args[1], third("truth"))
	case "time":
		_, err := matched(args[1], "truth", true)
		return err
	case "create", "add":
		return keep(args[0], args[1], third(""))
	case "normal":
		return normal(args[1], third(""))
	}
	return fmt.Errorf("unknown %q", args[0])
}

func source(file, truthColumn string) []person.Source {
	return []person.Source{{Name: file, File: file, Columns: map[string]record.Column{truthColumn: record.Ignored}}}
}

// matched matches a file and prints what it took.
func matched(file, truthColumn string, stages bool) (*person.Result, error) {
	stop, err := profile()
	if err != nil {
		return nil, err
	}
	defer stop()
	start := time.Now()
	last, stage := start, ""
	lap := func(name string) {
		if stages && name != stage {
			if stage != "" {
				fmt.Printf("# %-10s %.2f s, cpu %.1f s, peak %.2f GB\n", stage, time.Since(last).Seconds(), cpu(), peak())
			}
			stage, last = name, time.Now()
		}
	}
	res, err := person.Run(context.Background(), source(file, truthColumn), options(lap))
	if err != nil {
		return nil, err
	}
	lap("end")
	took(start)
	fmt.Printf("DIGEST %x\n", digest(res.Persons)) // the same for the same persons
	return res, nil
}

// digest is a hash of the number of every record's person.
func digest(persons []uint32) uint64 {
	h := fnv.New64a()
	for _, p := range persons {
		h.Write(binary.LittleEndian.AppendUint32(nil, p))
	}
	return h.Sum64()
}

func took(start time.Time) {
	fmt.Printf("SECONDS %.2f\nCPU %.2f\nPEAK_GB %.3f\n", time.Since(start).Seconds(), cpu(), peak())
}

// profile begins a processor profile when PERSON_PROFILE names its file.
func profile() (stop func(), err error) {
	name := os.Getenv("PERSON_PROFILE")
	if name == "" {
		return func() {}, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); f.Close() }, pprof.StartCPUProfile(f)
}

// keep creates a state or adds to it.
func keep(what, dir, file string) error {
	stop, err := profile()
	if err != nil {
		return err
	}
	defer stop()
	start := time.Now()
	s, _, err := person.OpenState(dir)
	if err != nil {
		return err
	}
	if what == "create" {
		_, err = s.Create(context.Background(), source(file, "truth"), options(nil))
	} else {
		_, _, err = s.Add(context.Background(), source(file, "truth"), options(nil))
	}
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	took(start)
	return nil
}

func eval(file, truthColumn string) error {
	res, err := matched(file, truthColumn, true)
	if err != nil {
		return err
	}
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

// options are those of every run.
func options(lap func(stage string)) person.Options {
	var o person.Options
	if lap != nil {
		o.Progress = func(stage string, _, _ int64) { lap(stage) }
	}
	var size config.Bytes
	if size.UnmarshalText([]byte(os.Getenv("PERSON_MEMORY"))) == nil {
		o.Memory = int64(size)
		debug.SetMemoryLimit(o.Memory / 2)
	}
	return o
}
