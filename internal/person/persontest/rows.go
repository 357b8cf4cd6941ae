package persontest

import (
	"fmt"
	"strings"

	"golang.org/x/text/encoding/japanese"
)

// house is where people live.
type house struct {
	postal               int
	prefecture, town     string
	block, number, place int
	building             string
}

var towns = strings.Fields(`北海道/札幌市豊平区月寒東 宮城県/仙台市泉区桂 東京都/世田谷区上馬 東京都/練馬区関町北 東京都/足立区千住 神奈川県/川崎市麻生区百合ケ丘
埼玉県/さいたま市緑区原山 千葉県/船橋市習志野台 愛知県/名古屋市千種区今池 京都府/京都市伏見区深草 大阪府/豊中市新千里東町 大阪府/堺市北区百舌鳥 兵庫県/神戸市須磨区妙法寺
岡山県/倉敷市玉島 広島県/福山市引野町 香川県/高松市屋島西町 福岡県/久留米市津福本町 熊本県/熊本市東区健軍 鹿児島県/鹿児島市谷山中央 沖縄県/浦添市伊祖`)

func (w *world) house() house {
	i := w.r.IntN(len(towns) * 40)
	p, t, _ := strings.Cut(towns[i%len(towns)], "/")
	h := house{postal: 1000000 + i*1171, prefecture: p, town: t + []string{"", "上", "南", "本町", "新田"}[i/len(towns)%5],
		block: 1 + w.r.IntN(5), number: 1 + w.r.IntN(45), place: 1 + w.r.IntN(30)}
	if w.chance(0.4) {
		h.building = fmt.Sprintf("%s%d", []string{"ハイツ月見", "コーポ若葉", "第二団地", "メゾン丘"}[w.r.IntN(4)], 101+w.r.IntN(700))
	}
	return h
}

var numerals = []string{"", "一", "二", "三", "四", "五"}

func (w *world) street(h house) string {
	s := h.town
	switch w.r.IntN(4) {
	case 0:
		s += fmt.Sprintf("%d-%d-%d", h.block, h.number, h.place)
	case 1:
		s += fmt.Sprintf("%s丁目%d番%d号", numerals[h.block], h.number, h.place)
	case 2:
		s += wide(fmt.Sprintf("%d丁目%d−%d", h.block, h.number, h.place))
	case 3:
		s += fmt.Sprintf("%d丁目%d番地の%d", h.block, h.number, h.place)
	}
	if h.building != "" && w.chance(0.6) {
		s += "　" + h.building
	}
	return s
}

func wide(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r - '0' + '０'
		}
		return r
	}, s)
}

// swaps are characters that forms and their conversions mix up.
var swaps = strings.NewReplacer("高", "髙", "崎", "﨑", "辺", "邊", "斎", "齋", "島", "嶋", "沢", "澤", "広", "廣", "桜", "櫻", "浜", "濱")

// slip makes one error of a clerk in kana.
func (w *world) slip(kana string) string {
	k := []rune(kana)
	if len(k) < 3 || !w.chance(0.012) {
		return kana
	}
	i := w.r.IntN(len(k))
	if w.chance(0.5) {
		return string(append(k[:i:i], k[i+1:]...))
	}
	k[i] = []rune("カサタナハマヤラワ")[w.r.IntN(9)]
	return string(k)
}

// narrow writes katakana in half width.
func narrow(s string) string {
	const full, half = "ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン", 0xFF66
	marks := map[rune]string{}
	for _, pair := range strings.Fields("ガカ ギキ グク ゲケ ゴコ ザサ ジシ ズス ゼセ ゾソ ダタ ヂチ ヅツ デテ ドト バハ ビヒ ブフ ベヘ ボホ") {
		r := []rune(pair)
		marks[r[0]] = string(r[1]) + "ﾞ"
	}
	var b strings.Builder
	for _, r := range s {
		if m, ok := marks[r]; ok {
			b.WriteString(narrow(strings.TrimSuffix(m, "ﾞ")) + "ﾞ")
			continue
		}
		if i := strings.IndexRune(full, r); i >= 0 {
			r = rune(half + i/3)
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (w *world) birth(p *somebody, way int) string {
	y, m, d := p.year, p.month, p.day
	if w.chance(0.01) {
		d = 1 + w.r.IntN(28)
	}
	switch way {
	case 0:
		return fmt.Sprintf("%04d-%02d-%02d", y, m, d)
	case 1:
		return fmt.Sprintf("%d/%d/%d", y, m, d)
	case 2:
		return fmt.Sprintf("%04d%02d%02d", y, m, d)
	}
	switch {
	case y >= 2020:
		return fmt.Sprintf("令和%d年%d月%d日", y-2018, m, d)
	case y >= 1990:
		return fmt.Sprintf("平成%d年%d月%d日", y-1988, m, d)
	}
	return fmt.Sprintf("S%d.%d.%d", y-1925, m, d)
}

func (w *world) phone(p *somebody) string {
	if w.chance(0.15) {
		return p.home
	}
	if w.chance(0.05) {
		return fmt.Sprintf("080%08d", w.r.IntN(1e8))
	}
	m := p.mobile
	if w.chance(0.5) {
		m = m[:3] + "-" + m[3:7] + "-" + m[7:]
	}
	return m
}

func (w *world) pick(a, b string, second float64) string {
	if w.chance(second) {
		return b
	}
	return a
}

// row writes a record of p as a site keeps it.
func (w *world) row(site int, p *somebody) string {
	family := p.family
	if w.chance(0.1) {
		family = p.maiden
	}
	kanji := family.kanji
	if w.chance(0.12) {
		kanji = swaps.Replace(kanji)
	}
	h := p.house
	if w.chance(0.15) {
		h = p.before
	}
	mail := w.pick(p.mails[0], p.mails[1], 0.2)
	familyKana, givenKana := w.slip(family.kana), w.slip(p.given.kana)
	postal := fmt.Sprintf("%03d-%04d", h.postal/10000, h.postal%10000)
	sex := map[bool]string{true: "男", false: "女"}[p.male]
	switch site {
	case 0:
		return strings.Join([]string{"%KEY%", kanji, p.given.kanji, familyKana, givenKana, sex, w.birth(p, 0), mail, postal, h.prefecture, w.street(h), w.phone(p)}, ",")
	case 1:
		if w.chance(0.1) {
			mail = ""
		}
		return strings.Join([]string{"%KEY%", kanji + w.pick("　", "", 0.3) + p.given.kanji, narrow(familyKana + " " + givenKana), w.birth(p, 1), mail, w.phone(p)}, ",")
	case 2:
		way := w.r.IntN(3)
		full := w.romaji(family.kana, way) + " " + w.romaji(p.given.kana, way)
		if w.chance(0.4) {
			full = w.romaji(p.given.kana, way) + " " + w.romaji(family.kana, way)
		}
		if w.chance(0.7) {
			full = strings.ToUpper(full)
		}
		passport, issued := p.passport, p.issued
		if w.chance(0.15) {
			passport, issued = p.oldPassport, p.oldIssue
		}
		return strings.Join([]string{"%KEY%", full, map[bool]string{true: "M", false: "F"}[p.male], w.birth(p, 2), mail, passport, issued, "+81" + strings.ReplaceAll(w.phone(p), "-", "")[1:]}, "\t")
	case 3:
		birth := w.birth(p, 3)
		if w.chance(0.08) {
			birth = ""
		}
		return strings.Join([]string{"%KEY%", kanji + " " + p.given.kanji, narrow(familyKana + " " + givenKana), birth, w.phone(p), postal, h.prefecture + w.street(h)}, ",")
	}
	c := w.r.IntN(w.company)
	return strings.Join([]string{"%KEY%", fmt.Sprintf("株式会社見本%d", c), kanji + "　" + p.given.kanji, familyKana + "　" + givenKana, fmt.Sprintf("ryoko@mihon%d.example.co.jp", c), fmt.Sprintf("06-%04d-0000", c)}, ",")
}

// old writes characters that the old encodings lack in the way their users do.
var old = strings.NewReplacer("髙", "高", "﨑", "崎", "−", "－")

// encode writes a site's file in the encoding that the site uses.
func encode(site int, text string) []byte {
	var out []byte
	var err error
	switch site {
	case 1:
		out, err = japanese.ShiftJIS.NewEncoder().Bytes([]byte(old.Replace(text)))
	case 3:
		out, err = japanese.EUCJP.NewEncoder().Bytes([]byte(old.Replace(text)))
	default:
		return []byte(text)
	}
	if err != nil {
		panic("persontest: " + err.Error())
	}
	return out
}
