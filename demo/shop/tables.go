package shop

import (
	_ "embed"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

//go:embed family.txt
var familyText string // kanji kana romaji weight

//go:embed given.txt
var givenText string // kanji kana romaji sex first-year last-year weight

//go:embed place.txt
var placeText string // postal-code prefecture city town weight

//go:embed tours.txt
var tourText string // id name… destination nights abroad price

type family struct{ kanji, kana, romaji string }

type given struct {
	kanji, kana, romaji string
	sex                 string // m, f, u: both
	first, last         int    // years of birth in which it was given
}

type place struct{ postal, prefecture, city, town string }

// weighted draws values by their weights.
type weighted[T any] struct {
	values []T
	sums   []int // running sums of the weights
}

func (w *weighted[T]) add(v T, weight int) {
	sum := weight
	if n := len(w.sums); n > 0 {
		sum += w.sums[n-1]
	}
	w.values, w.sums = append(w.values, v), append(w.sums, sum)
}

func (w *weighted[T]) draw(r *rand.Rand) T {
	x := r.IntN(w.sums[len(w.sums)-1])
	lo, hi := 0, len(w.sums)-1
	for lo < hi {
		if mid := (lo + hi) / 2; w.sums[mid] > x {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return w.values[lo]
}

// names are the parsed tables.
type names struct {
	families weighted[family]
	givens   map[string]map[int]*weighted[given] // by sex and decade of birth
	places   weighted[place]
	tours    []Tour
}

// The decades of birth of customers.
const firstDecade, lastDecade = 1930, 2000

func parseNames() *names {
	n := &names{givens: map[string]map[int]*weighted[given]{"m": {}, "f": {}}}
	for f := range records(familyText) {
		n.families.add(family{f[0], f[1], f[2]}, number(f[3]))
	}
	for f := range records(givenText) {
		n.addGiven(given{f[0], f[1], f[2], f[3], number(f[4]), number(f[5])}, number(f[6]))
	}
	for f := range records(placeText) {
		n.places.add(place{f[0], f[1], f[2], f[3]}, number(f[4]))
	}
	for f := range records(tourText) {
		k := len(f)
		n.tours = append(n.tours, Tour{
			ID: number(f[0]), Name: strings.Join(f[1:k-4], " "), Destination: f[k-4],
			Nights: number(f[k-3]), Abroad: f[k-2] == "y", Price: number(f[k-1]),
		})
	}
	return n
}

// addGiven enters a given name into every decade in which it was given.
func (n *names) addGiven(g given, weight int) {
	for decade := firstDecade; decade <= lastDecade; decade += 10 {
		if g.last < decade || g.first > decade+9 {
			continue
		}
		for _, sex := range []string{"m", "f"} {
			if g.sex != sex && g.sex != "u" {
				continue
			}
			if n.givens[sex][decade] == nil {
				n.givens[sex][decade] = new(weighted[given])
			}
			n.givens[sex][decade].add(g, weight)
		}
	}
}

// records yields the fields of each line of a table.
func records(text string) func(func([]string) bool) {
	return func(yield func([]string) bool) {
		for line := range strings.Lines(text) {
			if !yield(strings.Fields(line)) {
				return
			}
		}
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(fmt.Sprintf("shop: bad number in an embedded table: %v", err))
	}
	return n
}
