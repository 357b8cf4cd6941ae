package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sekisho/internal/config"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/desk"
)

// TestPartsOfConfig: the room of settings tells every part, configured or not, and
// no secret of it.
func TestPartsOfConfig(t *testing.T) {
	bare := partsOfConfig(&config.Config{}, nil)
	for _, p := range bare {
		if p.On || len(p.Lines) > 0 {
			t.Errorf("%+v is on in an empty configuration", p)
		}
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"hook": "https://hook.example/t0psecret", "password": "t0psecret"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "cases.yaml")
	if err := os.WriteFile(file, []byte("company: {name: X}\npeople: [{id: sora, name: Sora Personal, rank: duty, phone: '090', reach: ['mailto:sora@example.jp', night]}]\n"+
		"mail: {server: 'mail.example.jp:587', from: a@example.jp, user: u, password_file: password}\nchannels: [{name: night, kind: lineworks, url_file: hook}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	firm, err := desk.LoadFirm(file)
	if err != nil {
		t.Fatal(err)
	}
	full := partsOfConfig(&config.Config{File: "sekisho.yaml", Cases: "cases.yaml", PolicyFile: "policy.yaml", Ledger: config.Ledger{Retention: config.Retention{Keep: config.Duration(48 * time.Hour)},
		Witnesses: []config.Witness{{Key: "t0psecret", URL: "https://w.example"}}},
		Databases: []config.Database{{Name: "shop", Upstream: "10.0.0.1:5432", Control: config.Control{User: "sekisho", PasswordFile: "t0psecret"}}},
		Gates:     []config.Gate{{Name: "shop-db", Listen: "127.0.0.1:6432", Database: "shop", Mode: "observe", OnFailure: "closed"}},
		Web:       []config.Web{{Name: "web", Listen: "127.0.0.1:1", Sites: []config.Site{{Hosts: []string{"shop.example.jp"}}}}},
		Egress:    &config.Egress{Gates: []config.EgressGate{{Name: "out", Listen: "127.0.0.1:2", Users: "t0psecret"}}, Resolvers: []config.Resolver{{Name: "names", Listen: "127.0.0.1:3"}}},
		Exits:     []config.Exit{{Name: "line", Interface: "eth0"}}, Files: []config.Files{{Name: "share", Folder: "/srv"}},
		Stores: []config.Store{{Name: "old", Address: "mysql://u@h/d", AccessKey: "t0psecret"}}, Hub: &config.Hub{Listen: "0.0.0.0:9443"}, Metrics: &config.Metrics{Listen: "127.0.0.1:9187"},
		Console: &config.Console{Persons: "persons"}}, firm)
	for i, p := range full {
		if !p.On || p.Name != bare[i].Name {
			t.Errorf("%+v is not told of, or in another order than %s", p, bare[i].Name)
		}
	}
	text, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"t0psecret", "Sora", "090", "sora@"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("%q is in the settings: %s", secret, text)
		}
	}
	for name, line := range map[string]string{"gates": "shop-db · 127.0.0.1:6432 · shop · observe · on_failure closed", "calls": "lineworks · night", "retention": "48h0m0s", "egress": "names · 127.0.0.1:3"} {
		if i := slices.IndexFunc(full, func(p consoleoffice.Part) bool { return p.Name == name }); i < 0 || !slices.Contains(full[i].Lines, line) {
			t.Errorf("%s has not %q: %+v", name, line, full)
		}
	}
}
