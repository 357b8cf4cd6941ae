package main

import (
	"bytes"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sekisho/internal/datamap/filescan"
	"sekisho/internal/datamap/risk"
	"sekisho/internal/element"
	"sekisho/internal/lang"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fixedReport has something of everything.
func fixedReport() *filescan.Report {
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	found := func(k element.Kind, n uint64, places ...filescan.Place) filescan.Found {
		return filescan.Found{Kind: k, Name: k.String(), Count: n, Places: places}
	}
	return &filescan.Report{
		Root: "/srv/share", Started: at, Finished: at.Add(83 * time.Second), Files: 1234, Bytes: 5 << 30, Stopped: true,
		LeftOut: []string{"/srv/share/state"},
		Totals: []filescan.Total{
			{Kind: element.CardCVV, Name: "card.cvv", Count: 2, Files: 1}, {Kind: element.CardPAN, Name: "card.pan", Count: 203, Files: 2},
			{Kind: element.Passport, Name: "passport", Count: 18, Files: 1},
		},
		Objects: []*filescan.Object{
			{Path: "public_html/<b>.csv", Modified: at.AddDate(-3, 0, 0), Public: true, Elements: []filescan.Found{
				found(element.CardCVV, 2), found(element.CardPAN, 200, filescan.Place{Row: 1234, Column: "備考", Mask: "411111******1111"})},
				Rank: &filescan.Rank{Score: 900, Reasons: []string{"cvv", "card", "many", "public", "web", "old"}, Advice: risk.Delete}},
			{Path: "a.zip", Modified: at, CopyOf: "b.zip", Elements: []filescan.Found{found(element.Passport, 18, filescan.Place{Part: "x.xlsx/表", Line: 7})},
				Rank: &filescan.Rank{Score: 100, Reasons: []string{"number", "copy", "archive", "unread"}, Advice: risk.Protect}},
		},
		More: 5,
		Unread: []filescan.UnreadFiles{
			{Name: "encrypted", Count: 3, Serious: true, Paths: []string{"a.zip › secret.txt"}}, {Name: "picture", Count: 12, Serious: true}, {Name: "link", Count: 1},
		},
	}
}

// TestScanPage holds the page for people: read it when it changes.
func TestScanPage(t *testing.T) {
	for _, l := range []lang.Language{lang.Japanese, lang.English} {
		var text, page bytes.Buffer
		scanText(&text, texts.In(l), fixedReport())
		if err := scanPage(&page, texts.In(l), fixedReport()); err != nil {
			t.Fatal(err)
		}
		for name, got := range map[string][]byte{"testdata/scan." + string(l) + ".txt": text.Bytes(), "testdata/scan." + string(l) + ".html": page.Bytes()} {
			if *update {
				if err := os.WriteFile(name, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s (-golden +got)\n%s", name, diff)
			}
		}
	}
}

// TestScanWords: every trouble and reason has its words.
func TestScanWords(t *testing.T) {
	for _, reason := range filescan.Reasons {
		if !texts.Has("scan_reason_" + reason) {
			t.Errorf("no text for reason %q", reason)
		}
	}
	for _, name := range filescan.Troubles() {
		if !texts.Has("scan_trouble_"+name) || !texts.Has("scan_trydo_"+name) {
			t.Errorf("no text for trouble %q", name)
		}
	}
}
