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
	lines := new(findingLines)
	o := element.Options{Portable: *portable}
	if *kinds == "pan" {
		o.Kinds = element.MaskOf(element.CardPAN)
	}
	var failed error
	s := element.NewScanner(o, func(found *element.Finding) {
		lines.add(found)
		if lines.end >= outBytes {
			_, err := f.Write(lines.text[:lines.end])
			failed, lines.end = errors.Join(failed, err), 0
		}
	})
	for _, name := range flags.Args() {
		if err := scanFile(s, name); err != nil {
			return err
		}
	}
	_, err = f.Write(lines.text[:lines.end])
	return errors.Join(failed, err, f.Close())
}

// findingLines writes findings as lines of text: place, length, element and mask. It
// remembers the digits that places share, for findings stand close together.
type findingLines struct {
	text   [outBytes + mostLine]byte
	end    int    // of text
	base   uint64 // of the last place: its last four digits are zero
	digits uint64 // of base without those, as they stand in memory, without zeros before them
	n      int    // of digits
}

const (
	outBytes = 64 << 10
	mostLine = 128 // bytes of one line, and what is written beyond it
)

// words are short texts with what follows them, to be copied whole.
type words struct {
	text [24]byte
	n    int
}

// number are the digits of a number and a space, as they stand in memory.
type number struct {
	text uint32
	n    int
}

// kindNames are the elements' names, each with a space behind it, lengths the numbers up
// to 255, likewise.
var (
	kindNames = func() (kinds [256]words) {
		for _, k := range element.Kinds() {
			kinds[k].n = copy(kinds[k].text[:], k.String()+" ")
		}
		return kinds
	}()
	lengths = func() (t [256]number) {
		for i := range t {
			var b [4]byte
			t[i].n = copy(b[:], strconv.Itoa(i)+" ")
			t[i].text = binary.LittleEndian.Uint32(b[:])
		}
		return t
	}()
)

// twoDigits are 00 to 99 as they stand in memory.
var twoDigits = func() (t [100]uint16) {
	for i := range t {
		t[i] = uint16('0'+i/10) | uint16('0'+i%10)<<8
	}
	return t
}()

// add adds a finding; text has room for it.
func (l *findingLines) add(f *element.Finding) {
	b := (*[mostLine]byte)(l.text[l.end:])
	place := uint64(f.Offset)
	low := place - l.base
	if low >= 10000 || l.n == 0 {
		l.share(place)
		low = place - l.base
	}
	n := l.n
	if n > 0 {
		binary.LittleEndian.PutUint64(b[:], l.digits)
		binary.LittleEndian.PutUint32(b[n&15:], uint32(twoDigits[low/100])|uint32(twoDigits[low%100])<<16)
		b[n&15+4] = ' '
		n += 5
	} else {
		n = copy(b[:], strconv.AppendUint(nil, place, 10))
		b[n] = ' '
		n++
	}
	if f.Length < len(lengths) {
		of := &lengths[f.Length]
		binary.LittleEndian.PutUint32(b[n&31:], of.text)
		n += of.n
	} else {
		n += copy(b[n&31:], strconv.Itoa(f.Length)+" ")
	}
	kind := &kindNames[f.Kind]
	*(*[24]byte)(b[n&63:]) = kind.text
	n += kind.n
	n += len(f.AppendMasked(b[n:n]))
	b[n] = '\n'
	l.end += n + 1
}

// share remembers the digits that places from place on share.
func (l *findingLines) share(place uint64) {
	high := place / 10000
	l.base, l.digits, l.n = 10000*high, 0, 0
	if high > 0 && high < 1e8 {
		var b [8]byte
		l.n = len(strconv.AppendUint(b[:0], high, 10))
		l.digits = binary.LittleEndian.Uint64(b[:])
	}
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
