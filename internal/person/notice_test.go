package person

import (
	"fmt"
	"strings"
	"testing"
)

// Everybody is told once: whoever appears only in a company's bookings through
// the company, others by what reaches them best, in a language that they write.
func TestNotices(t *testing.T) {
	rows := crowd(300, 31)
	for i := range rows {
		rows[i] += ","
	}
	first := len(rows)
	rows = append(rows,
		"n1,佐野 健太,サノ ケンタ,,2010-05-05,sano.k@example.jp,0311112222,1500001,東京都渋谷区神宮前1-2-3,,",
		"n2,佐野 健太,サノ ケンタ,,2010-05-05,,0311112222,1500001,東京都渋谷区神宮前1-2-3,,",
		"n3,森 一,モリ ハジメ,,1980-01-09,,,2310001,神奈川県横浜市中区新港1-1-1,,",
		"n4,石川 二郎,イシカワ ジロウ,,1980-02-09,,,,,,株式会社 見本商事",
		"n5,大野 三郎,オオノ サブロウ,,1981-03-09,,,,,,見本商事㈱",
		"n6,SMITH JOHN,,,1970-07-07,,,,\"7 Wallaby Place\",,")
	text := strings.TrimSpace(header) + ",会社名\n" + strings.Join(rows, "\n") + "\n"
	res := people(t, text, Options{Keys: true})
	items := Items{Names: []string{"name", "email", "passport"}, Rows: map[uint32]uint64{}}
	for i := range 6 {
		items.Rows[uint32(first+i)] = []uint64{1, 2, 1, 1, 4, 1}[i]
	}
	var got []string
	for _, n := range res.Notices(items) {
		got = append(got, fmt.Sprintf("%s %s %d %s %s %d", n.Channel, n.Company, len(n.Persons), n.Language, strings.Join(n.Items, "+"), len(n.Records)))
	}
	want := []string{
		fmt.Sprintf("%s 見本商事 2 ja name+passport 2", ByCompany), // two people of one company, one message
		fmt.Sprintf("%s  1 ja name+email 2", ByEmail),          // two records of one person
		fmt.Sprintf("%s  1 ja name 1", ByPost),
		fmt.Sprintf("%s  1 en name 1", ByPost),
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
