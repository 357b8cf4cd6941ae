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
	lines := findingLines{text: make([]byte, 0, full+256)}
	o := element.Options{Portable: *portable}
	if *kinds == "pan" {
		o.Kinds = element.MaskOf(element.CardPAN)
	}
	var failed error
	s := element.NewScanner(o, func(found *element.Finding) {
		lines.add(found)
		if len(lines.text) >= full {
			_, err := f.Write(lines.text)
			failed, lines.text = errors.Join(failed, err), lines.text[:0]
		}
	})
	for _, name := range flags.Args() {
		if err := scanFile(s, name); err != nil {
			return err
		}
	}
	_, err = f.Write(lines.text)
	return errors.Join(failed, err, f.Close())
}

// findingLines writes findings as lines of text: place, length, element and mask. It
// remembers the digits that places share, for findings stand close together.
type findingLines struct {
	text   []byte
	high   uint64 // of the last place: what stands before its last four digits
	digits uint64 // of high, as they stand in memory, without zeros before them
	n      int
}

// words are short texts with what follows them, to be copied whole.
type words struct {
	text [24]byte
	n    int
}

// kindNames are the elements' names, lengthNames the numbers up to 255, each with a
// space behind it.
var kindNames, lengthNames = func() (kinds, lengths [256]words) {
	for _, k := range element.Kinds() {
		kinds[k].n = copy(kinds[k].text[:], k.String()+" ")
	}
	for i := range lengths {
		lengths[i].n = copy(lengths[i].text[:], strconv.Itoa(i)+" ")
	}
	return kinds, lengths
}()

// twoDigits are 00 to 99 as they stand in memory.
var twoDigits = func() (t [100]uint16) {
	for i := range t {
		t[i] = uint16('0'+i/10) | uint16('0'+i%10)<<8
	}
	return t
}()

// add adds a finding; text has room for it.
func (l *findingLines) add(f *element.Finding) {
	lines := l.text
	place := uint64(f.Offset)
	if high := place / 10000; high != l.high || l.n == 0 {
		l.high = high
		l.digits, l.n = 0, 0
		if high > 0 && high < 1e8 {
			var b [8]byte
			l.n = len(strconv.AppendUint(b[:0], high, 10))
			l.digits = binary.LittleEndian.Uint64(b[:])
		}
	}
	if n := len(lines); l.n > 0 {
		binary.LittleEndian.PutUint64(lines[n:n+8], l.digits)
		n += l.n
		low := place - 10000*l.high
		binary.LittleEndian.PutUint64(lines[n:n+8], uint64(twoDigits[low/100])|uint64(twoDigits[low%100])<<16|' '<<32)
		lines = lines[:n+5]
	} else {
		lines = append(strconv.AppendUint(lines, place, 10), ' ')
	}
	if f.Length < len(lengthNames) {
		lines = appendWords(lines, &lengthNames[f.Length])
	} else {
		lines = append(strconv.AppendInt(lines, int64(f.Length), 10), ' ')
	}
	lines = appendWords(lines, &kindNames[f.Kind])
	l.text = append(f.AppendMasked(lines), '\n')
}

// appendWords appends w; lines has room for it.
func appendWords(lines []byte, w *words) []byte {
	n := len(lines)
	*(*[24]byte)(lines[n : n+24]) = w.text
	return lines[:n+w.n]
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
