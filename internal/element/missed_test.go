package element

import (
	"encoding/base64"
	"testing"
)

// foundIn returns what is found of one kind in a text, joined by bars.
func foundIn(text string, kind Kind) (got string) {
	s := NewScanner(Options{Encoding: UTF8, Kinds: ^Mask(0)}, func(f *Finding) {
		if f.Kind == kind {
			if got != "" {
				got += "|"
			}
			got += text[f.Offset : int(f.Offset)+f.Length]
		}
	})
	s.Write([]byte(text))
	s.Close()
	return got
}

// TestTelephoneSpellings: dots, the trunk zero behind the country's code, labels that
// touch the number, and extensions.
func TestTelephoneSpellings(t *testing.T) {
	for text, want := range map[string]string{
		"電話 03.1234.5678 まで":              "03.1234.5678",
		"03.1234.5678":                    "03.1234.5678",
		"携帯:090.1234.5678":                "090.1234.5678",
		"+81 (0)90-1234-5678 です":          "+81 (0)90-1234-5678",
		"+81 (0)3 1234 5678":              "+81 (0)3 1234 5678",
		"+81-(0)90-1234-5678":             "+81-(0)90-1234-5678",
		"+81(0)90-1234-5678":              "+81(0)90-1234-5678",
		"(+81) 90-1234-5678":              "(+81) 90-1234-5678",
		"(+81)90-1234-5678":               "(+81)90-1234-5678",
		"(+81) 3-1234-5678":               "(+81) 3-1234-5678",
		"+81.90.1234.5678":                "+81.90.1234.5678",
		"0081-90-1234-5678":               "",
		"TEL:03-1234-5678":                "03-1234-5678",
		"TEL03-1234-5678 FAX03-1234-5679": "03-1234-5678|03-1234-5679",
		"Tel:0312345678":                  "0312345678",
		"03-1234-5678(内線123)":             "03-1234-5678",
		"03-1234-5678 内線 4567":            "03-1234-5678",
		"03-1234-5678（内線：12）":             "03-1234-5678",
		"03-1234-5678内線12":                "03-1234-5678",
		"03-1234-5678 ext.12":             "03-1234-5678",
		"03-1234-5678x12":                 "03-1234-5678",
		"version 01.2024.0305":            "",
		"invoice 03.1234.5678":            "",
		"route 10.03.1234.5678":           "",
		"10 (0)90-1234-5678":              "",
		"HOTEL03-1234-5678":               "",
		"lat 035.6812.1234567":            "",
	} {
		if got := foundIn(text, Phone); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestCardSpellingsBehindAWord: groups with other signs between them, and digits one by
// one, are card numbers behind a word for cards, and nothing without one.
func TestCardSpellingsBehindAWord(t *testing.T) {
	for _, number := range []string{
		"4539/1488/0343/6467", "4539_1488_0343_6467", "4539:1488:0343:6467", "4539  1488  0343  6467", "4 5 3 9 1 4 8 8 0 3 4 3 6 4 6 7", "4539 - 1488 - 0343 - 6467",
		"3782/822463/10005", "3 7 8 2 8 2 2 4 6 3 1 0 0 0 5", "4222222222222", "4222 222 222 222", "4-5-3-9-1-4-8-8-0-3-4-3-6-4-6-7",
	} {
		for _, before := range []string{"カード番号 ", "card: ", "お支払いカード：", "クレジットカード　"} {
			text := before + number + " です"
			if got := foundIn(text, CardPAN); got != number {
				t.Errorf("%q: %q", text, got)
			}
		}
		if number == "4539 - 1488 - 0343 - 6467" {
			continue
		}
		for _, before := range []string{"order ", "注文番号 ", "値は ", "JAN "} {
			text := before + number + " です"
			if got := foundIn(text, CardPAN); got != "" {
				t.Errorf("%q: %q", text, got)
			}
		}
	}
}

// TestBase64OfURLs: the alphabet of RFC 4648 §5.
func TestBase64OfURLs(t *testing.T) {
	for _, text := range []string{
		"お客様??>>のカード番号 4539 1488 0343 6467 有効期限 12/28", `{"name":"山田太郎","card":"4539148803436467","note":"~~??>>"}`, "カード番号 4539 1488 0343 6467 ???>>>ÿÿ",
	} {
		for _, frame := range []string{"", "token=", "/v1/x_", "state-", "https://shop.example/cb?state="} {
			for _, enc := range []*base64.Encoding{base64.URLEncoding, base64.RawURLEncoding, base64.StdEncoding} {
				whole := frame + enc.EncodeToString([]byte(text)) + "\n"
				if foundIn(whole, CardPAN) == "" {
					t.Errorf("%q: nothing in %q", text, whole)
				}
			}
		}
	}
}

// TestNameInARowOfItsOwn: a table that stands on its side has a label and a value a line.
func TestNameInARowOfItsOwn(t *testing.T) {
	for text, want := range map[string]string{
		"項目,値\n氏名,勅使河原 葵\n電話,0312345678\n": "勅使河原 葵", "\"氏名\",\"勅使河原葵\"\r\n": "勅使河原葵", "氏名\t勅使河原 葵\n": "勅使河原 葵", "氏名,フリガナ\n": "", "氏名,住所,電話番号\n": "", "氏名,住所\n": "",
		"氏名,備考,勅使河原\n": "", "氏名,\n": "", "商品名,勅使河原\n": "",
	} {
		if got := foundIn(text, Name); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestCitiesWithoutPrefecture: addresses that begin with a city, behind a postal code, a
// label, or by their form alone.
func TestCitiesWithoutPrefecture(t *testing.T) {
	for text, want := range map[string]string{
		"〒220-0012 横浜市西区みなとみらい2-3-1\n":   "横浜市西区みなとみらい2-3-1",
		"〒330-0854　さいたま市大宮区桜木町1丁目7番地5\n": "さいたま市大宮区桜木町1丁目7番地5",
		"〒102-0082\n千代田区一番町23番地3\n":      "千代田区一番町23番地3",
		"〒220-0012 神奈川県横浜市西区高島2-1\n":     "神奈川県横浜市西区高島2-1",
		"郵便番号 220-0012 横浜市西区高島2-1\n":     "横浜市西区高島2-1",
		"住所 札幌市中央区北1条西2丁目\n":             "札幌市中央区北1条西2丁目",
		"ご住所　横浜市西区みなとみらい2-3-1 です":        "横浜市西区みなとみらい2-3-1",
		"住所\t港区芝5-3-1\n":                 "港区芝5-3-1",
		"お届け先住所 横浜市西区みなとみらい2-3-1\n":      "横浜市西区みなとみらい2-3-1",
		"引越先は横浜市西区高島2-1-3です。":            "横浜市西区高島2-1-3",
		"先日、大阪市北区梅田３－１－３へ伺いました。":         "大阪市北区梅田３－１－３",
		"集合は船橋市本町1丁目2番3号":                "船橋市本町1丁目2番3号",
		"港区芝5-3-1まで":                     "港区芝5-3-1",
		"北佐久郡軽井沢町軽井沢1323-2まで":            "北佐久郡軽井沢町軽井沢1323-2",
		"住所 変更届 2024":                    "",
		"都市計画3-1-2号線":                    "",
		"第三学区担当1-2-3":                    "",
		"横浜市民大会3-1で勝利":                   "",
		"市場価格1-2-3":                      "",
		"浦和市立高校2-1":                      "",
		"同地区担当2-1-1":                     "",
		"港区芝浦2":                          "",
		"横浜市西区高島2階":                      "",
		"横浜市西区高島2024年":                   "",
		"横浜市西区高島2階、横浜市西区高島2-1-3":         "横浜市西区高島2-1-3",
		"住所 なし":                          "",
		"特別区民税1-2-3":                     "",
		"市区町村3-2-1":                      "",
	} {
		if got := foundIn(text, Address); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestNamesBesideOtherThings: labels whose value goes on behind the name, people who are
// addressed though their names are in no table, and their readings.
func TestNamesBesideOtherThings(t *testing.T) {
	for text, want := range map[string]string{
		"宿泊者氏名：石黒千尋 様（イシグロ　チヒロ）\n": "石黒千尋", "氏名：勅使河原さくら（旧姓 山田）\n": "勅使河原さくら", "担当：有賀真由美 / 携帯:080-5507-7741\n": "有賀真由美", "担当：蛭田大翔\n": "蛭田大翔", "契約者 有賀　心結 様、携帯": "有賀　心結", "小野寺　百合子 様\n": "小野寺　百合子",
		"担当：経理部\n": "", "担当：営業一課 / 内線12\n": "", "責任者：調整中\n": "", `{"name":"検査結果"}`: "", "資料 一式 様\n": "", "弊社 商品 様式": "",
	} {
		if got := foundIn(text, Name); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"氏名：石黒千尋 様（イシグロ　チヒロ）\n": "イシグロ　チヒロ", "山田太郎様(ヤマダ タロウ)": "ヤマダ タロウ", "部屋（スタンダード　ツイン）": "", "山田太郎様、お部屋は和室（オプション　ベッド）": "",
	} {
		if got := foundIn(text, Kana); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestValuesAsOtherProgramsWriteThem: headers and values of tables and keys in JSON.
func TestValuesAsOtherProgramsWriteThem(t *testing.T) {
	for _, c := range []struct {
		header, value string
		want          Kind
	}{
		{"電話番号", "(+81) 90-1234-5678", Phone}, {"電話番号", "+81 (0)90-1234-5678", Phone}, {"電話番号", "+81.90.1234.5678", Phone}, {"電話番号", "03.1234.5678", Phone},
		{"注文者TEL", "03-1234-5678", Phone}, {"注文者Email", "a@mail.example", Email}, {"連絡先FAX番号", "03-1234-5678", Phone}, {"マンション・ビル名", "第三コーポ762", Address}, {"商品SKU", "762", Unclassified},
	} {
		if got, _, _ := NewField(c.header).Judge([]byte(c.value)); got != c.want {
			t.Errorf("field %q: Judge(%q) = %v, want %v", c.header, c.value, got, c.want)
		}
	}
	for text, want := range map[string]string{
		`{"dateOfBirth":"1954/1/3"}`: "1954/1/3", `{"memberBirthDate":"1996年05月03日"}`: "1996年05月03日", `{"stillborn":"1954/1/3"}`: "",
	} {
		if got := foundIn(text, BirthDate); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
