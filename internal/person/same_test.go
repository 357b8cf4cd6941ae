package person

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/person/persontest"
)

// shuffled returns the sources in another order, their rows too.
func shuffled(d persontest.Drawn, r *rand.Rand) (sources []Source) {
	for _, k := range r.Perm(len(d.Sites)) {
		lines := strings.SplitAfter(strings.TrimSpace(string(d.Sites[k].Text))+"\n", "\n")
		lines = lines[:len(lines)-1] // behind the last line break
		r.Shuffle(len(lines)-1, func(i, j int) { lines[i+1], lines[j+1] = lines[j+1], lines[i+1] })
		text := strings.Join(lines, "")
		sources = append(sources, Source{Name: d.Sites[k].Name, Rows: func(_ context.Context, w io.Writer) (int, error) {
			_, err := io.WriteString(w, text)
			return 0, err
		}})
	}
	return sources
}

// together lists the records of each person by name.
func together(res *Result) (out []string) {
	members := map[uint32][]string{}
	for name, p := range personsOf(res) {
		members[p] = append(members[p], fmt.Sprint(name))
	}
	for _, list := range members {
		slices.Sort(list)
		out = append(out, strings.Join(list, " "))
	}
	slices.Sort(out)
	return out
}

// Whatever the shape of the sources, their order and that of their rows, the
// number of workers and the memory there is change neither who is one person nor
// the count; nor does the order in which rows are added later.
func TestSameWhateverTheOrder(t *testing.T) {
	for seed, sets := uint64(7000), 0; sets < 3; seed++ {
		d := persontest.Draw(seed)
		if d.Persons > 800 || len(d.Sites) == 1 && sets > 0 {
			continue
		}
		sets++
		r := rand.New(rand.NewPCG(seed, 1))
		var want, wantAdded []string
		var count Count
		for turn := range 3 {
			o := Options{Keys: true, Workers: 1 + 2*turn}
			if turn == 2 && sets == 1 { // it takes long
				o.Memory, o.Temp, o.anyMemory = 1, t.TempDir(), true
			}
			res, err := Run(t.Context(), shuffled(d, r), o)
			if err != nil {
				t.Fatal(err)
			}
			got := together(res)
			if turn == 0 {
				want, count = got, res.Count()
			} else if diff := cmp.Diff(want, got); diff != "" || res.Count() != count {
				t.Errorf("%s: turn %d: %+v, want %+v (-want +got):\n%s", d.What, turn, res.Count(), count, diff)
			}
			if err := res.Close(); err != nil {
				t.Error(err)
			}
			added := addedLater(t, d, r, o)
			if turn == 0 {
				wantAdded = added
			} else if diff := cmp.Diff(wantAdded, added); diff != "" {
				t.Errorf("%s: added in turn %d (-want +got):\n%s", d.What, turn, diff)
			}
		}
	}
}

// addedLater matches the first source, then adds the others at once.
func addedLater(t *testing.T, d persontest.Drawn, r *rand.Rand, o Options) []string {
	t.Helper()
	sources := shuffled(d, r)
	slices.SortStableFunc(sources, func(a, b Source) int { // the first one first
		return map[bool]int{true: 1}[b.Name == d.Sites[0].Name] - map[bool]int{true: 1}[a.Name == d.Sites[0].Name]
	})
	s, _, err := OpenState(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.Create(t.Context(), sources[:1], o)
	if err == nil && len(sources) > 1 {
		res, _, err = s.Add(t.Context(), sources[1:], o)
	}
	if err != nil {
		t.Fatal(err)
	}
	out := together(res)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return out
}
