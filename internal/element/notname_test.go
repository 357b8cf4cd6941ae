package element

import (
	"strings"
	"testing"
)

// namesIn returns what a scanner takes for names in text.
func namesIn(text string) (names []string) {
	s := NewScanner(Options{Encoding: UTF8, Kinds: MaskOf(Name)}, func(f *Finding) {
		names = append(names, text[f.Offset:int(f.Offset)+f.Length])
	})
	s.Write([]byte(text))
	s.Close()
	return names
}

// TestWordsThatAreNoNames: dates, numbers of people, places, companies and things that
// consist of characters of names.
func TestWordsThatAreNoNames(t *testing.T) {
	words := `平成元年3日 平成元年 昭和元年 平成元年の 平成元年より 平成生まれの 令和元年度は 三百名様 二名様 大人二名様 ご家族様 担当部署様 空模様は 石川様式 三井町長沢は
 徳山医師会病院は 君津市 東京大学は 東京銀行 東武鉄道 東洋大学は 西武鉄道 西武流通 東海道は 南北線 平均的な 平安朝は 原生林は 城下町 関係者は 福岡大は 香川大 大森新田 清水機工 三井道路は
 前田硝子は 佐藤鉄工 山形県立 白石甲 朝倉乙 横山岳川 浜田郷は 野坂江 那須ヶ原山は 垣根を 水田の 中間は 山田商店様 佐藤歯科医院様 エヌ・ティ・ティは エイチ・アイ・エスは データ・センターは
 サウンド・トラックは ショッピング・カートが クレジット・カードは 豊岡三条 平岡十条は 東四条 南五条川 佐々木組は 東海通 東大川は 西大森林 岩井条`
	for w := range strings.FieldsSeq(words) {
		if got := namesIn(w); len(got) > 0 {
			t.Errorf("%s: %q", w, got)
		}
	}
}

// TestNamesThatLookLikeWords: what the words above must not hide.
func TestNamesThatLookLikeWords(t *testing.T) {
	for text, want := range map[string]string{
		"平成桂様は": "平成桂", "東大輔が": "東大輔", "東大輔様": "東大輔", "西友子は": "西友子", "南果歩が": "南果歩", "平忠好は": "平忠好", "城和好は": "城和好",
		"細田等様": "細田等", "坂井統様": "坂井統", "永井岩之丞の": "永井岩之丞", "川島君夫が": "川島君夫", "松谷君枝、": "松谷君枝", "横山岳様": "横山岳", "福岡大さん": "福岡大",
		"石川遼は": "石川遼", "山田新さんは": "山田新", "清水通夫は": "清水通夫", "ジョン・ブックは": "ジョン・ブック", "大田絵里奈が": "大田絵里奈", "山田様方": "山田", "大宮年子は": "大宮年子",
		"富士川太郎様": "富士川太郎", "新田恵利は": "新田恵利", "高橋部長様": "高橋", "石橋は": "石橋",
	} {
		if got := namesIn(text); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
