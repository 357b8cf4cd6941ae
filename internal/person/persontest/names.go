package persontest

import (
	"fmt"
	"math"
	"strings"
)

// name is a part of a name: how it is written and read. kana is katakana, one
// syllable of romaji stands behind each in sounds.
type name struct{ kanji, kana string }

// Surnames, commonest first; written by hand for this generator.
var surnames = parse(`佐藤サトウ 鈴木スズキ 高橋タカハシ 田中タナカ 渡辺ワタナベ 伊藤イトウ 山本ヤマモト 中村ナカムラ 小林コバヤシ 加藤カトウ
吉田ヨシダ 山田ヤマダ 佐々木ササキ 山口ヤマグチ 松本マツモト 井上イノウエ 木村キムラ 林ハヤシ 斎藤サイトウ 清水シミズ 山崎ヤマザキ 森モリ 池田イケダ
橋本ハシモト 阿部アベ 石川イシカワ 山下ヤマシタ 中島ナカジマ 石井イシイ 小川オガワ 前田マエダ 岡田オカダ 長谷川ハセガワ 藤田フジタ 後藤ゴトウ 近藤コンドウ
村上ムラカミ 遠藤エンドウ 青木アオキ 坂本サカモト 福田フクダ 太田オオタ 西村ニシムラ 藤井フジイ 岡本オカモト 金子カネコ 三浦ミウラ 藤原フジワラ 中野ナカノ
原田ハラダ 中川ナカガワ 松田マツダ 竹内タケウチ 小野オノ 田村タムラ 中山ナカヤマ 和田ワダ 石田イシダ 森田モリタ 上田ウエダ 原ハラ 内田ウチダ 柴田シバタ
酒井サカイ 宮崎ミヤザキ 横山ヨコヤマ 高木タカギ 安藤アンドウ 宮本ミヤモト 大野オオノ 小島コジマ 谷口タニグチ 工藤クドウ 今井イマイ 高田タカダ 増田マスダ
丸山マルヤマ 杉山スギヤマ 村田ムラタ 大塚オオツカ 新井アライ 小山コヤマ 平野ヒラノ 河野コウノ 藤本フジモト 上野ウエノ 野口ノグチ 武田タケダ 松井マツイ
千葉チバ 岩崎イワサキ 菅原スガワラ 木下キノシタ 久保クボ 佐野サノ 野村ノムラ 松尾マツオ 菊地キクチ 市川イチカワ 杉本スギモト 古川フルカワ 大西オオニシ
島田シマダ 水野ミズノ 桜井サクライ 高野タカノ 渡部ワタナベ 吉川ヨシカワ 山内ヤマウチ 西田ニシダ 飯田イイダ 菊池キクチ 西川ニシカワ 小松コマツ 北村キタムラ
安田ヤスダ 五十嵐イガラシ 川口カワグチ 平田ヒラタ 関セキ 中田ナカタ 久保田クボタ 服部ハットリ 東ヒガシ 岩田イワタ 土屋ツチヤ 川崎カワサキ 福島フクシマ
本田ホンダ 辻ツジ 樋口ヒグチ 秋山アキヤマ 田口タグチ 永井ナガイ 山中ヤマナカ 中西ナカニシ 吉村ヨシムラ 川上カワカミ 石原イシハラ 大橋オオハシ 松岡マツオカ
馬場ババ 浜田ハマダ 森本モリモト 星野ホシノ 矢野ヤノ 浅野アサノ 大久保オオクボ 吉岡ヨシオカ 広瀬ヒロセ 小池コイケ 野田ノダ 荒木アラキ 熊谷クマガイ 松浦マツウラ`)

// Parts of given names: reading and the kanji that are used for it. A given
// name is a first part alone or with a second one.
var (
	firstParts = parts(`アキ明秋彰亜希 アサ朝麻 アツ敦篤淳 アヤ彩綾文 イク育郁 エイ栄英瑛 カズ和一数 カナ佳奈加奈 キヨ清潔 クニ邦国 ケン健賢謙 コウ光幸晃 サチ幸祥 サト聡里慧
シゲ茂重 シズ静志津 ジュン純順潤 タカ隆貴孝 タケ武健岳 タツ達辰龍 チカ千佳知香 ツネ恒常 テル輝照 トシ敏俊利 トモ友智朋 ナオ直尚 ナツ夏奈津 ノブ信伸 ハル春晴陽 ヒデ秀英
ヒロ浩博宏 フミ文史 マサ正雅昌 マリ真理茉莉 ミチ道美智 ミツ光満 ミナ美奈南 モト元基 ヤス康靖 ユウ優裕悠 ユキ雪幸由紀 ヨシ義吉芳 リョウ良亮涼 レイ玲礼麗 ショウ翔章正 シュン俊駿瞬`)
	maleEnds   = parts(`オ夫男雄 キ樹希輝 シ史志司 スケ介輔 タ太 ト斗人 ノリ則典 ヒコ彦 ヒロ弘宏 ヤ也哉 ユキ之幸 ロウ郎朗 イチ一 ジ二次 ゾウ三造 ヘイ平 マ真 ム夢`)
	femaleEnds = parts(`コ子 ミ美実 エ恵江 カ香花 ナ奈菜 ノ乃 ヨ代世 リ里理 ネ音 ホ穂 ハ葉 サ沙紗 キ希季 イ衣`)
)

type part struct {
	kana  string
	kanji []string
}

func parse(text string) (out []name) {
	for _, f := range strings.Fields(text) {
		i := strings.IndexFunc(f, katakana)
		out = append(out, name{f[:i], f[i:]})
	}
	return out
}

func katakana(r rune) bool { return r >= 'ァ' && r <= 'ヺ' }

func parts(text string) (out []part) {
	for _, f := range strings.Fields(text) {
		i := strings.IndexFunc(f, func(r rune) bool { return !katakana(r) })
		p := part{kana: f[:i]}
		for _, k := range f[i:] {
			p.kanji = append(p.kanji, string(k))
		}
		out = append(out, p)
	}
	return out
}

// surname draws by a law in which the n-th is 1/n^0.7 as common.
func (w *world) surname() name {
	i := int(math.Pow(w.r.Float64(), 1/0.45) * float64(len(surnames)))
	return surnames[min(i, len(surnames)-1)]
}

func (w *world) given(male bool) name {
	ends := femaleEnds
	if male {
		ends = maleEnds
	}
	a := firstParts[w.r.IntN(len(firstParts))]
	n := name{a.kanji[w.r.IntN(len(a.kanji))], a.kana}
	if w.chance(0.9) {
		b := ends[w.r.IntN(len(ends))]
		n.kanji += b.kanji[w.r.IntN(len(b.kanji))]
		n.kana += b.kana
	}
	return n
}

// sounds are Kunrei spellings of katakana, in the order of the syllabary.
var sounds = func() map[rune]string {
	m := map[rune]string{'ン': "n"}
	rows := []string{"アイウエオ", "カキクケコ", "サシスセソ", "タチツテト", "ナニヌネノ", "ハヒフヘホ", "マミムメモ", "ラリルレロ", "ガギグゲゴ", "ザジズゼゾ", "ダヂヅデド", "バビブベボ", "パピプペポ"}
	for i, row := range rows {
		consonant := strings.Split(",k,s,t,n,h,m,r,g,z,d,b,p", ",")[i]
		for k, r := range []rune(row) {
			m[r] = consonant + string("aiueo"[k])
		}
	}
	for i, r := range []rune("ヤユヨ") {
		m[r] = "y" + string("auo"[i])
	}
	m['ワ'], m['ヲ'] = "wa", "o"
	return m
}()

// kunrei writes kana in Kunrei romaji with long vowels written out.
func kunrei(kana string) string {
	var b strings.Builder
	double := false
	for _, r := range kana {
		s := sounds[r]
		switch r {
		case 'ッ':
			double = true
			continue
		case 'ャ', 'ュ', 'ョ':
			text := b.String()
			b.Reset()
			b.WriteString(text[:len(text)-1] + "y" + map[rune]string{'ャ': "a", 'ュ': "u", 'ョ': "o"}[r])
			continue
		}
		if double {
			b.WriteByte(s[0])
			double = false
		}
		b.WriteString(s)
	}
	return b.String()
}

var toHepburn = strings.NewReplacer("tty", "tch", "tti", "tchi", "sya", "sha", "syu", "shu", "syo", "sho", "si", "shi", "tya", "cha", "tyu", "chu", "tyo", "cho",
	"ti", "chi", "tu", "tsu", "hu", "fu", "zya", "ja", "zyu", "ju", "zyo", "jo", "zi", "ji", "nb", "mb", "np", "mp", "nm", "mm")

// romaji writes kana in one of the ways that passports and forms do.
func (w *world) romaji(kana string, way int) string {
	s := kunrei(kana)
	if way == 0 {
		return s
	}
	s = toHepburn.Replace(s)
	switch way {
	case 1: // passport: long o and u are not shown
		s = strings.NewReplacer("ou", "o", "oo", "o", "uu", "u").Replace(s)
	case 2: // with OH
		if strings.HasSuffix(s, "ou") {
			s = strings.TrimSuffix(s, "ou") + "oh"
		}
		s = strings.NewReplacer("ou", "o", "oo", "oh", "uu", "u").Replace(s)
	}
	return s
}

func (w *world) mail(p *somebody) string {
	host := []string{"mail.example", "post.example.jp", "keitai.example.ne.jp", "inbox.example.com"}[w.r.IntN(4)]
	return fmt.Sprintf("%s%c%x@%s", kunrei(p.given.kana), kunrei(p.family.kana)[0], w.r.IntN(1<<28), host)
}

func (w *world) landline() string {
	return fmt.Sprintf("0%d-%d-%04d", 3+w.r.IntN(6), 200+w.r.IntN(800), w.r.IntN(10000)) + fmt.Sprint(w.r.IntN(10))
}

func (w *world) passport() (number, issued string) {
	return fmt.Sprintf("%c%c%07d", "TMN"[w.r.IntN(3)], 'A'+rune(w.r.IntN(26)), w.r.IntN(1e7)),
		fmt.Sprintf("%d-%02d-%02d", 2015+w.r.IntN(10), 1+w.r.IntN(12), 1+w.r.IntN(28))
}
