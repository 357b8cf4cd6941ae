package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sekisho/internal/config"
	"sekisho/internal/event"
	"sekisho/internal/ledger"
)

// canaries are values that stand in the records of TestPersonMatchSaysNothing and
// nowhere else, in every form that the program makes of them. Nobody is called so.
var canaries = struct{ names, others []string }{
	names: []string{"勅使河原", "環希", "テシガワラ", "タマキヨ", "teshigawara", "tamakiyo", "七里ガ浜東", "七里ケ浜東", "見本鶴亀商店"},
	others: []string{"kanaria.7d3f", "kanaria7d3f", "0905551234", "905551234", "tz9876501", "1933-11-29", "19331129", "2480299", "248-0299",
		"k0001x", "97番1", "97-1"},
}

// canaryRows are records with canaries: two good ones, and broken ones of each
// kind.
var canaryRows = []string{
	"k1,勅使河原 環希代,テシガワラ タマキヨ,1933-11-29,kanaria.7d3f@example.jp,09055512345,248-0299,神奈川県鎌倉市七里ガ浜東97番1号,TZ9876501,見本鶴亀商店",
	"k2,勅使河原　環希代,ﾃｼｶﾞﾜﾗ ﾀﾏｷﾖ,昭和8年11月29日,KANARIA.7D3F@EXAMPLE.JP,+81-90-5551-2345,2480299,鎌倉市七里ガ浜東97-1,tz9876501,（株）見本鶴亀商店",
	"k3,勅使河原 環希代,テシガワラ タマキヨ,1933-11-29,kanaria.7d3f@example.jp,09055512345",                                               // too few
	"k4,勅使河原 環希代,テシガワラ タマキヨ,1933-11-29,kanaria.7d3f@example.jp,09055512345,248-0299,鎌倉市七里ガ浜東97-1,TZ9876501,見本鶴亀商店,k0001x", // too many
	"k5,勅使河原\x00環希代,テシガワラ タマキヨ,1933-11-29,kanaria.7d3f@example.jp,09055512345,248-0299,鎌倉市七里ガ浜東97-1,TZ9876501,見本鶴亀商店",
	"k6,勅使河原\xff\xfe環希代,テシガワラ タマキヨ,1933-11-29,kanaria.7d3f@example.jp,09055512345,248-0299,鎌倉市七里ガ浜東97-1,TZ9876501,見本鶴亀商店",
	`k7,"勅使河原 環希代,テシガワラ タマキヨ,1933-11-29,kanaria.7d3f@example.jp,09055512345,248-0299,鎌倉市七里ガ浜東97-1,TZ9876501,見本鶴亀商店`, // a quote that never ends
}

// findCanary returns the first canary in b, in letters of either case.
func findCanary(b []byte, lists ...[]string) string {
	b = bytes.ToLower(b)
	for _, list := range lists {
		for _, c := range list {
			if bytes.Contains(b, bytes.ToLower([]byte(c))) {
				return c
			}
		}
	}
	return ""
}

// TestPersonMatchSaysNothing: no value of a record is in what person match,
// explain, review and decide write to the screen, in the ledger, or in what is left
// in the folder of temporary files, with broken rows, a file whose first row is
// somebody's, and memory that does not do. The folder of persons holds names in its
// dictionaries and nowhere else, and no e-mail address, telephone number, address,
// birth date or passport number as text at all.
func TestPersonMatchSaysNothing(t *testing.T) {
	dir := t.TempDir()
	home, state, temp := homeOf(t, dir), filepath.Join(dir, "state"), filepath.Join(dir, "temp")
	if err := os.Mkdir(temp, 0o700); err != nil {
		t.Fatal(err)
	}
	members, headless := filepath.Join(dir, "members.csv"), filepath.Join(dir, "headless.csv")
	customersOf(t, members)
	text, err := os.ReadFile(members)
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(string(text)), "\n")
	rows[0] = "会員番号,氏名,フリガナ,生年月日,メールアドレス,電話番号,郵便番号,住所,旅券番号,会社名"
	for i := range rows[1:] {
		rows[i+1] += ",,"
	}
	all := append(append([]string{}, rows...), canaryRows...)
	others := append(append([]string{}, canaryRows[:2]...), rows[1:]...) // a canary is what stands where names of columns should
	for i := range others {
		others[i] = "h" + others[i]
	}
	for file, lines := range map[string][]string{members: all, headless: others} {
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	say := func(want string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "sekisho", append([]string{"--config", home}, args...)...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "TMPDIR="+temp, "LANG=C.UTF-8", "USER=ayame")
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		said := stdout.String() + stderr.String()
		if !strings.Contains(said, want) {
			t.Fatalf("%v: %v, %q is not in\n%s", args, err, want, said)
		}
		if c := findCanary([]byte(said), canaries.names, canaries.others); c != "" {
			t.Errorf("%v says %s:\n%s", args, c, said)
		}
		if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
			t.Errorf("%v left %v, %v", args, left, err)
		}
	}
	little := []string{"--memory", "160MiB", "--workers", "1", "--json"}
	say(`"skipped": 5`, append([]string{"person", "match", members, headless}, little...)...)
	say(`"skipped": 5`, append([]string{"person", "match", members, "--state", state, "--by", "botan"}, little...)...)
	say(`"#2": "name"`, append([]string{"person", "match", headless, "--state", state, "--by", "botan"}, little...)...)
	say("SK8202", append([]string{"person", "match", headless, "--state", state}, little...)...)
	say("one person", "person", "explain", "--state", state, "members/k1", "headless/#2")
	say("members/k1", "person", "explain", "--state", state, "members/k1")
	say("", "person", "review", "--state", state)
	say("", "person", "review", "--state", state, "--pairs", "--json")
	say("Split", "person", "decide", "--state", state, "members/k1", "headless/#1", "--different", "--reason", "two of them", "--by", "botan")
	say("SK8203", "person", "explain", "--state", state, "members/k3", "members/k1")

	// Files of the state: dictionaries and keys are what it is for.
	dictionaries := 0
	walkFiles(t, state, func(name string, b []byte) {
		names := canaries.names
		if strings.HasPrefix(name, "words-") {
			names = nil
			if findCanary(b, canaries.names) != "" {
				dictionaries++
			}
		}
		if c := findCanary(b, names, canaries.others); c != "" {
			t.Errorf("%s of the state holds %s", name, c)
		}
	})
	if dictionaries < 4 {
		t.Errorf("canaries are in %d dictionaries: the test sees nothing", dictionaries)
	}
	walkFiles(t, filepath.Join(dir, "data"), func(name string, b []byte) {
		if c := findCanary(b, canaries.names, canaries.others); c != "" {
			t.Errorf("%s of the ledger holds %s", name, c)
		}
	})
	l, err := config.Load(home)
	if err != nil {
		t.Fatal(err)
	}
	r, err := ledger.OpenReader(ledgerDir(l.Config))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[event.Kind]int{}
	if err := r.Scan(t.Context(), 0, func(index event.Index, line []byte) error { // segments are compressed
		if c := findCanary(line, canaries.names, canaries.others); c != "" {
			t.Errorf("event %d holds %s: %s", index, c, line)
		}
		head, err := event.ParseHeader(line)
		kinds[head.Kind]++
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if kinds[event.KindPersonRun] != 3 || kinds[event.KindPersonDecision] != 1 || kinds[event.KindPersonChange] == 0 {
		t.Errorf("the ledger holds %v", kinds)
	}
}

// walkFiles reads all files below a folder.
func walkFiles(t *testing.T, dir string, each func(name string, b []byte)) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err == nil {
			files++
			each(d.Name(), b)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("%d files of %s were read: %v", files, dir, err)
	}
}
