package main

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/chacha20poly1305"

	"sekisho/internal/config"
	"sekisho/internal/control"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/lang"
	"sekisho/internal/ledger"
	"sekisho/proof/scope"
)

// The pair is that of the age test vectors (C2SP CCTV, age): the secret is 32
// times 0x42, and public.
const noticesTo = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"

func noticesKey(t *testing.T, b byte) *ecdh.PrivateKey {
	t.Helper()
	k, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{b}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// openAge opens a file for one recipient, as https://c2sp.org/age@v1 says it; files
// of more than one chunk are not read.
func openAge(file []byte, key *ecdh.PrivateKey) ([]byte, error) {
	lines := bytes.SplitN(file, []byte("\n"), 5) // version, stanza, its body, the seal of the head, the payload
	if len(lines) != 5 || string(lines[0]) != "age-encryption.org/v1" || !bytes.HasPrefix(lines[1], []byte("-> X25519 ")) || len(lines[4]) < 16 {
		return nil, errors.New("no file of age for one recipient")
	}
	share, err := base64.RawStdEncoding.DecodeString(string(lines[1][len("-> X25519 "):]))
	if err != nil {
		return nil, err
	}
	theirs, err := ecdh.X25519().NewPublicKey(share)
	if err != nil {
		return nil, err
	}
	shared, err := key.ECDH(theirs)
	if err != nil {
		return nil, err
	}
	seal := func(secret, salt []byte, info string) (cipher.AEAD, error) {
		k, err := hkdf.Key(sha256.New, secret, salt, info, chacha20poly1305.KeySize)
		if err != nil {
			return nil, err
		}
		return chacha20poly1305.New(k)
	}
	wrap, err := seal(shared, append(share, key.PublicKey().Bytes()...), "age-encryption.org/v1/X25519")
	if err != nil {
		return nil, err
	}
	sealed, err := base64.RawStdEncoding.DecodeString(string(lines[2]))
	if err != nil {
		return nil, err
	}
	fileKey, err := wrap.Open(nil, make([]byte, wrap.NonceSize()), sealed, nil)
	if err != nil {
		return nil, err
	}
	payload, err := seal(fileKey, lines[4][:16], "payload")
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, payload.NonceSize())
	nonce[len(nonce)-1] = 1 // the last chunk
	return payload.Open(nil, nonce, lines[4][16:], nil)
}

// scopeByElement answers with the subjects of each element; "" are all.
type scopeByElement map[string][]string

func (s scopeByElement) Scope(_ context.Context, r control.ScopeRequest, w io.Writer) error {
	element := strings.Join(r.Query.Elements, "")
	if r.Form == control.FormList {
		_, err := io.WriteString(w, strings.Join(s[element], "\n")+"\n")
		return err
	}
	var result scope.Result
	result.EverHeld.Elements = map[string]uint64{}
	for name := range s {
		if name != "" {
			result.EverHeld.Elements[name] = uint64(len(s[name]))
		}
	}
	for _, line := range s[element] {
		if strings.HasPrefix(line, "confirmed\t") {
			result.Confirmed.Subjects++
		}
		result.Reachable.Subjects++
		result.EverHeld.Subjects++
	}
	return json.NewEncoder(w).Encode(result)
}

// customersOf writes customers of whom some book alone, some through a company;
// every second one is there twice, as n and 1000 + n.
func customersOf(t *testing.T, file string, more ...string) {
	t.Helper()
	rows := []string{"会員番号,氏名,フリガナ,生年月日,メールアドレス,電話番号,住所,会社名"}
	for i := range 60 {
		row := fmt.Sprintf("%%d,佐藤 花%c,サトウ ハナ%c,19%02d-0%d-1%d,u%d@example.jp,0901234%04d,,", '子'+rune(i), []rune("アイウエオカキクケコ")[i%10], 30+i, 1+i%9, i%9, i*7919, i*13)
		rows = append(rows, fmt.Sprintf(row, i))
		if i%2 == 0 {
			rows = append(rows, fmt.Sprintf(row, 1000+i))
		}
	}
	if err := os.WriteFile(file, []byte(strings.Join(append(rows, more...), "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// homeOf makes a configuration with keys and an empty ledger, and returns its
// file.
func homeOf(t *testing.T, dir string) string {
	t.Helper()
	file := filepath.Join(dir, "sekisho.yaml")
	if err := os.WriteFile(file, []byte("data: ./data\nkeys: ./keys\nledger: {sync: 10ms}\nhub: {listen: '127.0.0.1:0'}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := initKeys(l.Config); err != nil {
		t.Fatal(err)
	}
	if err := ledger.Init(t.Context(), ledgerConfig(l.Config)); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestNoticeList makes the list of people to tell with a real state, file and
// ledger, opens it with the key of whom it is for, and compares every row; the
// event is in the ledger and is about this file.
func TestNoticeList(t *testing.T) {
	dir := t.TempDir()
	members, state, list := filepath.Join(dir, "members.csv"), filepath.Join(dir, "state"), filepath.Join(dir, "list.age")
	customersOf(t, members,
		"b1,石川 二郎,イシカワ ジロウ,1980-02-09,,,,株式会社 見本商事",
		"b2,大野 三郎,オオノ サブロウ,1981-03-09,,,,見本商事㈱",
		`p1,SMITH JOHN,,1970-07-07,,,"7 Wallaby Place",`)
	home := homeOf(t, dir)
	var stdout, stderr bytes.Buffer
	env := environment{stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }}
	if code := run([]string{"--config", home, "person", "match", members, "--state", state, "--by", "botan", "--json"}, env); code != 0 {
		t.Fatalf("match: exit %d: %s", code, stderr.String())
	}
	all := []string{"confirmed\tshop.members\t0", "confirmed\tshop.members\t1000", "confirmed\tshop.members\tb1", "reachable\tshop.members\tb2", "reachable\tshop.members\tp1", "reachable\tshop.members\tgone"}
	op := scopeByElement{"": all, "email": all[:2], "name": all[1:], "passport": all[3:4]}
	a := &app{env: env, ctx: t.Context(), config: home, say: texts.In(lang.English), lang: lang.English}
	c := scopeCmd{Persons: state, By: "botan", noticeFlags: noticeFlags{Notices: list, NoticesTo: []string{noticesTo}, NoticesOf: "reachable", NoticesCase: "c7", Reason: "letters"}}
	out, finish, err := c.persons(a, op, control.ScopeRequest{By: "botan"})
	if err != nil {
		t.Fatal(err)
	}
	if err := finish(out); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(file, []byte("members")) || bytes.Contains(file, []byte("見本")) {
		t.Error("the list can be read without a key")
	}
	if info, err := os.Stat(list); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v, want a file of its owner alone", info.Mode(), err)
	}
	if _, err := openAge(file, noticesKey(t, 0x43)); err == nil {
		t.Error("another key opens the list")
	}
	plain, err := openAge(file, noticesKey(t, 0x42))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(plain)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		rows[i][2] = strings.Join(strings.Fields(strings.Map(func(r rune) rune { // person numbers are given by content
			if r >= '0' && r <= '9' {
				return 'n'
			}
			return r
		}, rows[i][2])), " ")
		rows[i][2] = strings.ReplaceAll(rows[i][2], "nn", "n")
	}
	want := [][]string{
		{"channel", "company", "persons", "language", "items", "contact_source", "contact_key", "records"},
		{"company", "見本商事", "n n", "ja", "name passport", "members", "b1", "members/b1 members/b2"},
		{"email", "", "n", "ja", "email name", "members", "0", "members/0 members/1000"},
		{"post", "", "n", "en", "name", "members", "p1", "members/p1"},
		{"unknown", "", "", "ja", "name", "members", "gone", "members/gone"},
	}
	if d := cmp.Diff(want, rows); d != "" {
		t.Errorf("the list (-want +got):\n%s", d)
	}
	var found []*event.PersonNotices
	if err := a.fold(func(k event.Kind) bool { return k == event.KindPersonNotices }, func(e *event.Event) { found = append(found, e.Body.(*event.PersonNotices)) }); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(file)
	wanted := &event.PersonNotices{Class: "reachable", Rows: 4, Persons: 4, Channels: map[string]uint64{"company": 1, "email": 1, "post": 1, "unknown": 1}, Missing: 1,
		SHA256: hex.EncodeToString(sum[:]), Encrypted: "age-x25519", To: []string{noticesTo}, Case: "c7", By: "botan", Reason: "letters"}
	if len(found) == 1 {
		wanted.Scope = found[0].Scope
	}
	if d := cmp.Diff([]*event.PersonNotices{wanted}, found); d != "" || len(found[0].Scope) != 64 {
		t.Errorf("in the ledger (-want +got):\n%s", d)
	}
	// The file is not written over, and nothing is recorded of a list that was not made.
	out, finish, err = c.persons(a, op, control.ScopeRequest{By: "botan"})
	if err != nil {
		t.Fatal(err)
	}
	if err := finish(out); err == nil || fault.Faults(err)[0].Code != fault.PersonNotices {
		t.Errorf("again: %v, want SK3304", err)
	}
	n := 0
	if err := a.fold(func(k event.Kind) bool { return k == event.KindPersonNotices }, func(*event.Event) { n++ }); err != nil || n != 1 {
		t.Errorf("%d lists are in the ledger, %v", n, err)
	}
	if again, err := os.ReadFile(list); err != nil || !bytes.Equal(again, file) {
		t.Errorf("the list is another one: %v", err)
	}
}
