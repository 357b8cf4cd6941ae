package prove

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sekisho/internal/gate/pgproxy"
	"sekisho/internal/lineage"
)

// verdict is what one proof run found.
type verdict struct {
	unsound  []string // an inclusion does not hold
	differs  []string // the client received other bytes than without the gate
	sharp    map[string][2]int
	bounded  map[string][2]int // episodes whose reachable is wider than the truth
	episodes int
}

// proveSeed plays episodes of every class and compares the scope of each with
// its truth. Classes that only read share a gate; each class that writes has a
// gate of its own, which knows of no other class's taint: what one class
// tainted must not cover for the next.
func proveSeed(t *testing.T, l *lab, seed uint64, perClass int, off switches, classes ...string) *verdict {
	t.Helper()
	v := &verdict{sharp: map[string][2]int{}, bounded: map[string][2]int{}}
	for _, group := range apart(l.episodes(perClass, classes...)) {
		v.play(t, l, seed, off, group)
	}
	return v
}

// apart groups episodes by the gate that they share.
func apart(all []episode) (groups [][]episode) {
	var readers []episode
	for _, e := range all {
		last := len(groups) - 1
		switch {
		case !e.changes():
			readers = append(readers, e)
		case last >= 0 && groups[last][0].class == e.class:
			groups[last] = append(groups[last], e)
		default:
			groups = append(groups, []episode{e})
		}
	}
	if len(readers) > 0 {
		groups = slices.Insert(groups, 0, readers)
	}
	return groups
}

// play plays a group of episodes through a gate of their own.
func (v *verdict) play(t *testing.T, l *lab, seed uint64, off switches, group []episode) {
	t.Helper()
	base := l.base(seed)
	h := startHouse(t, l.server.DSN("watch", base), l.server.Addr(), base, off)
	type played struct {
		e         episode
		truth     map[int]bool
		delivered []byte
	}
	var all []played
	for i, e := range group {
		want, direct, err := l.truth.of(t.Context(), e)
		if err != nil {
			t.Fatalf("seed %d: %v: %v", seed, e, err)
		}
		got, err := playFrom(t, l, h, i, base, e)
		if err != nil {
			t.Fatalf("seed %d: through the gate: %v: %v", seed, e, err)
		}
		if !bytes.Equal(got, direct) {
			v.differs = append(v.differs, fmt.Sprintf("%v\nthrough the gate:\n%sdirectly:\n%s", e, describeBytes(got), describeBytes(direct)))
		}
		all = append(all, played{e, want, direct})
	}
	must(t, h.finish(t.Context()))
	for i, p := range all {
		got, full, err := h.scope(t.Context(), l.shop, clientAddress(i))
		if err != nil {
			t.Fatalf("seed %d: %v: %v", seed, p.e, err)
		}
		v.judge(t, seed, p.e, p.truth, got, fmt.Sprintf("%s  bounded %+v", describeBytes(p.delivered), full.Coverage.Bounded))
	}
	h.close()
}

// judge compares what an episode's scope says with its truth.
func (v *verdict) judge(t *testing.T, seed uint64, e episode, truth map[int]bool, got answer, evidence string) {
	t.Helper()
	v.episodes++
	for _, in := range []struct {
		small, big map[int]bool
		what       string
	}{{got.confirmed, truth, "confirmed ⊆ truth"}, {truth, got.reachable, "truth ⊆ reachable"}, {got.reachable, got.everHeld, "reachable ⊆ ever held"}} {
		// Rows without a number are bounded records, not subjects.
		if !subset(in.small, in.big) {
			v.unsound = append(v.unsound, fmt.Sprintf("%s does not hold: %v ⊄ %v\n%v\n%s", in.what, members(in.small), members(in.big), e, evidence))
		}
	}
	sharp := slices.ContainsFunc(kinds(), func(k kind) bool { return k.class == e.class && k.sharp })
	equal := maps.Equal(got.confirmed, truth) && maps.Equal(got.reachable, truth)
	count := v.bounded
	if sharp {
		count = v.sharp
	}
	n := count[e.class]
	n[1]++
	if equal {
		n[0]++
	} else if sharp && testing.Verbose() {
		t.Logf("seed %d: not sharp: confirmed %v truth %v reachable %v\n%v\n%s", seed, members(got.confirmed), members(truth), members(got.reachable), e, evidence)
	}
	if os.Getenv("PROVE_TRACE") != "" {
		t.Logf("confirmed %v truth %v reachable %v\n%v\n%s", members(got.confirmed), members(truth), members(got.reachable), e, evidence)
	}
	count[e.class] = n
}

// clientAddress gives every episode a client address of its own, in 127/8.
func clientAddress(i int) string { return fmt.Sprintf("127.9.%d.%d", i/250, 1+i%250) }

// playFrom plays the i-th episode of a gate. In every other one that writes,
// each step waits until the gate has protected what the step before tainted:
// while it has not, everything is bounded.
func playFrom(t *testing.T, l *lab, h *insideHouse, i int, database string, e episode) ([]byte, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(clientAddress(i))}}
	conn, err := d.DialContext(t.Context(), "tcp", h.addr)
	if err != nil {
		return nil, err
	}
	c, err := login(conn, application, database, e.startup)
	if err != nil {
		return nil, err
	}
	defer c.close()
	c.outside = func(sql string) error { return l.server.Exec(t.Context(), database, sql) }
	c.cancel = cancels(t.Context(), "tcp", h.addr, c.outside)
	c.settle = func() error { return h.settle(t.Context(), database) }
	if e.changes() && i%2 == 0 {
		c.between = func() error { return h.protected(t.Context(), database) }
	}
	c.beside = func() (*client, error) { return dial(t.Context(), "tcp", h.addr, application, database) }
	c.aside = func(sql string) error {
		d, err := dial(t.Context(), "tcp", h.addr, application, database)
		if err != nil {
			return err
		}
		return d.alone(sql)
	}
	return c.run(e)
}

func subset(a, b map[int]bool) bool {
	for k := range a {
		if !b[k] {
			return false
		}
	}
	return true
}

func members(set map[int]bool) []int { return slices.Sorted(maps.Keys(set)) }

// blunt returns the classes that are to be exact and are not in 95 of 100.
func (v *verdict) blunt() (classes []string) {
	for class, n := range v.sharp {
		if float64(n[0]) < 0.95*float64(n[1]) {
			classes = append(classes, fmt.Sprintf("class %q is to be exact: %d of %d are", class, n[0], n[1]))
		}
	}
	return classes
}

// enough is how many cases of a class tell whether 95 % are exact.
const enough = 20

// doubtful lists the sharp classes below 95 % of which too few cases were seen.
func (v *verdict) doubtful() (classes []string) {
	for class, n := range v.sharp {
		if float64(n[0]) < 0.95*float64(n[1]) && n[1] < enough {
			classes = append(classes, class)
		}
	}
	slices.Sort(classes)
	return classes
}

// TestSoundness is the proof that the product rests on. PROVE_SEED and
// PROVE_SEEDS choose what is generated, PROVE_CLASSES, separated by semicolons,
// some classes.
func TestSoundness(t *testing.T) {
	server := startServer(t)
	perClass := int(envNumber(t, "PROVE_EPISODES", some(4, 1)))
	total := &verdict{sharp: map[string][2]int{}, bounded: map[string][2]int{}}
	for _, seed := range seeds(t) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			v := proveSeed(t, newLab(t, server, seed), seed, perClass, switches{}, strings.FieldsFunc(os.Getenv("PROVE_CLASSES"), func(r rune) bool { return r == ';' })...)
			for _, u := range v.unsound {
				t.Errorf("seed %d: %s", seed, u)
			}
			for _, d := range v.differs {
				t.Errorf("seed %d: observe mode changed what the client received: %s", seed, d)
			}
			total.add(v)
		})
	}
	// One case of four says nothing of 95 %: a class that is in doubt is drawn more often.
	for _, class := range total.doubtful() {
		seed := seeds(t)[0] + 500
		t.Run(fmt.Sprint(class, " again"), func(t *testing.T) {
			more := proveSeed(t, newLab(t, server, seed), seed, enough, switches{}, class)
			for _, u := range append(more.unsound, more.differs...) {
				t.Errorf("seed %d: %s", seed, u)
			}
			total.add(more)
		})
	}
	for _, b := range total.blunt() {
		t.Error(b)
	}
	t.Logf("%d episodes\n%s", total.episodes, total.table())
}

// TestEveryRuleMatters switches one rule off at a time: the proof must notice.
func TestEveryRuleMatters(t *testing.T) {
	whole(t)
	server := startServer(t)
	for i, c := range []struct {
		rule    string
		off     switches
		classes []string
		unsound bool // somebody is missed, or somebody is confirmed wrongly; else the classes lose their exactness
	}{
		{"key column", switches{Switches: pgproxy.Switches{NoKeyColumn: true}}, []string{"key column", "star"}, false},
		{"parameter", switches{Switches: pgproxy.Switches{NoParameter: true}}, []string{"key literal", "key parameter"}, false},
		{"identifier", switches{Switches: pgproxy.Switches{NoIdentifier: true}}, []string{"identifier"}, false},
		{"key injection", switches{Switches: pgproxy.Switches{NoInjection: true}}, []string{"injected key", "injected key in a join"}, false},
		{"lineage check", switches{Switches: pgproxy.Switches{NoLineageCheck: true}}, []string{"schema changed around the gate"}, true},
		{"environment", switches{Switches: pgproxy.Switches{NoEnvironment: true}}, []string{"search path, expressions only", "search path by function"}, true},
		{"moment", switches{Switches: pgproxy.Switches{NoMoment: true}}, []string{"attack: ahead of a schema change", "attack: ahead of a taint"}, true},
		{"taint", switches{Switches: pgproxy.Switches{NoTaint: true}}, []string{"insert select", "create table as"}, true},
		{"taint by column", switches{Switches: pgproxy.Switches{NoColumnTaint: true}}, []string{"attack: second, harmless column", "attack: second, harmless column updated"}, true},
		{"taint by owner", switches{Switches: pgproxy.Switches{NoOwnerTaint: true}}, []string{"attack: second, another's row", "attack: second, another's row updated"}, true},
		{"taint by presence", switches{Switches: pgproxy.Switches{NoRowsTaint: true}}, []string{"attack: second, chosen rows", "attack: second, chosen rows of a table"}, true},
		{"code that is known", switches{Switches: pgproxy.Switches{NoCode: true}}, []string{"attack: second, code on another's row", "attack: code, trigger after"}, true},
		{"code that is not known", switches{Switches: pgproxy.Switches{NoCode: true}}, []string{"attack: second, code on a known table", "attack: second, sequence"}, true},
		{"verbose figures", switches{Switches: pgproxy.Switches{NoVerbose: true}}, []string{"attack: figures of another's verbose command"}, true},
		{"code of inputs", switches{Switches: pgproxy.Switches{NoInputs: true}}, []string{"attack: late, domain inside a type", "attack: late, domain in what is not executed"}, true},
		{"order of an index", switches{Lineage: lineage.Switches{NoIndexOrder: true}}, []string{"attack: order of an index", "attack: order of an index on what is harmless"}, true},
		{"predicate", switches{Switches: pgproxy.Switches{NoPredicate: true}}, []string{"predicate", "semi-join"}, true},
	} {
		t.Run(c.rule, func(t *testing.T) {
			// What a class draws does not always need the rule: a condition may
			// choose all rows. Then more is drawn.
			var v *verdict
			for round := range uint64(24) {
				seed := 1000 + seeds(t)[0] + uint64(i) + 100*round
				v = proveSeed(t, newLab(t, server, seed), seed, 5, c.off, c.classes...)
				if c.unsound && len(v.unsound) > 0 || !c.unsound && len(v.blunt()) > 0 {
					break
				}
			}
			switch {
			case c.unsound && len(v.unsound) == 0:
				t.Errorf("the proof did not notice that the rule is off:\n%s", v.table())
			case !c.unsound && len(v.blunt()) == 0:
				t.Errorf("the classes are as exact without the rule:\n%s", v.table())
			}
		})
	}
	t.Run("decision again", func(t *testing.T) {
		if len(released(t, server, switches{Switches: pgproxy.Switches{NoAgain: true}})) == 0 {
			t.Error("the policy refuses the same without the rule")
		}
	})
}

// TestEverySwitchIsTried: each rule of gate and lineage that can be switched off is, by
// one of the proofs, which says what must fail then.
func TestEverySwitchIsTried(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	must(t, err)
	for _, f := range append(reflect.VisibleFields(reflect.TypeFor[pgproxy.Switches]()), reflect.VisibleFields(reflect.TypeFor[lineage.Switches]())...) {
		off := regexp.MustCompile(`\b` + f.Name + `: true\b`)
		if !slices.ContainsFunc(files, func(file string) bool { return off.Match(read(t, file)) }) {
			t.Errorf("no proof runs with %s", f.Name)
		}
	}
}

func (v *verdict) add(o *verdict) {
	v.episodes += o.episodes
	for class, n := range o.sharp {
		v.sharp[class] = [2]int{v.sharp[class][0] + n[0], v.sharp[class][1] + n[1]}
	}
	for class, n := range o.bounded {
		v.bounded[class] = [2]int{v.bounded[class][0] + n[0], v.bounded[class][1] + n[1]}
	}
}

// table prints, by class, how many episodes were exactly right; of the others
// reachable is wider than the truth.
func (v *verdict) table() string {
	var b strings.Builder
	print := func(title string, m map[string][2]int) {
		fmt.Fprintf(&b, "%s\n", title)
		for _, class := range slices.Sorted(maps.Keys(m)) {
			n := m[class]
			fmt.Fprintf(&b, "  %-34s %3d of %3d, bounded share %.2f\n", class, n[0], n[1], 1-float64(n[0])/float64(n[1]))
		}
	}
	print("classes that the ladder attributes: confirmed = truth = reachable in", v.sharp)
	print("other classes: confirmed = truth = reachable in", v.bounded)
	return b.String()
}
