package main

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sekisho/internal/config"
	"sekisho/internal/policy/cut"
)

// join makes the process of a configuration join with the token of a file.
func join(ts *testscript.TestScript, not bool, args []string) {
	var t struct{ Token string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &t))
	err := ts.Exec("sekisho", "-c", args[0], "gate", "join", t.Token)
	if (err != nil) != not {
		ts.Fatalf("join: %v, want a failure: %t", err, not)
	}
}

func TestKindOfTarget(t *testing.T) {
	c := &config.Loaded{Config: &config.Config{Databases: []config.Database{{Name: "shop", Database: "shop_prod"}}}}
	p := &process{cfg: c, now: time.Now}
	for target, want := range map[string]cut.Kind{
		"evil.example": cut.Name, "203.0.113.9": cut.Address, "203.0.113.0/24": cut.Address, "2001:db8::1": cut.Address,
		"10.0.0.5": cut.Host, "192.168.0.0/16": cut.Host, "fd00::1": cut.Host, "127.0.0.1": cut.Host, "100.64.1.1": cut.Host,
		"::ffff:10.0.0.5": cut.Host, "office": cut.Role, "shop": cut.Name, "shop_prod": cut.Name, "": "", "10.0.0.5@osaka": "", "10.0.0.0/8@osaka": "",
	} {
		if got, err := p.kindOf(target); got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v; want %q", target, got, err, want)
		}
	}
	if inside(netip.MustParseAddr("8.8.8.8")) {
		t.Error("a public address is inside")
	}
}
