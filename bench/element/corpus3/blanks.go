package corpus3

import (
	"fmt"
	"strings"
)

// blank is what a blank is filled with; element is "" for what is nobody's.
type blank struct {
	element string
	value   func(*Clerk) string
}

var (
	surnames  = strings.Fields("佐々木 山口 松本 井上 木村 林 清水 斎藤 池田 橋本 阿部 石川 山下 中島 小川 前田 藤田 後藤 岡田 長谷川 村上 近藤 石井 坂本 遠藤 青木 藤井 西村 福田 太田 三好 久保 大野 竹内 金子 和田 中山 原田 森田 酒井 工藤 横山 宮崎 内田 高木 安田 谷口 丸山 上田 杉山 樋口 渡部 千葉 土屋 柴田 桜井 水野 吉川 山内 増田 小松 永井 須藤 川口 大西 関口 黒田 望月 東 辻 堀")
	forenames = strings.Fields("一郎 次郎 花子 和子 幸子 洋子 節子 正雄 茂 勝 進 博 清 明美 真一 浩一 美穂 理恵 純一 学 徹 愛 舞 翼 健太 達也 大樹 彩 早紀 千夏 瞳 萌 颯太 悠真 陽翔 凛 結菜 芽依 莉子 美月 大和 樹 海斗 優斗 紬 咲良 朝陽 蒼 律 碧 楓 のぞみ かおり まゆみ めぐみ ひかる あおい")
	surKana   = strings.Fields("ササキ ヤマグチ マツモト イノウエ キムラ ハヤシ シミズ サイトウ イケダ ハシモト アベ イシカワ")
	foreKana  = strings.Fields("イチロウ ジロウ ハナコ カズコ サチコ ヨウコ マサオ シゲル マサル ススム ヒロシ アケミ")
	surAscii  = strings.Fields("Sasaki Yamaguchi Matsumoto Inoue Kimura Hayashi Shimizu Saito Ikeda Hashimoto Abe Ishikawa")
	foreAscii = strings.Fields("Ichiro Jiro Hanako Kazuko Sachiko Yoko Masao Shigeru Masaru Susumu Hiroshi Akemi")
	places    = strings.Fields("北海道|札幌市中央区|北三条西 北海道|函館市|五稜郭町 青森県|弘前市|大字下白銀町 宮城県|仙台市青葉区|国分町 秋田県|秋田市|山王 山形県|鶴岡市|馬場町 福島県|郡山市|朝日 茨城県|つくば市|吾妻 栃木県|小山市|駅東通り 群馬県|高崎市|高松町 埼玉県|さいたま市大宮区|桜木町 千葉県|船橋市|本町 東京都|新宿区|西新宿 東京都|港区|六本木 東京都|渋谷区|神南 東京都|千代田区|丸の内 東京都|武蔵野市|吉祥寺本町 東京都|江東区|豊洲 神奈川県|横浜市西区|みなとみらい 神奈川県|相模原市中央区|富士見 新潟県|新潟市中央区|学校町通 富山県|富山市|新総曲輪 福井県|福井市|大手 山梨県|甲府市|丸の内 長野県|松本市|丸の内 岐阜県|岐阜市|司町 静岡県|沼津市|御幸町 愛知県|名古屋市中区|三の丸 三重県|津市|西丸之内 滋賀県|草津市|草津 京都府|京都市中京区|上本能寺前町 大阪府|大阪市北区|梅田 大阪府|東大阪市|荒本北 兵庫県|姫路市|安田 奈良県|橿原市|八木町 和歌山県|和歌山市|七番丁 鳥取県|米子市|加茂町 島根県|松江市|末次町 岡山県|岡山市北区|大供 広島県|呉市|中央 山口県|下関市|南部町 徳島県|徳島市|幸町 香川県|丸亀市|大手町 愛媛県|今治市|別宮町 高知県|高知市|本町 福岡県|福岡市博多区|博多駅前 福岡県|北九州市小倉北区|城内 佐賀県|唐津市|西城内 長崎県|長崎市|魚の町 熊本県|八代市|松江城町 大分県|別府市|上野口町 宮崎県|都城市|姫城町 鹿児島県|鹿児島市|山下町 沖縄県|那覇市|泉崎 北海道|河西郡芽室町|東二条 長野県|北佐久郡軽井沢町|大字長倉 神奈川県|足柄下郡箱根町|湯本 京都府|乙訓郡大山崎町|字円明寺")
	houses    = strings.Fields("コーポ山田 第二みどり荘 シティハイツ若葉 グリーンヒル エステート本町 県営住宅3号棟 ロイヤルコート サンハイム")
)

func (c *Clerk) block() string {
	a, b, d := 1+c.below(9), 1+c.below(40), 1+c.below(30)
	switch c.below(9) {
	case 0:
		return fmt.Sprintf("%d丁目%d番%d号", a, b, d)
	case 1:
		return fmt.Sprintf("%d丁目%d番地", a, b)
	case 2:
		return fmt.Sprintf("%d丁目%d-%d", a, b, d)
	case 3:
		return fmt.Sprintf("%s丁目%d番%d号", []string{"一", "二", "三", "四", "五", "六", "七", "八", "九"}[a-1], b, d)
	case 4:
		return wide(fmt.Sprintf("%d-%d-%d", a, b, d), "－")
	case 5:
		return fmt.Sprintf("%d番地%d", 100+c.below(3000), d)
	default:
		return fmt.Sprintf("%d-%d-%d", a, b, d)
	}
}

// wide writes digits in full width, and hyphens as said.
func wide(s, hyphen string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r - '0' + '０'
		}
		return r
	}, strings.ReplaceAll(s, "-", hyphen))
}

func (c *Clerk) house() string {
	return c.pick(houses) + c.pick([]string{"", " "}) + fmt.Sprint(1+c.below(9), "0", 1+c.below(9)) + c.pick([]string{"", "号", "号室"})
}

func (c *Clerk) home(prefecture bool) string {
	p := strings.Split(c.pick(places), "|")
	s := p[1] + p[2] + c.block()
	if prefecture {
		s = p[0] + s
	}
	if c.below(3) == 0 {
		s += c.pick([]string{" ", "　", ""}) + c.house()
	}
	return s
}

func (c *Clerk) place(i int) string { return strings.Split(c.pick(places), "|")[i] }

// phone writes numbers as people do.
func (c *Clerk) phone() string {
	four, mobile := fmt.Sprintf("%04d", c.below(10000)), c.pick([]string{"090", "080", "070"})+"-"+c.digits(4)+"-"
	fixed := c.pick([]string{"03-5", "03-3", "06-6", "011-2", "022-2", "045-6", "075-2", "0268-2", "0993-3", "04-7"})
	for len(fixed) < 7 {
		fixed += fmt.Sprint(c.below(10))
	}
	fixed += "-"
	switch c.below(11) {
	case 0, 1, 2:
		return fixed + four
	case 3:
		return strings.ReplaceAll(mobile, "-", "") + four
	case 4:
		return "+81-" + mobile[1:] + four
	case 5:
		area, rest, _ := strings.Cut(fixed, "-")
		return area + "(" + strings.TrimSuffix(rest, "-") + ")" + four
	case 6:
		return wide(mobile+four, c.pick([]string{"－", "‐", "ー", "−"}))
	case 7:
		return strings.ReplaceAll(mobile, "-", " ") + four
	case 8:
		return "+81 " + strings.ReplaceAll(mobile[1:], "-", " ") + four
	default:
		return mobile + four
	}
}

// sum10 returns the check digit of ISO/IEC 7812-1, annex B, for the digits before it.
func sum10(s string) byte {
	sum := 0
	for i := range s {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 0 {
			d = d*2/10 + d*2%10
		}
		sum += d
	}
	return byte('0' + (10-sum%10)%10)
}

func (c *Clerk) number() string {
	begin, size := c.pick([]string{"4", "4", "4", "51", "52", "54", "2221", "2720", "3528", "3540", "3589", "6011", "65", "6221", "36", "34", "37"}), 16
	switch begin {
	case "36":
		size = 14
	case "34", "37":
		size = 15
	}
	for len(begin) < size-1 {
		begin += fmt.Sprint(c.below(10))
	}
	return begin + string(sum10(begin))
}

// groups cuts a card number as it is printed on the card.
func groups(s, separator string) string {
	if len(s) == 16 {
		return s[:4] + separator + s[4:8] + separator + s[8:12] + separator + s[12:]
	}
	return s[:4] + separator + s[4:10] + separator + s[10:]
}

func (c *Clerk) born() string {
	y, m, d := 1935+c.below(80), 1+c.below(12), 1+c.below(28)
	era := func(long, short string, first int) (string, string) {
		return fmt.Sprint(long, y-first), fmt.Sprint(short, y-first)
	}
	long, short := era("平成", "H", 1988)
	if y < 1989 {
		long, short = era("昭和", "S", 1925)
	}
	switch c.below(6) {
	case 0:
		return fmt.Sprintf("%s年%d月%d日", long, m, d)
	case 1:
		return fmt.Sprintf("%s.%d.%d", short, m, d)
	case 2:
		return fmt.Sprintf("%d年%d月%d日", y, m, d)
	case 3:
		return fmt.Sprintf("%d/%02d/%02d", y, m, d)
	case 4:
		return fmt.Sprintf("%d%02d%02d", y, m, d)
	}
	return fmt.Sprintf("%d-%02d-%02d", y, m, d)
}

func (c *Clerk) mail() string {
	return strings.ToLower(c.pick(foreAscii)) + c.pick([]string{".", "_", "", "-"}) + strings.ToLower(c.pick(surAscii)) + c.pick([]string{"", "81", "1980", "+shop"}) + "@" + c.pick([]string{"example.com", "example.jp", "mail.example.ac.jp", "docomo.example.ne.jp", "sub.example.co.jp"})
}

func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

func form(format string, below ...int) blank {
	return blank{"", func(c *Clerk) string {
		var v []any
		for _, n := range below {
			v = append(v, c.below(n))
		}
		return fmt.Sprintf(format, v...)
	}}
}

func number(n int) blank { return blank{"", func(c *Clerk) string { return c.digits(n) }} }

func signs(alphabet string, n int) blank {
	return blank{"", func(c *Clerk) string { return c.of(alphabet, n) }}
}

var blanks = map[string]blank{
	"name":     {"name", func(c *Clerk) string { return c.pick(surnames) + c.pick(forenames) }},
	"name_":    {"name", func(c *Clerk) string { return c.pick(surnames) + c.pick([]string{" ", "　"}) + c.pick(forenames) }},
	"family":   {"name", func(c *Clerk) string { return c.pick(surnames) }},
	"given":    {"name", func(c *Clerk) string { return c.pick(forenames) }},
	"Name":     {"name", func(c *Clerk) string { return c.pick(foreAscii) + " " + c.pick(surAscii) }},
	"NAME":     {"name", func(c *Clerk) string { return strings.ToUpper(c.pick(foreAscii) + " " + c.pick(surAscii)) }},
	"%name":    {"name", func(c *Clerk) string { return percent(c.pick(surnames) + c.pick(forenames)) }},
	"kana":     {"kana", func(c *Clerk) string { return c.pick(surKana) + c.pick([]string{" ", "　"}) + c.pick(foreKana) }},
	"address":  {"address", func(c *Clerk) string { return c.home(true) }},
	"local":    {"address", func(c *Clerk) string { return c.home(false) }},
	"pref":     {"address", func(c *Clerk) string { return c.place(0) }},
	"city":     {"address", func(c *Clerk) string { return c.place(1) }},
	"town":     {"address", func(c *Clerk) string { return c.place(2) + c.block() }},
	"house":    {"address", func(c *Clerk) string { return c.house() }},
	"%address": {"address", func(c *Clerk) string { return percent(c.home(true)) }},
	"zip":      {"postal_code", func(c *Clerk) string { return fmt.Sprintf("%03d-%04d", 60+c.below(900), c.below(10000)) }},
	"phone":    {"phone", (*Clerk).phone},
	"mobile":   {"phone", func(c *Clerk) string { return c.pick([]string{"090", "080", "070"}) + c.digits(8) }},
	"mail":     {"email", (*Clerk).mail},
	"born":     {"birthdate", (*Clerk).born},
	"pan":      {"card.pan", (*Clerk).number},
	"pan-": {"card.pan", func(c *Clerk) string {
		return groups(c.number(), c.pick([]string{"-", " ", "-", " ", "－", "・", "ー"}))
	}},
	"panwide": {"card.pan", func(c *Clerk) string { return wide(groups(c.number(), "-"), "－") }},
	"pancut": {"card.pan", func(c *Clerk) string {
		return groups(c.number(), c.pick([]string{"<wbr>", "</td><td>", "&nbsp;", "&#45;", "%20", "+", `\u002d`, `", "`}))
	}},
	"sex":    {"", func(c *Clerk) string { return c.pick([]string{"男", "女", "男性", "女性"}) }},
	"gender": {"sex", func(c *Clerk) string { return c.pick([]string{"男", "女", "男性", "女性"}) }},
	"member": {"customer_number", func(c *Clerk) string { return c.digits(8) }},
	"host":   {"ip_address", func(c *Clerk) string { return fmt.Sprintf("198.51.100.%d", c.below(256)) }},

	"cvv": {"card.cvv", func(c *Clerk) string { return c.digits(3) }},
	"exp": {"card.expiry", func(c *Clerk) string { return fmt.Sprintf("%02d/%02d", 1+c.below(12), 27+c.below(5)) }},

	"2": number(2), "3": number(3), "4": number(4), "5": number(5), "6": number(6), "7": number(7), "8": number(8), "10": number(10), "12": number(12), "13": number(13), "16": number(16),
	"hex8": signs("0123456789abcdef", 8), "hex32": signs("0123456789abcdef", 32), "hex40": signs("0123456789abcdef", 40), "AA": signs("ABCDEFGHJKLMNPQRSTUVWXYZ", 2), "ULID": signs("0123456789ABCDEFGHJKMNPQRSTVWXYZ", 26),
	"uuid": {"", func(c *Clerk) string {
		h := c.of("0123456789abcdef", 32)
		return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
	}},
	"imei":  {"", func(c *Clerk) string { s := "35" + c.digits(12); return s + string(sum10(s)) }},
	"iccid": {"", func(c *Clerk) string { s := "8981" + c.digits(14); return s + string(sum10(s)) }},
	"time":  form("%02d:%02d:%02d", 24, 60, 60), "day": {"", func(c *Clerk) string { return fmt.Sprintf("2026-%02d-%02d", 1+c.below(12), 1+c.below(28)) }},
	"ms": {"", func(c *Clerk) string { return "17" + c.digits(11) }}, "ns": {"", func(c *Clerk) string { return "17" + c.digits(17) }},
	"float": form("0.%07d%09d", 1e7, 1e9), "snow": {"", func(c *Clerk) string { return "1" + c.digits(18) }},
	"small": {"", func(c *Clerk) string { return fmt.Sprint(1 + c.below(30)) }}, "price": form("%d,%03d", 90, 1000),
}
