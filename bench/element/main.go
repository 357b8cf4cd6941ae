// Command element measures the element engine against the frozen peers and
// judges its findings by a corpus whose truth is known. It is no part of the
// product.
//
//	element run  [-rounds 5] [-size 96] [-dir DIR]   speed: SAMPLE and RATIO lines
//	element eval [-seed 1] [-size 8] [-text FILE] [-doc FILE]   precision, recall, F1
//	element scan [-kinds pan|all] [-portable] [-cpuprofile FILE] -o OUT FILES   one scan, for run
package main

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/bits"
	"os"
	"runtime/pprof"
	"strconv"

	"sekisho/internal/element"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench-element:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("say run, eval or scan")
	}
	switch args[0] {
	case "run":
		return compare(args[1:])
	case "eval":
		return evaluate(args[1:])
	case "scan":
		return scanFiles(args[1:])
	}
	return fmt.Errorf("no such command: %s", args[0])
}

// scanFiles is the work that is timed: a whole process that reads files and
// writes each finding's place, element and mask.
func scanFiles(args []string) error {
	flags := flag.NewFlagSet("scan", flag.ContinueOnError)
	kinds := flags.String("kinds", "all", "pan or all")
	portable := flags.Bool("portable", false, "without assembly")
	out := flags.String("o", os.DevNull, "file for the findings")
	profile := flags.String("cpuprofile", "", "file for a processor profile")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	f, err := os.Create(*out)
	if err != nil {
		return err
	}
	const full = 64 << 10
	lines := make([]byte, 0, full+256)
	o := element.Options{Portable: *portable}
	if *kinds == "pan" {
		o.Kinds = element.MaskOf(element.CardPAN)
	}
	var failed error
	s := element.NewScanner(o, func(found *element.Finding) {
		lines = appendFinding(lines, found)
		if len(lines) >= full {
			_, err := f.Write(lines)
			failed, lines = errors.Join(failed, err), lines[:0]
		}
	})
	for _, name := range flags.Args() {
		if err := scanFile(s, name); err != nil {
			return err
		}
	}
	_, err = f.Write(lines)
	return errors.Join(failed, err, f.Close())
}

// kindNames are the elements' names and a space, with room around them to be copied
// whole.
var kindNames = func() (t [256]struct {
	text [32]byte
	n    int
}) {
	for _, k := range element.Kinds() {
		t[k].n = copy(t[k].text[:], k.String()+" ")
	}
	return t
}()

// appendFinding appends place, length, element and mask; lines has room for it.
func appendFinding(lines []byte, f *element.Finding) []byte {
	lines = append(appendNumber(lines, uint64(f.Offset)), ' ')
	lines = append(appendNumber(lines, uint64(f.Length)), ' ')
	k, n := &kindNames[f.Kind], len(lines)
	*(*[32]byte)(lines[n : n+32]) = k.text // with the space behind it
	lines = lines[:n+k.n]
	return append(f.AppendMasked(lines), '\n')
}

// twoDigits are 00 to 99 as they stand in memory.
var twoDigits = func() (t [100]uint16) {
	for i := range t {
		t[i] = uint16('0'+i/10) | uint16('0'+i%10)<<8
	}
	return t
}()

// appendNumber appends n in decimal digits.
func appendNumber(lines []byte, n uint64) []byte {
	switch {
	case n < 10:
		return append(lines, byte('0'+n))
	case n < 100:
		return append(lines, byte('0'+n/10), byte('0'+n%10))
	case n >= 1e8:
		return strconv.AppendUint(lines, n, 10)
	}
	hi, lo := uint32(n)/10000, uint32(n)%10000
	z := uint64(twoDigits[hi/100]) | uint64(twoDigits[hi%100])<<16 | uint64(twoDigits[lo/100])<<32 | uint64(twoDigits[lo%100])<<48
	zeros := bits.TrailingZeros64(z&0x0f0f0f0f0f0f0f0f) &^ 7
	at := len(lines)
	binary.LittleEndian.PutUint64(lines[at:at+8], z>>zeros)
	return lines[:at+8-zeros/8]
}

func scanFile(s *element.Scanner, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	s.Reset(element.Auto)
	if _, err := s.ReadFrom(f); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return s.Close()
}
