package setup

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	gocmp "github.com/google/go-cmp/cmp"

	"sekisho/internal/datamap/propose"
)

// TestVerifier holds the verifier against RFC 7677 §3: user "user", password
// "pencil", the salt and the client proof that are printed there. A verifier
// that is right lets the proof through: StoredKey = H(proof XOR
// HMAC(StoredKey, AuthMessage)).
func TestVerifier(t *testing.T) {
	salt, err := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	if err != nil {
		t.Fatal(err)
	}
	v, err := Verifier("pencil", salt)
	if err != nil {
		t.Fatal(err)
	}
	head, keys, _ := strings.Cut(strings.TrimPrefix(v, "SCRAM-SHA-256$4096:"), "$")
	if head != "W22ZaJ0SNY7soEsUEjb6gQ==" {
		t.Fatalf("salt %q", head)
	}
	storedText, serverText, _ := strings.Cut(keys, ":")
	stored, _ := base64.StdEncoding.DecodeString(storedText)
	server, _ := base64.StdEncoding.DecodeString(serverText)
	auth := "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
	mac := func(key []byte) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(auth))
		return h.Sum(nil)
	}
	proof, _ := base64.StdEncoding.DecodeString("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
	client := mac(stored)
	for i := range client {
		client[i] ^= proof[i]
	}
	if got := sha256.Sum256(client); string(got[:]) != string(stored) {
		t.Error("the proof of RFC 7677 does not pass")
	}
	if got := base64.StdEncoding.EncodeToString(mac(server)); got != "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" {
		t.Errorf("server signature %s, want that of RFC 7677", got)
	}
	other, err := pbkdf2.Key(sha256.New, "other", salt, Iterations, 32)
	if err != nil || strings.Contains(v, base64.StdEncoding.EncodeToString(other)) {
		t.Error("another password, the same verifier")
	}
}

func TestSettle(t *testing.T) {
	got := Settle(propose.Proposal{Tables: []propose.Table{
		{Name: "public.a", Key: "id"},
		{Name: "public.b", Key: "a_id", Of: "public.a"},
		{Name: "public.c", Key: "b_id", Of: "public.b"},
		{Name: "public.loose"},
		{Name: "public.x", Key: "id", Of: "public.y"},
		{Name: "public.y", Key: "id", Of: "public.x"},
	}, Plain: []string{"crm.tours"}})
	of := map[string]string{}
	for _, x := range got.Tables {
		of[x.Name] = x.Of
	}
	want := map[string]string{"public.a": "", "public.b": "public.a", "public.c": "public.a", "public.x": "", "public.y": ""}
	if diff := gocmp.Diff(want, of); diff != "" {
		t.Errorf("whose rows they are (-want +got):\n%s", diff)
	}
	if len(got.Keyless) != 1 || got.Keyless[0].Name != "public.loose" {
		t.Errorf("without key: %v, want public.loose", got.Keyless)
	}
	if diff := gocmp.Diff([]string{"crm", "public"}, got.schemas()); diff != "" {
		t.Errorf("schemas (-want +got):\n%s", diff)
	}
}

// TestHostileNames: what a database or a person calls things stays a value, in
// YAML and in SQL.
func TestHostileNames(t *testing.T) {
	const evil = "x\"]}\n- name: 'evil' # \\ \t 見本"
	a := &Answers{Name: "shop", Upstream: "127.0.0.1:1", Database: `d"; DROP TABLE x; --`, TLS: "prefer", Account: `r"; DROP ROLE y; --`, Secret: evil,
		Listen: "127.0.0.1:2", Console: "127.0.0.1:3", Data: evil, Keys: evil, Cases: evil, Company: evil,
		Duty: Person{Name: evil, Mail: "a@example.jp", Phone: evil}, Mail: &Mail{Server: evil, From: evil, User: evil, PasswordFile: evil}, LineWorks: evil}
	plan := Settle(propose.Proposal{Tables: []propose.Table{{Name: "public.t", Key: "id"}, {Name: evil}}})
	words := func(key string, _ ...any) string { return key }
	comments := propose.Words{Key: func(string, string) string { return "" }, Column: func(propose.Proposed) string { return "" }}
	var c struct {
		Data, Keys string
		Databases  []struct {
			Database string
			Control  struct{ User, PasswordFile string }
		}
	}
	if err := yaml.Unmarshal([]byte(a.Config(plan, words, comments)), &c); err != nil {
		t.Fatalf("%v\n%s", err, a.Config(plan, words, comments))
	}
	if c.Data != evil || c.Keys != evil || len(c.Databases) != 1 || c.Databases[0].Database != a.Database || c.Databases[0].Control.User != a.Account {
		t.Errorf("read back: %+v", c)
	}
	var p struct {
		Company struct{ Name string }
		People  []struct{ Name, Phone string }
	}
	if err := yaml.Unmarshal([]byte(a.People(words)), &p); err != nil {
		t.Fatal(err)
	}
	if p.Company.Name != evil || len(p.People) != 1 || p.People[0].Name != evil || p.People[0].Phone != evil {
		t.Errorf("read back: %+v", p)
	}
	a.Account += "' x"
	sql := a.SQL(plan, "SCRAM", words)
	outside := regexp.MustCompile(`'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*`).ReplaceAllString(sql, "~")
	if strings.Contains(outside, "DROP") || !strings.Contains(sql, `"r""; DROP ROLE y; --' x"`) || !strings.Contains(sql, `"d""; DROP TABLE x; --"`) {
		t.Errorf("a name leaves its quotes:\n%s\n%s", sql, outside)
	}
	if !strings.Contains(sql, `DO 'BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ''r"; DROP ROLE y; --'''' x'') THEN CREATE ROLE "r""; DROP ROLE y; --'' x"; END IF; END';`) {
		t.Errorf("an account that may be there:\n%s", sql)
	}
}

func TestName(t *testing.T) {
	for in, want := range map[string]string{"shop": "shop", "my shop.v2": "myshopv2", "顧客": "db", "": "db", "-1-x": "x", strings.Repeat("a", 80): strings.Repeat("a", 32)} {
		if got := Name(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
