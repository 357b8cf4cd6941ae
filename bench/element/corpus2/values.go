package corpus2

import (
	"fmt"
	"strconv"
	"strings"
)

// Families and given names as they stand in any telephone book, some of them rare.
var (
	families = strings.Fields("山崎 岡本 松尾 菊地 河合 本田 三浦 星野 安藤 小野寺 早坂 長谷川 勅使河原 中嶋 大久保 久保田 五十嵐 堀江 白石 武田 上野 西川 平野 岩崎 桑原 服部 新井 浜田 中西 宮下 荒井 石黒 榊原 外山 児玉 有賀 鹿野 蛭田 仁平 物部 五味 小鳥遊 一ノ瀬 今井 近藤 前田 藤本 大塚 原 森 林")
	givens   = strings.Fields("健一 由美子 翔太 美咲 直樹 恵子 大輔 彩香 誠 優子 拓也 千尋 和也 真由美 修 久美子 亮介 沙織 康平 奈々 浩二 裕子 哲也 智美 剛 陽子 隼人 香織 勇気 結衣 蓮 葵 陽菜 湊 さくら ひろみ 大翔 心結 慎之介 百合子")
	readings = strings.Fields("ヤマザキ オカモト マツオ キクチ カワイ ホンダ ミウラ ホシノ アンドウ オノデラ")
	firsts   = strings.Fields("ケンイチ ユミコ ショウタ ミサキ ナオキ ケイコ ダイスケ アヤカ マコト ユウコ")
	romaji   = strings.Fields("YAMAZAKI OKAMOTO MATSUO KIKUCHI KAWAI HONDA MIURA HOSHINO ANDO ONODERA")
	romajiG  = strings.Fields("KENICHI YUMIKO SHOTA MISAKI NAOKI KEIKO DAISUKE AYAKA MAKOTO YUKO")
	cities   = strings.Fields("北海道|旭川市|四条通 青森県|八戸市|城下 岩手県|盛岡市|盛岡駅前通 栃木県|宇都宮市|馬場通り 群馬県|前橋市|大手町 埼玉県|川口市|栄町 東京都|世田谷区|三軒茶屋 東京都|八王子市|明神町 東京都|大田区|蒲田 神奈川県|川崎市中原区|小杉町 神奈川県|藤沢市|鵠沼海岸 新潟県|長岡市|大手通 石川県|金沢市|香林坊 静岡県|浜松市中央区|砂山町 愛知県|豊橋市|駅前大通 三重県|四日市市|諏訪町 滋賀県|大津市|浜大津 京都府|京都市下京区|四条通寺町東入ル 大阪府|堺市堺区|南瓦町 兵庫県|神戸市中央区|三宮町 奈良県|奈良市|登大路町 岡山県|倉敷市|阿知 広島県|福山市|三之丸町 香川県|高松市|番町 愛媛県|松山市|大街道 福岡県|久留米市|東町 長崎県|佐世保市|松浦町 熊本県|熊本市中央区|手取本町 鹿児島県|霧島市|国分中央 沖縄県|沖縄市|中央")
	houses   = strings.Fields("グランメゾン ライオンズ パークハイム ハイツ清水 第三コーポ サンライズ コンフォート メゾン・ド・ルポ")
)

func (a *Author) person() (family, given string) { return a.one(families), a.one(givens) }

func (a *Author) named() datum {
	f, g := a.person()
	return datum{"name", f + a.or("", " ", "　") + g}
}

func (a *Author) kana() datum {
	return datum{"kana", a.one(readings) + a.or(" ", "　") + a.one(firsts)}
}

// tel writes numbers of the plan of the ministry: area codes with their exchanges,
// mobile numbers, free ones.
func (a *Author) tel() datum {
	four := func() string { return fmt.Sprintf("%04d", a.n(10000)) }
	area := a.or("03 4", "06 4", "044 3", "052 3", "078 3", "092 3", "0422 2", "0263 2", "0120 3")
	code, digits, _ := strings.Cut(area, " ")
	size, _ := strconv.Atoi(digits)
	exchange := a.figures(size)
	mobile := a.or("090", "080", "070")
	middle := a.figures(4)
	last := four()
	if code == "0120" {
		last = last[1:]
	}
	switch a.n(12) {
	case 0, 1:
		return datum{"phone", code + "-" + exchange + "-" + last}
	case 2:
		return datum{"phone", "(" + code + ")" + exchange + "-" + last}
	case 3:
		return datum{"phone", code + "." + exchange + "." + last}
	case 4:
		return datum{"phone", mobile + "." + middle + "." + four()}
	case 5:
		return datum{"phone", "+81 (0)" + mobile[1:] + "-" + middle + "-" + four()}
	case 6:
		return datum{"phone", "+81" + mobile[1:] + middle + four()}
	case 7:
		return datum{"phone", "(+81) " + mobile[1:] + "-" + middle + "-" + four()}
	case 8:
		return datum{"phone", mobile + middle + four()}
	case 9:
		return datum{"phone", mobile + " " + middle + " " + four()}
	}
	return datum{"phone", mobile + "-" + middle + "-" + four()}
}

// place returns the parts of an address: prefecture, city, town with its block, house.
func (a *Author) place() (prefecture, city, town, house string) {
	p := strings.Split(a.one(cities), "|")
	block := fmt.Sprintf("%d-%d-%d", 1+a.n(6), 1+a.n(40), 1+a.n(25))
	switch a.n(5) {
	case 0:
		block = fmt.Sprintf("%d丁目%d番%d号", 1+a.n(6), 1+a.n(40), 1+a.n(25))
	case 1:
		block = fmt.Sprintf("%d番地", 1+a.n(900))
	case 2:
		block = fmt.Sprintf("%d-%d", 100+a.n(900), 1+a.n(20))
	}
	if a.n(2) == 0 {
		house = fmt.Sprintf("%s%d", a.one(houses), 101+a.n(900))
	}
	return p[0], p[1], p[2] + block, house
}

// home is an address in one piece; with is whether it has its prefecture.
func (a *Author) home(with bool) datum {
	p, c, t, h := a.place()
	if !with {
		p = ""
	}
	if h != "" {
		h = a.or(" ", "　", "") + h
	}
	return datum{"address", p + c + t + h}
}

func (a *Author) mail() datum {
	return datum{"email", strings.ToLower(a.one(romajiG)) + a.or(".", "_", "-", "") + strings.ToLower(a.one(romaji)) + a.or("", a.figures(2), a.figures(4)) + "@" + a.or("example.net", "mobile.example.org", "post.example.jp", "inbox.example.ne.jp")}
}

func (a *Author) postal() datum {
	return datum{"postal_code", fmt.Sprintf("%03d-%04d", 100+a.n(890), a.n(10000))}
}

func (a *Author) born() datum {
	y, m, d := 1938+a.n(70), 1+a.n(12), 1+a.n(28)
	switch a.n(5) {
	case 0:
		return datum{"birthdate", fmt.Sprintf("%d年%02d月%02d日", y, m, d)}
	case 1:
		return datum{"birthdate", fmt.Sprintf("%d.%d.%d", y, m, d)}
	case 2:
		return datum{"birthdate", fmt.Sprintf("S%d.%d.%d", 20+a.n(43), m, d)}
	case 3:
		return datum{"birthdate", fmt.Sprintf("%d/%d/%d", y, m, d)}
	}
	return datum{"birthdate", fmt.Sprintf("%d-%02d-%02d", y, m, d)}
}

// luhn returns the digit behind s that makes it a card number: every second digit from
// the right is doubled, its digits are added (ISO/IEC 7812-1, annex B).
func luhn(s string) string {
	for check := range 10 {
		total := 0
		whole := s + strconv.Itoa(check)
		for i := len(whole) - 1; i >= 0; i-- {
			d := int(whole[i] - '0')
			if (len(whole)-1-i)%2 == 1 {
				if d *= 2; d > 9 {
					d -= 9
				}
			}
			total += d
		}
		if total%10 == 0 {
			return strconv.Itoa(check)
		}
	}
	return "" // not reached: one of ten digits fits
}

// plastic is a card number as it stands on receipts, in forms and in notes; odd are
// spellings that only a word beside it makes one.
func (a *Author) plastic(odd bool) datum {
	begin, size := a.or("4", "4", "51", "53", "55", "2360", "3530", "3566", "62", "6011"), 16
	if a.n(8) == 0 {
		begin, size = a.or("34", "37"), 15
	}
	s := begin
	for len(s) < size-1 {
		s += strconv.Itoa(a.n(10))
	}
	s += luhn(s)
	cuts := []int{4, 8, 12}
	if size == 15 {
		cuts = []int{4, 10}
	}
	sep := a.or("", "", "-", " ", " ", "‐", "　", "－")
	if odd {
		sep = a.or("/", "_", ":", "  ")
	}
	var b strings.Builder
	for i, c := range s {
		for _, cut := range cuts {
			if i == cut {
				b.WriteString(sep)
			}
		}
		b.WriteRune(c)
	}
	out := b.String()
	if a.n(10) == 0 && !odd {
		out = strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r - '0' + '０'
			}
			return r
		}, out)
	}
	return datum{"card.pan", out}
}

// trap writes a number that is nobody's.
func (a *Author) trap() {
	const capitals = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	switch a.n(24) {
	case 0:
		a.writef("便名 ", a.or("JL", "NH", "BC", "MM"), a.figures(3), " ", a.or("HND", "KIX", "CTS"), "-", a.or("OKA", "FUK", "ITM"), "\n")
	case 1:
		a.writef("PNR ", a.signs(capitals+"23456789", 6), "\n")
	case 2:
		a.writef("請求書番号 INV-", 2020+a.n(7), "-", a.figures(6), "\n")
	case 3:
		a.writef("位置 ", fmt.Sprintf("%d.%s, %d.%s", 24+a.n(20), a.figures(6), 123+a.n(20), a.figures(6)), "\n")
	case 4:
		a.writef("color: #", a.signs("0123456789abcdef", 6), "; border: 1px solid #", a.signs("0123456789", 6), ";\n")
	case 5:
		a.writef("v", a.n(9), ".", a.n(40), ".", a.n(2000), "-rc.", a.n(9), " (build ", a.figures(8), ")\n")
	case 6:
		a.writef("ISBN 978-4-", a.figures(4), "-", a.figures(4), "-", a.n(10), "\n")
	case 7:
		a.writef("お問い合わせ伝票番号：", a.figures(4), "-", a.figures(4), "-", a.figures(4), "\n")
	case 8:
		a.writef("銀行コード ", fmt.Sprintf("%04d", a.n(2000)), " 支店コード ", fmt.Sprintf("%03d", a.n(1000)), "\n")
	case 9:
		a.writef("LOT ", a.signs(capitals, 2), a.figures(6), " EXP 20", 27+a.n(4), "\n")
	case 10:
		a.writef("eチケット番号 ", a.or("131", "205"), "-", a.figures(10), "\n")
	case 11:
		a.writef("会員ランク S 残高 ", a.figures(3), ",", a.figures(3), " 円 ポイント ", a.figures(5), "\n")
	case 12:
		a.writef("MAC ", a.signs("0123456789abcdef", 2), ":", a.signs("0123456789abcdef", 2), ":", a.signs("0123456789abcdef", 2), ":00:11:22\n")
	case 13:
		a.writef("試合は", a.n(9), "-", a.n(9), "で終了、市民大会", a.n(5), "-", a.n(5), "\n")
	case 14:
		a.writef("第", 1+a.n(9), "地区担当", 1+a.n(9), "-", 1+a.n(9), "-", 1+a.n(9), " 図面\n")
	case 15:
		a.writef("型番 ", a.signs(capitals, 3), "-", a.figures(4), "-", a.figures(4), "\n")
	case 16:
		a.writef("シリアル番号 ", a.figures(16), "\n")
	case 17:
		a.writef("受付番号 ", 2020+a.n(7), fmt.Sprintf("%02d%02d", 1+a.n(12), 1+a.n(28)), "-", a.figures(5), "\n")
	case 18:
		a.writef("GTIN 0", a.figures(13), "\n")
	case 19:
		a.writef("工事区間 3-2-1 号線 都市計画道路", a.n(9)+1, "-", a.n(9)+1, "-", a.n(90)+10, "\n")
	case 20:
		a.writef("開店時間 10:00-19:30 定休日 第2・4水曜\n")
	case 21:
		a.writef("span ", a.signs("0123456789abcdef", 16), " parent ", a.signs("0123456789", 16), "\n")
	case 22:
		a.writef("数量 ", a.n(9000)+1000, " ", a.n(9000)+1000, " ", a.n(9000)+1000, "\n")
	default:
		a.writef("稟議 No.", a.figures(3), "-", a.figures(3), "-", a.figures(3), "\n")
	}
}
