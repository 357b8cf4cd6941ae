package main

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"sekisho/internal/person"
	"sekisho/internal/person/cluster"
	"sekisho/internal/person/match"
)

// readTruth reads the column that says who a record is.
func readTruth(file, column string) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(bufio.NewReaderSize(f, 1<<20))
	r.ReuseRecord = true
	head, err := r.Read()
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(head, func(h string) bool { return strings.TrimSpace(h) == column })
	if at < 0 {
		return nil, fmt.Errorf("%s has no column %s", file, column)
	}
	var truth []string
	for {
		row, err := r.Read()
		if err == io.EOF {
			return truth, nil
		}
		if err != nil {
			return nil, err
		}
		truth = append(truth, strings.Clone(entity(strings.TrimSpace(row[at]))))
	}
}

// entity takes the entity out of FEBRL's rec-N-org and rec-N-dup-k.
func entity(id string) string {
	if strings.HasPrefix(id, "rec-") {
		return strings.Split(id, "-")[1]
	}
	return id
}

// measure prints precision and recall over the pairs of the final persons, and
// B³ (Bagga and Baldwin 1998).
func measure(res *person.Result, truth []string) {
	n := len(truth)
	ids := map[string]uint32{}
	type cell struct{ cluster, truth uint32 }
	both := map[cell]int{}
	clusters, persons := map[uint32]int{}, map[uint32]int{}
	for i, t := range truth {
		id, ok := ids[t]
		if !ok {
			id = uint32(len(ids))
			ids[t] = id
		}
		c := res.Sets.Find(uint32(i))
		both[cell{c, id}]++
		clusters[c]++
		persons[id]++
	}
	pairs := func(k int) float64 { return float64(k) * float64(k-1) / 2 }
	var right, found, all, p, r float64
	for c, k := range both {
		right += pairs(k)
		p += float64(k*k) / float64(clusters[c.cluster])
		r += float64(k*k) / float64(persons[c.truth])
	}
	most := 0
	for _, k := range clusters {
		found += pairs(k)
		most = max(most, k)
	}
	for _, k := range persons {
		all += pairs(k)
	}
	p, r = p/float64(n), r/float64(n)
	precision, recall := right/max(found, 1), right/max(all, 1)
	fmt.Printf("PAIR_PRECISION %.5f\nPAIR_RECALL %.5f\nPAIR_F1 %.5f\nBCUBED_F1 %.5f\n", precision, recall, 2*precision*recall/(precision+recall), 2*p*r/(p+r))
	fmt.Printf("PERSONS %d found, %d true (%+.3f %%), largest %d\n", len(clusters), len(persons), 100*(float64(len(clusters))/float64(len(persons))-1), most)
	fmt.Printf("# compared %d pairs, %d links, %d refused, %d to review, prior %.2f\n", res.Match.Pairs, len(res.Match.Links), len(res.Refused), len(res.Review), res.Match.Model.Prior)
	c := res.Count()
	fmt.Printf("COUNT low %d estimate %d (%+.3f %%) high %d, %.2f %% wide, holds the truth %v; precision %.5f recall %.4f\n# %+v\n", c.Low, c.Estimate,
		100*(float64(c.Estimate)/float64(len(persons))-1), c.High, 100*float64(c.High-c.Low)/float64(c.Estimate), c.Low <= len(persons) && len(persons) <= c.High, c.Precision, c.Recall, c)
	for _, s := range res.Match.Skipped {
		fmt.Printf("# skipped %+v\n", s)
	}
	fmt.Printf("# shared %+v\n", res.Match.Shared)
	for f := range 10 {
		m := res.Match.Model
		fmt.Printf("# %v", personField(f))
		for l := range 6 {
			fmt.Printf(" %.1f", m.Weight(personField(f), level(l)))
		}
		fmt.Println("  learned from", int(m.Pairs[f]))
	}
}

type (
	personField = match.Field
	level       = match.Level
)

// refusals prints the patterns that vetoes stopped most, with the truth.
func refusals(res *person.Result, truth []string) {
	type line struct {
		veto string
		p    match.Pattern
	}
	count := map[line][2]int{}
	for _, r := range res.Refused {
		l := line{r.Veto.String(), r.Link.Pattern}
		c := count[l]
		if truth[r.Link.A] == truth[r.Link.B] {
			c[0]++
		} else {
			c[1]++
		}
		count[l] = c
	}
	lines := slices.SortedFunc(maps.Keys(count), func(a, b line) int {
		return count[b][0] + count[b][1] - count[a][0] - count[a][1]
	})
	for _, l := range lines[:min(len(lines), 25)] {
		fmt.Printf("# refused %-22s same %5d, different %5d  ", l.veto, count[l][0], count[l][1])
		for f := range 10 {
			fmt.Printf(" %v:%d", personField(f), l.p.Level(personField(f)))
		}
		fmt.Println()
	}
}

// missed prints the links to review with the truth.
func missed(res *person.Result, truth []string) {
	for _, l := range res.Review[:min(len(res.Review), 60)] {
		fmt.Printf("# review %v p %.3f %.1f bits ", truth[l.A] == truth[l.B], res.Match.Model.Probability(l.Score), l.Score.Bits())
		for f := range 10 {
			fmt.Printf(" %v:%d", personField(f), l.Pattern.Level(personField(f)))
		}
		fmt.Println()
	}
	same := map[string]int{}
	for i, t := range truth {
		if j, ok := same[t]; ok && res.Sets.Find(uint32(i)) != res.Sets.Find(uint32(j)) && len(same) < 1<<20 {
			p := match.Compare(res.Names, res.Table.At(uint32(i)), res.Table.At(uint32(j)))
			if i%max(1, len(truth)/5000) == 0 {
				fmt.Print("# missed ")
				for f := range 10 {
					fmt.Printf(" %v:%d", personField(f), p.Level(personField(f)))
				}
				fmt.Println()
			}
		}
		same[t] = i
	}
}

// precisionAt prints how right links are by how sure the model was, among
// those that no veto stops.
func precisionAt(res *person.Result, truth []string) {
	guard := cluster.Guard{Families: res.Match.Families}
	var n, right [12]int
	var sum [12]float64
	for _, l := range res.Match.Links {
		if guard.Check(l.Pattern) != cluster.None {
			continue
		}
		p := res.Match.Model.Probability(l.Score)
		k := 0
		for k < 11 && p > []float64{0.01, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999}[k] {
			k++
		}
		n[k]++
		sum[k] += p
		if truth[l.A] == truth[l.B] {
			right[k]++
		}
	}
	for k := range n {
		if n[k] > 0 {
			fmt.Printf("# links %7d, model says %.4f, right %.4f\n", n[k], sum[k]/float64(n[k]), float64(right[k])/float64(n[k]))
		}
	}
	fmt.Printf("# linked from probability %.3f; families %v\n", res.Match.Model.Probability(res.LinkAt), res.Match.Families)
}
