package person

import (
	"context"
	"io"
	"testing"
)

// TestMixedScript: a family name in kanji with a given name in kana is a name in
// kanji, both parts of it. The given name's number was that of another table:
// 山田 さくら had the name of somebody else, or of nobody.
func TestMixedScript(t *testing.T) {
	for _, text := range []string{"氏名,電話番号\n山田 さくら,03-1234-5678\n", "姓,名,電話番号\n山田,さくら,03-1234-5678\n", "姓,名,電話番号\nやまだ,桜,03-1234-5678\n"} {
		res, err := ReadOnly(t.Context(), Source{Name: "a", Rows: func(_ context.Context, w io.Writer) (int, error) {
			_, err := io.WriteString(w, text)
			return 0, err
		}})
		if err != nil {
			t.Fatal(err)
		}
		r := res.Table.At(0)
		family, given := string(res.Names.Kanji.Text(r.KanjiFamily)), string(res.Names.Kanji.Text(r.KanjiGiven))
		if family != "山田" && family != "やまだ" && family != "ヤマダ" || given != "さくら" && given != "サクラ" && given != "桜" {
			t.Errorf("%q: %q %q", text, family, given)
		}
	}
}
