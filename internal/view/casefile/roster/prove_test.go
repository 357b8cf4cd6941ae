package roster

import (
	"errors"
	"testing"
)

// TestProve: the account or the key of a person, and nobody else's.
func TestProve(t *testing.T) {
	r := &Roster{People: []Person{
		{ID: "sora", User: "sora"}, {ID: "ren", KeySHA256: KeySum("ren's key")}, {ID: "aoi", User: "1003", KeySHA256: KeySum("aoi's key")},
		{ID: "plain"}, {ID: "twin1", User: "shared"}, {ID: "twin2", User: "shared"},
	}}
	for _, c := range []struct {
		name, by, account, number, key string
		want                           string
		refused                        bool
	}{
		{"account", "sora", "sora", "1001", "", ByAccount, false},
		{"account by number", "aoi", "a", "1003", "", ByAccount, false},
		{"key from a service account", "ren", "service", "99", "ren's key", ByKey, false},
		{"key from somebody's account", "ren", "sora", "1001", "ren's key", ByKey, false},
		{"somebody else's key", "aoi", "service", "99", "ren's key", "", true},
		{"a key of nobody", "plain", "service", "99", "x", "", true},
		{"name of somebody who has a key", "ren", "service", "99", "", "", true},
		{"name of somebody who has an account", "sora", "service", "99", "", "", true},
		{"an account that is somebody's, another name", "plain", "sora", "1001", "", "", true},
		{"only typed", "plain", "service", "99", "", "", false},
		{"a stranger", "botan", "sora", "1001", "", "", false},
		{"two with one account", "twin1", "shared", "7", "", "", true},
		{"nothing known", "plain", "", "", "", "", false},
		{"nothing known of somebody with an account", "sora", "", "", "", "", true},
	} {
		got, err := r.Prove(c.by, Caller{Account: c.account, Number: c.number, Key: c.key})
		if got != c.want || errors.Is(err, ErrNotYou) != c.refused {
			t.Errorf("%s: %q, %v; want %q, refused %v", c.name, got, err, c.want, c.refused)
		}
	}
	for by, want := range map[string]string{"ren": ByConsole, "sora": ByConsole, "plain": "", "": ""} {
		got, err := r.Prove(by, Caller{Console: "ren"})
		if by == "sora" {
			got, err = r.Prove(by, Caller{Console: "sora", Account: "plain"})
		}
		if got != want || errors.Is(err, ErrNotYou) != (want == "") {
			t.Errorf("who entered the console as ren, as %q: %q, %v", by, got, err)
		}
	}
	var none *Roster
	if got, err := none.Prove("x", Caller{}); got != "" || err != nil {
		t.Errorf("without a roster: %q %v", got, err)
	}
}

func TestCheckLogins(t *testing.T) {
	for name, people := range map[string][]Person{
		"one account": {{ID: "a", User: "u"}, {ID: "b", User: "u"}},
		"one key":     {{ID: "a", KeySHA256: KeySum("k")}, {ID: "b", KeySHA256: KeySum("k")}},
		"no sum":      {{ID: "a", KeySHA256: "abc"}},
	} {
		if err := (&Roster{People: people}).CheckLogins(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := (&Roster{People: []Person{{ID: "a"}, {ID: "b"}, {ID: "c", User: "u", KeySHA256: KeySum("k")}}}).CheckLogins(); err != nil {
		t.Error(err)
	}
}
