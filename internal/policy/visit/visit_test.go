package visit

import (
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func person(n int) Person { return Person{Source: "shop.customers", Number: uint32(n)} }

func TestLimitCountsOthersOnce(t *testing.T) {
	b := NewBook(Limits{Session: 2})
	who := []Visitor{{Session, "a"}}
	self := person(1)
	for _, shown := range [][]Person{{self, person(2)}, {person(2), person(2)}, {self, person(3)}} {
		if over, ok := b.See(noon, who, self, shown); ok {
			t.Fatalf("two others are allowed: %+v", over)
		}
	}
	if _, ok := b.Shut(noon, who); ok {
		t.Fatal("shut before the limit was passed")
	}
	over, ok := b.See(noon, who, self, []Person{person(4)})
	if !ok || !over.First || over.Limit != 2 || over.By != Session {
		t.Fatalf("the third other: %+v %v", over, ok)
	}
	if over, ok := b.Shut(noon.Add(59*time.Minute), who); !ok || over.First {
		t.Errorf("within the window: %+v %v", over, ok)
	}
	if _, ok := b.Shut(noon.Add(time.Hour), who); ok {
		t.Error("after the window")
	}
	if _, ok := b.See(noon.Add(time.Hour), who, self, []Person{person(4)}); ok {
		t.Error("a new window counts anew")
	}
}

func TestMadeUpSessionsAreCountedByAddress(t *testing.T) {
	b := NewBook(Limits{Session: 5, Address: 20})
	passed := 0
	for i := range 30 {
		who := []Visitor{{Session, "s" + strconv.Itoa(i)}, {Address, Network("192.0.2.1")}}
		if over, ok := b.See(noon, who, Person{}, []Person{person(i)}); ok {
			passed++
			if over.By != Address {
				t.Errorf("by %v", over.By)
			}
		}
	}
	if passed != 10 {
		t.Errorf("%d of 30 were over the limit of 20", passed)
	}
}

func TestBookIsBounded(t *testing.T) {
	b := NewBook(Limits{Session: 1})
	for i := range maxVisitors + 100 {
		b.See(noon, []Visitor{{Session, strconv.Itoa(i)}}, Person{}, []Person{person(i)})
	}
	if len(b.visitors) != maxVisitors || b.recent.Len() != maxVisitors {
		t.Errorf("%d visitors, %d in the list", len(b.visitors), b.recent.Len())
	}
}

// Whatever the order, a visitor is over exactly when more others than the limit
// were shown.
func TestSeeProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 8).Draw(t, "limit")
		shown := rapid.SliceOfN(rapid.IntRange(0, 12), 0, 40).Draw(t, "shown")
		b := NewBook(Limits{Account: limit})
		who := []Visitor{{Account, "x"}}
		others := map[int]bool{}
		for _, n := range shown {
			if n != 0 {
				others[n] = true
			}
			_, over := b.See(noon, who, person(0), []Person{person(n)})
			if want := len(others) > limit; over != want {
				t.Fatalf("after %v: over %v, want %v", shown, over, want)
			}
		}
	})
}

func TestNetwork(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "": "",
	} {
		if got := Network(in); got != want {
			t.Errorf("Network(%q) = %q, want %q", in, got, want)
		}
	}
}
