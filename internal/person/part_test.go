package person

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A part that is everything has the figures of everything; a part of one
// person's records is one person.
func TestPart(t *testing.T) {
	rows := crowd(600, 21)
	rows = append(rows,
		"p1,佐野 健太,サノ ケンタ,男,2010-05-05,sano.k@example.jp,0311112222,1500001,東京都渋谷区神宮前1-2-3,TR1234567",
		"p2,佐野 健太,サノ ケンタ,男,2010-05-05,sano.k@example.jp,0311112222,1500001,東京都渋谷区神宮前1-2-3,TR1234567",
		"p3,森 一,モリ ハジメ,男,1980-01-09,,0455556666,2310001,神奈川県横浜市中区新港1-1-1,",
		"p4,林 二郎,ハヤシ ジロウ,男,1980-02-09,,,2310001,神奈川県横浜市中区新港1-1-2,",
		"p5,原 三郎,ハラ サブロウ,男,1980-03-09,,,,,")
	for i, row := range rows {
		company, issued := "", ""
		if i%40 == 2 && row[0] != 'p' {
			company = fmt.Sprintf("株式会社 商社%d", i%3)
		}
		if strings.HasPrefix(row, "p") {
			issued = "2019-04-01"
		}
		rows[i] = row + "," + company + "," + issued
	}
	text := strings.TrimSpace(header) + ",会社名,旅券発行日\n" + strings.Join(rows, "\n") + "\n"
	res := people(t, text, Options{})
	at := keyed(text)
	all := make([]uint32, res.Table.Len())
	for i := range all {
		all[i] = uint32(i)
	}
	c, p := res.Count(), res.PartOf(append(all, all...), 20261122)
	if p.Records != c.Records || p.Persons != c.Persons || p.High < p.Persons || p.Low > p.Estimate || p.Estimate > p.High {
		t.Errorf("everything is %+v, want the figures of %+v", p, c)
	}
	sum := 0
	for _, n := range p.Channels {
		sum += n
	}
	if sum != p.Persons {
		t.Errorf("channels of %d persons, want %d", sum, p.Persons)
	}
	if p.Companies < 1 || p.Companies > 3 || p.Channels[ByCompany] < p.Companies {
		t.Errorf("%d companies for %d persons", p.Companies, p.Channels[ByCompany])
	}
	got := res.PartOf([]uint32{at["p1"], at["p2"], at["p3"], at["p4"], at["p5"]}, 20261122)
	if got.Records != 5 || got.Persons != 4 {
		t.Errorf("five records of four people are %d records of %d", got.Records, got.Persons)
	}
	if d := cmp.Diff(map[Channel]int{ByEmail: 1, ByPhone: 1, ByPost: 1, ByNotice: 1}, got.Channels); d != "" {
		t.Errorf("channels (-want +got):\n%s", d)
	}
	if d := cmp.Diff(map[uint32]int{20190401: 1}, got.Passports); d != "" {
		t.Errorf("passports (-want +got):\n%s", d)
	}
	if late := res.PartOf([]uint32{at["p1"]}, 20290401); len(late.Passports) != 0 || late.Persons != 1 || late.Low != 1 {
		t.Errorf("ten years later: %+v", late)
	}
	if none := res.PartOf(nil, 20261122); none.Persons != 0 || none.Low != 0 || none.High != 0 {
		t.Errorf("no records are %+v", none)
	}
}
