package main

import (
	"bufio"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"time"
)

// The data of bench/peers/README.md: 10 million subjects chosen with a Zipf
// exponent of 0.8, ten years, 200 clients of which the asked one has 1 % of the
// rows, 20 tables of which the asked one has 10 %.
const (
	subjects    = 10_000_000
	exponent    = 0.8
	clients     = 200
	tables      = 20
	askedClient = 0
	askedTable  = 0
	years       = 10
)

var (
	begin = time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC)
	end   = begin.AddDate(years, 0, 0)
)

// row is one subject that crossed once.
type row struct {
	at      int64 // UTC ns, whole microseconds
	client  int
	table   int
	subject uint32
	bounded bool // a record without subjects: ours only
}

// generate calls yield with n exact rows, and one bounded row for every 19 of
// them, in the order of time. The same seed gives the same rows.
func generate(n int, seed uint64, yield func(row) error) error {
	rng := rand.New(rand.NewPCG(seed, 0x5e6b1540))
	span := float64(end.Sub(begin)) / float64(n)
	top := math.Pow(subjects, 1-exponent)
	for i := range n {
		at := begin.UnixNano() + int64((float64(i)+rng.Float64())*span)
		r := row{at: at / 1000 * 1000, client: pick(rng, askedClient, clients, 0.01), table: pick(rng, askedTable, tables, 0.10)}
		// The continuous Zipf distribution, inverted; neighbours in rank are
		// spread over the numbers.
		rank := uint64(math.Pow(rng.Float64()*(top-1)+1, 1/(1-exponent))) - 1
		r.subject = uint32(min(rank, subjects-1) * 7_368_787 % subjects)
		if err := yield(r); err != nil {
			return err
		}
		if i%19 == 18 {
			r.bounded = true
			if err := yield(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// pick returns the asked one with the given share, else any other.
func pick(rng *rand.Rand, asked, of int, share float64) int {
	if rng.Float64() < share {
		return asked
	}
	n := rng.IntN(of - 1)
	if n >= asked {
		n++
	}
	return n
}

// writeCSV writes the exact rows for DuckDB to read: at in microseconds since
// 1970, client, table, subject.
func writeCSV(path string, n int, seed uint64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(f, 1<<20)
	var line []byte
	err = generate(n, seed, func(r row) error {
		if r.bounded {
			return nil
		}
		line = strconv.AppendInt(line[:0], r.at/1000, 10)
		for _, v := range []int64{int64(r.client), int64(r.table), int64(number(r.subject))} {
			line = strconv.AppendInt(append(line, ','), v, 10)
		}
		_, err := out.Write(append(line, '\n'))
		return err
	})
	if err == nil {
		err = out.Flush()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
