package rule

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func jst(text string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", text+" 12:00", Tokyo)
	if err != nil {
		panic(err)
	}
	return t
}

// TestVectors: the vectors of the public test file, and of year end, leap days
// and the JTB case.
func TestVectors(t *testing.T) {
	book := Default()
	for _, tt := range []struct{ rule, known, want string }{
		{"jp.appi.final30", "2026-09-01", "2026-09-30"},
		{"jp.appi.final60", "2026-08-20", "2026-10-19"},
		{"jp.appi.final30", "2026-10-25", "2026-11-24"}, // 23 November is a holiday
		{"jp.appi.final30", "2026-11-30", "2027-01-04"}, // 29 December to 3 January
		{"jp.appi.final60", "2016-04-13", "2016-06-13"}, // 11 June is a Saturday
		{"jp.appi.prelim", "2016-04-13", "2016-04-17"},  // a guide does not roll
		{"jp.appi.prelim", "2026-12-29", "2027-01-02"},
		{"jp.appi.prelim", "2024-02-26", "2024-03-01"}, // leap year
		{"jp.appi.prelim", "2023-02-26", "2023-03-02"},
		{"card.visa.report", "2016-03-02", "2016-03-07"},
		{"card.visa.accounts", "2016-03-02", "2016-03-16"},
		{"card.visa.report", "2026-12-28", "2027-01-06"},
		{"jp.police", "2026-05-03", "2026-05-03"},
		{"jp.card.acquirer", "2017-05-25", "2017-05-25"},
		{"sg.pdpa", "2026-03-01", "2026-03-04"}, // after the day of assessment
		{"jp.mynumber.final", "2026-04-01", "2026-04-30"},
	} {
		c := book.Rule(tt.rule).Clock(jst(tt.known))
		if c.Day != tt.want || c.ByHand {
			t.Errorf("%s known %s: %s (by hand %v), want %s", tt.rule, tt.known, c.Day, c.ByHand, tt.want)
		}
	}
}

// TestZones: days are those of the rule's zone, hours are absolute.
func TestZones(t *testing.T) {
	book := Default()
	late := time.Date(2026, 9, 1, 15, 30, 0, 0, time.UTC) // 00:30 on 2 September in Tokyo
	if c := book.Rule("jp.appi.prelim").Clock(late); c.Day != "2026-09-06" {
		t.Errorf("Tokyo: %s", c.Day)
	}
	if c := book.Rule("us.ca.person").Clock(late); c.Day != "2026-10-01" || c.Due.UTC() != time.Date(2026, 10, 2, 7, 0, 0, 0, time.UTC) {
		t.Errorf("California: %s, due %s", c.Day, c.Due.UTC())
	}
	spring := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC) // clocks change on the 29th
	if c := book.Rule("eu.gdpr33").Clock(spring); c.Due.Sub(spring) != 72*time.Hour || c.Day != "" {
		t.Errorf("GDPR: %s", c.Due)
	}
}

// TestYearsNotAnnounced: a holiday list that is missing is said, not guessed.
func TestYearsNotAnnounced(t *testing.T) {
	book := Default()
	if c := book.Rule("jp.appi.final30").Clock(jst("2027-12-20")); !c.ByHand {
		t.Errorf("2028 is not announced, got %s without a mark", c.Day)
	}
	if c := book.Rule("card.visa.report").Clock(jst("2006-12-28")); !c.ByHand && c.Day == "" {
		t.Error("2006 is not covered")
	}
}

// TestHolidays: whole years as the Cabinet Office lists them.
func TestHolidays(t *testing.T) {
	for year, want := range map[int]string{
		2013: "0101 0114 0211 0320 0429 0503 0504 0505 0506 0715 0916 0923 1014 1103 1104 1123 1223",
		2015: "0101 0112 0211 0321 0429 0503 0504 0505 0506 0720 0921 0922 0923 1012 1103 1123 1223",
		2016: "0101 0111 0211 0320 0321 0429 0503 0504 0505 0718 0811 0919 0922 1010 1103 1123 1223",
		2017: "0101 0102 0109 0211 0320 0429 0503 0504 0505 0717 0811 0918 0923 1009 1103 1123 1223",
		2019: "0101 0114 0211 0321 0429 0430 0501 0502 0503 0504 0505 0506 0715 0811 0812 0916 0923 1014 1022 1103 1104 1123",
		2020: "0101 0113 0211 0223 0224 0320 0429 0503 0504 0505 0506 0723 0724 0810 0921 0922 1103 1123",
		2021: "0101 0111 0211 0223 0320 0429 0503 0504 0505 0722 0723 0808 0809 0920 0923 1103 1123",
		2026: "0101 0112 0211 0223 0320 0429 0503 0504 0505 0506 0720 0811 0921 0922 0923 1012 1103 1123",
		2027: "0101 0111 0211 0223 0321 0322 0429 0503 0504 0505 0719 0811 0920 0923 1011 1103 1123",
	} {
		var got []string
		for d := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC); d.Year() == year; d = d.AddDate(0, 0, 1) {
			if Holiday(d) {
				got = append(got, d.Format("0102"))
			}
		}
		if diff := cmp.Diff(strings.Fields(want), got); diff != "" {
			t.Errorf("%d: %s", year, diff)
		}
	}
}

func ids(clocks []Clock) (out []string) {
	for _, c := range clocks {
		out = append(out, c.Rule.ID+" "+c.Kind+" "+c.Day)
	}
	return out
}

// TestParallel: a stricter class adds clocks and takes none away; all begin
// with the earliest knowledge of anybody.
func TestParallel(t *testing.T) {
	book := Default()
	today := jst("2026-11-22")
	facts := []Fact{{Name: "personal-data", At: jst("2026-09-03")}, {Name: "personal-data", At: jst("2026-09-01")}}
	if got := book.Clocks(facts, today); len(got) != 0 {
		t.Errorf("a leak of unknown kind and size is no rule 7 event yet: %v", ids(got))
	}
	facts = append(facts, Fact{Name: "persons", At: jst("2026-09-04"), Persons: 1000})
	if got := book.Clocks(facts, today); len(got) != 0 {
		t.Errorf("1,000 persons are not more than 1,000: %v", ids(got))
	}
	facts = append(facts, Fact{Name: "persons", At: jst("2026-09-04"), Persons: 1001})
	before := ids(book.Clocks(facts, today))
	want := []string{"jp.appi.person statutory ", "jp.appi.prelim guide 2026-09-05", "jp.appi.final30 statutory 2026-09-30"}
	if diff := cmp.Diff(want, before); diff != "" {
		t.Error(diff)
	}
	facts = append(facts, Fact{Name: "attack", At: jst("2026-09-10")})
	after := strings.Join(ids(book.Clocks(facts, today)), "\n")
	for _, w := range []string{"jp.appi.prelim guide 2026-09-05", "jp.appi.final30 target 2026-09-30", "jp.appi.final60 statutory 2026-10-30", "jp.police practice 2026-09-10"} {
		if !strings.Contains(after, w) {
			t.Errorf("missing %q in\n%s", w, after)
		}
	}
}

// TestEarlyStage: a mere suspicion has a clock of its own while it began before
// personal data was known, and one report ends both.
func TestEarlyStage(t *testing.T) {
	book := Default()
	of := func(facts ...Fact) string {
		var out []string
		for _, c := range book.Clocks(facts, jst("2026-11-22")) {
			if strings.HasPrefix(c.Rule.ID, "jp.appi") && c.Day != "" {
				out = append(out, c.Rule.ID+" "+c.Day)
			}
		}
		return strings.Join(out, ", ")
	}
	suspicion, attack, data := Fact{Name: "suspicion", At: jst("2016-03-19")}, Fact{Name: "attack", At: jst("2016-03-19")}, Fact{Name: "personal-data", At: jst("2016-04-13")}
	for want, facts := range map[string][]Fact{
		"jp.appi.suspicion 2016-03-23": {suspicion, attack},
		"jp.appi.suspicion 2016-03-23, jp.appi.prelim 2016-04-17, jp.appi.final60 2016-06-13": {suspicion, attack, data},
		"jp.appi.prelim 2016-04-17, jp.appi.final60 2016-06-13":                               {{Name: "suspicion", At: data.At}, attack, data},
	} {
		if got := of(facts...); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	prelim, early, final := book.Rule("jp.appi.prelim"), book.Rule("jp.appi.suspicion"), book.Rule("jp.appi.final60")
	if !early.Same(prelim) || !prelim.Same(early) || prelim.Same(final) || final.Same(early) {
		t.Error("the preliminary report is one report, the final one another")
	}
}

// TestVersions: an old case has the law of its day, unless today's is asked
// for; what is not in force never runs.
func TestVersions(t *testing.T) {
	book := Default()
	facts := []Fact{{Name: "personal-data", At: jst("2016-04-13")}, {Name: "attack", At: jst("2016-04-13")}, {Name: "resident.tw", At: jst("2016-04-13")}}
	for _, c := range book.Clocks(facts, time.Time{}) {
		if strings.HasPrefix(c.Rule.ID, "jp.appi") {
			t.Errorf("%s did not exist in 2016", c.Rule.ID)
		}
	}
	now := book.Clocks(facts, jst("2026-11-22"))
	if !strings.Contains(strings.Join(ids(now), " "), "jp.appi.final60 statutory 2016-06-13") {
		t.Errorf("as of today: %v", ids(now))
	}
	for _, c := range now {
		if c.Rule.ID == "tw.new" {
			t.Error("a rule that is not in force runs")
		}
	}
	c := book.Rule("jp.appi.prelim").Clock(jst("2016-04-13"))
	if got := c.DaysPast(jst("2016-05-31")); got != 44 {
		t.Errorf("31 May is %d days past the guide, want 44", got)
	}
}

func TestLoadRefuses(t *testing.T) {
	one := `{"rules":[{"id":"a","law":{"ja":"x","en":"x"},"when":[{"all":["card"]}],"start":["card"],"length":1,"unit":"day","count":"calendar","zone":"Asia/Tokyo","recipient":{"ja":"x","en":"x"},"kind":"guide","status":"in-force","sure":"C","source":"s"}]}`
	if _, err := Load([]byte(one)); err != nil {
		t.Fatal(err)
	}
	for old, bad := range map[string]string{
		`"calendar"`: `"moons"`, `"source":"s"`: `"source":""`, `"ja":"x"`: `"ja":""`, `"Asia/Tokyo"`: `"Asia/Atlantis"`,
		`"unit":"day","count":"calendar"`: `"unit":"none","count":"promptly"`, `"start":["card"]`: `"start":[]`, `"sure"`: `"shure"`,
		`"sure":"C"`: `"sure":"C","early_of":"b"`, `"source":"s"}`: `"source":"s","early_of":"a"}`,
	} {
		if _, err := Load([]byte(strings.Replace(one, old, bad, 1))); err == nil {
			t.Errorf("%s instead of %s was taken", bad, old)
		}
	}
}

// TestBecause: every clock that runs names the fact that started it first, and then
// enough facts to start it alone.
func TestBecause(t *testing.T) {
	book := Default()
	var all []Fact
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	for _, r := range book.Rules {
		names := slices.Clone(r.Start)
		for _, c := range r.When {
			names = append(append(names, c.All...), c.Any...)
		}
		for _, name := range names {
			if !slices.ContainsFunc(all, func(f Fact) bool { return f.Name == name }) {
				at = at.Add(time.Minute)
				all = append(all, Fact{Name: name, At: at}, Fact{Name: name, At: at.Add(time.Hour)})
			}
		}
	}
	all = append(all, Fact{Name: "persons", At: at, Persons: 5}, Fact{Name: "persons", At: at.Add(time.Minute), Persons: 2_000_000})
	slices.Reverse(all)
	clocks := book.Clocks(all, time.Time{})
	if len(clocks) < 20 {
		t.Fatalf("only %d clocks run", len(clocks))
	}
	for _, k := range clocks {
		if len(k.Because) == 0 || !k.Because[0].At.Equal(k.Start) || !slices.Contains(k.Rule.Start, k.Because[0].Name) {
			t.Errorf("%s starts at %s because of %v", k.Rule.ID, k.Start, k.Because)
		}
		if start, ok := k.Rule.started(k.Because); !ok || !start.Equal(k.Start) {
			t.Errorf("%s does not start by %v alone", k.Rule.ID, k.Because)
		}
		for i, f := range k.Because {
			if slices.ContainsFunc(k.Because[:i], func(g Fact) bool { return g.Name == f.Name }) {
				t.Errorf("%s names %s twice", k.Rule.ID, f.Name)
			}
		}
	}
}
