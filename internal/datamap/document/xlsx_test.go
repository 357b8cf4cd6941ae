package document

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestSpellingsOfAWorkbookAgree: cells and strings as most programs write them go
// past the tokens; written in any other way they do not. Both give the same rows.
func TestSpellingsOfAWorkbookAgree(t *testing.T) {
	word := rapid.SampledFrom([]string{"山田 太郎", "a", "090-1234-5678", " ", "  x ", "A&amp;B", "1 &lt; 2", "東京都千代田区丸の内1-1", "", strings.Repeat("長い", 300)})
	rapid.Check(t, func(rt *rapid.T) {
		texts := rapid.SliceOfN(word, 1, 8).Draw(rt, "texts")
		rows := rapid.IntRange(1, 400).Draw(rt, "rows")
		columns := rapid.IntRange(1, 30).Draw(rt, "columns")
		build := func(plain bool) []byte {
			var table, sheet strings.Builder
			for _, text := range texts {
				if plain {
					fmt.Fprintf(&table, `<si><t>%s</t></si>`, text)
				} else {
					fmt.Fprintf(&table, "<x:si>\n<x:t xml:space=\"preserve\">%s</x:t></x:si>", text)
				}
			}
			for r := range rows {
				opened, closed := `<row r="%d">`, "</row>"
				if !plain {
					opened, closed = "<x:row  r='%d' >", "</x:row>\n"
				}
				fmt.Fprintf(&sheet, opened, r+1)
				for c := range columns {
					ref := fmt.Sprintf("%c%d", 'A'+c, r+1)
					if c > 25 {
						ref = fmt.Sprintf("A%c%d", 'A'+c-26, r+1)
					}
					n := (r*7 + c) % (len(texts) + 1) // one beyond the last string
					cell := [...]string{
						`<c r="%s" t="s"><v>%d</v></c>`, `<c r="%s" s="1" t="n"><v>%d.5</v></c>`, `<c r="%s"><v>%dE2</v></c>`, `<c r="%s" s="%d"/>`, `<c r="%s" s="1"><v>%d</v></c>`,
					}[(r+c)%5]
					if !plain {
						cell = [...]string{
							"<x:c  r='%s' t='s' ><x:v>%d</x:v></x:c>", "<x:c t='n' s='1' r='%s'>\n<x:v>%d.5</x:v></x:c>", "<x:c r='%s'><!-- --><x:v>%dE2</x:v></x:c>", "<x:c r='%s' s='%d'></x:c>", "<x:c s='1' r='%s'><x:v>%d</x:v></x:c>",
						}[(r+c)%5]
					}
					fmt.Fprintf(&sheet, cell, ref, n)
				}
				sheet.WriteString(closed)
			}
			sst := "<sst>"
			if plain { // what it says of itself is not believed
				sst = `<sst uniqueCount="999999999999">`
			}
			return zipped(t, "[Content_Types].xml", "<Types/>", "xl/workbook.xml", "<workbook/>",
				"xl/styles.xml", `<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>`,
				"xl/sharedStrings.xml", sst+table.String()+"</sst>", "xl/worksheets/sheet1.xml", "<worksheet><sheetData>"+sheet.String()+"</sheetData></worksheet>")
		}
		if diff := cmp.Diff(read(t, "a.xlsx", build(false), Limits{}), read(t, "a.xlsx", build(true), Limits{})); diff != "" {
			rt.Fatalf("tokens (-), past them (+):\n%s", diff)
		}
	})
}
