package element

import "strings"

// The name table was written for this program from common knowledge of
// Japanese names; no list was copied. It is small on purpose: what it does not
// know is found by header, honorific or a neighbour that it does know.

// familyNames are common Japanese family names in kanji.
var familyNames = setOf(`
佐藤 鈴木 高橋 髙橋 田中 伊藤 渡辺 渡邊 渡邉 渡部 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本 井上 木村 林 斎藤 斉藤 齋藤 齊藤 清水 山崎 山﨑 森 池田 橋本 阿部 石川
山下 中島 中嶋 石井 小川 前田 岡田 長谷川 藤田 後藤 近藤 村上 遠藤 青木 坂本 福田 太田 西村 藤井 岡本 藤原 三浦 金子 中野 中川 原田 松田 竹内 小野 田村 中山
和田 石田 森田 上田 原 柴田 酒井 工藤 横山 宮崎 宮﨑 宮本 内田 高木 谷口 安藤 丸山 今井 大野 高田 藤本 武田 村田 上野 杉山 増田 平野 大塚 千葉 久保 松井 小島
岩崎 桜井 櫻井 野口 松尾 野村 木下 菊地 菊池 佐野 大西 杉本 新井 浜田 濱田 市川 古川 水野 小松 島田 小山 高野 山内 西田 西川 菅原 北村 五十嵐 福島 安田
中田 平田 川口 川崎 飯田 東 本田 久保田 吉川 沢田 澤田 辻 関 吉村 渡会 岩田 中西 服部 樋口 福井 川上 永井 松岡 田口 山中 森本 矢野 広瀬 廣瀬 秋山
土屋 小池 大島 石原 松下 菅野 大橋 熊谷 荒木 松浦 吉岡 馬場 浅野 大久保 荒井 野田 川村 星野 田辺 尾崎 黒田 堀 望月 永田 内藤 松村 西山 平井 大石 岩本 大谷
片山 早川 横田 荒川 岡崎 大川 小沢 小澤 鎌田 上原 本間 宮田 須藤 成田 北川 児玉 河野 富田 白石 大山 小西 柳沢 細川 坂田 須田 桑原 米田 伊東 関口 三宅 吉原
栗原 松永 岡村 西尾 小田 川島 川嶋 牧野 古田 堀内 塚本 片岡 三好 天野 中井 内山 奥村 小倉 篠原 井口 神田 青山 南 広田 土井 児島 平山 山根 篠崎 石黒 奥田 古賀
相沢 相澤 植田 植木 榎本 大竹 大沢 大澤 大森 大木 大村 大田 岡 岡部 岡野 奥山 長田 小原 落合 織田 笠原 梶原 柏木 勝又 金井 金城 金田 神谷 亀井 河合 川合 河村 川田
川端 川原 川本 岸 岸本 北野 木内 久野 倉田 栗田 黒川 黒木 桑田 小泉 小出 河内 甲斐 越智 小谷 小森 小柳 今野 紺野 権田 坂井 榊原 坂口 佐久間 佐川 桜田 笹川 佐伯 沢村 塩田
志村 篠田 島崎 島村 清野 下田 庄司 白井 白川 城 新谷 杉田 杉浦 杉原 鈴村 関根 瀬戸 千田 曽我 染谷 高井 高島 高瀬 高山 高見 高松 滝沢 滝川 武井 竹田 竹中 武藤 立花 田代 田島
谷 谷川 谷本 田原 玉井 千野 塚田 津田 堤 坪井 手塚 寺田 寺島 寺本 照屋 徳永 戸田 富永 冨田 豊田 内海 永野 中尾 長尾 長岡 中沢 中澤 長沢 中原 中根 中本 永山 長野 名取 難波 新田 西岡 西沢 西野
西本 西原 根本 野上 野崎 野中 野本 萩原 橋爪 長谷部 畑 畠山 服部 花田 羽田 浜口 早坂 原口 原島 播磨 東野 久松 日高 平岡 平川 平林 平松 深沢 深谷 福岡 福永 福本 藤川 藤沢 藤村 藤岡
藤野 藤森 藤山 船橋 古谷 古屋 別府 保坂 星 細田 細谷 堀江 堀口 本多 前川 前原 牧 町田 松崎 松原 松山 松沢 丸田 三上 三木 三島 水谷 水島 溝口 三谷 皆川 南野 峯 宮内 宮川 宮城 宮沢 宮澤
宮下 宮島 向井 武者 村井 村山 村松 村瀬 目黒 森岡 森川 森下 森山 門田 八木 安井 柳 柳田 柳原 矢島 矢田 山岸 山川 山形 山岡 山村 山室 湯浅 横井 横尾 横溝 吉井 吉沢 吉澤 吉野 吉本 米山 若林
和泉 脇田 鷲尾 渡 綾瀬 有馬 有田 安部 安倍 飯島 飯塚 飯野 生田 池上 池内 石塚 石橋 石渡 石丸 磯部 磯野 板垣 一ノ瀬 市原 伊達 稲垣 稲田 稲葉 猪股 今泉 今村 入江 岩井 岩瀬 岩間 岩下 上村 植村 植松 臼井
宇野 梅田 梅原 浦田 江口 江藤 海老原 遠山 及川 大場 大場 大内 大岡 大槻 大平 大原 大矢 大和 緒方 岡島 小笠原 岡山 荻野 荻原 奥野 小関 小幡 尾上 折原 香川 角田 風間 鹿島 加瀬 片桐 門脇 金沢
狩野 蒲生 上条 神山 茅野 川野 川俣 河本 河原 神崎 神戸 菅 木戸 木原 木本 京極 草野 楠 久米 倉持 黒沢 黒澤 桑野 郡司 小久保 古関 小宮 小室 小柴 近田 斉木 西郷 坂上 坂下 坂元 桜庭 佐竹 佐田
里見 真田 猿渡 沢 沢井 椎名 塩谷 塩川 重田 宍戸 品川 柴 柴崎 渋谷 澁谷 島 島津 島袋 下村 下山 白鳥 城田 進藤 菅谷 菅沼 杉村 須賀 諏訪 仙波 園田 高梨 高倉 高岡 高原 高柳 高畑 高尾 高垣 田上 滝 滝口
田沢 立川 立石 館野 谷村 田畑 田淵 田丸 知念 辻本 土田 土橋 土谷 恒川 角 鶴田 寺内 寺沢 寺尾 東海林 東条 藤堂 当麻 德田 徳田 戸塚 富岡 富山 友田 鳥居 内藤 直井 仲 仲田 永島 中谷 中森 中林 中里 長坂 中込 中塚 成瀬 仁科
二宮 丹羽 野沢 野島 野々村 長谷 畑中 波多野 八田 花岡 花井 羽生 浜崎 浜野 林田 原沢 半田 引地 日野 日比野 平尾 平沢 広川 深田 深井 福沢 福原 福山 藤崎 藤代 藤平 布施 古沢 北条 法月 細井 細野 堀田 本庄 前島 牧田 増井 増山
松川 松木 松野 松葉 松坂 真鍋 間宮 丸尾 三田 三井 三輪 湊 南雲 美濃 宮原 宮野 三村 三森 武川 武蔵 村岡 村木 村野 持田 茂木 本橋 元木 百瀬 森永 諸星 矢口 矢沢 矢部 安川 八代 柳川 矢吹 山縣 山県 山野 山辺 山脇 結城 湯川
横川 横内 横沢 吉崎 吉永 吉松 吉見 依田 米倉 米沢 若松 若山 若井 鷲見 綿貫 渡瀬 比嘉 大城 宮里 新垣 玉城 仲村 我那覇 具志堅 喜屋武 下地 砂川 平良 当山 上地 与那嶺 東山 夏目 芥川 太宰 三島 志賀 有島 国木田 樋口 森鴎 尾形
徳川 豊臣 織田 伊達 上杉 毛利 北條 足利 源 平 楠木 新島 西園寺 近衛 岩倉 木戸 伊集院 東郷 乃木 犬養 原敬 若槻 浜口 幣原 鳩山 岸田 石破 菅 麻生 福田 小渕 森喜 村山 羽田 細川 宮澤 海部 宇野 竹下 中曽根 鈴木善 大平 三木 椎葉 宮脇 手嶋 手島 富樫
黒柳 桃井 常盤 観月 広末 深津 仲間 柴咲 長澤 綾野 新垣 北川 戸田 堀北 有村 広瀬 橋本 浜辺 今田 本木 役所 渡哲 高倉 三船 志村 黒澤 溝口 小津 成瀬 宮藤 三谷 野坂 司馬 松任谷 桑田 稲葉 布袋 氷室 矢沢 尾田 鳥山 手塚 水木 赤塚 藤子 石ノ森 萩尾 竹宮
`)

// givenEnds are the characters that given names in kanji end with or consist
// of.
const givenEnds = "郎朗子美香介太夫雄男一二三四五六七八樹輝人斗翔真実恵江枝代奈菜花華里理莉沙紗希紀貴" +
	"之行幸雪由友裕祐悠勇優有佑結唯衣伊依彦比古生也哉弥矢哲徹鉄明昭章彰晃秋亜亮良遼涼凌龍竜隆立律力利" +
	"春晴治司史志士詩仁信伸進慎晋真新辰達辰竜宏洋広弘博浩寛大豪剛健賢謙憲顕建研堅和一数計和平兵衛門" +
	"助輔祐丞佳加嘉可果歌夏奈南波羽葉乃野穂保帆歩舞麻磨馬摩万満光晄弓未見海魅瑞水泉澄清静聖誠正政昌将" +
	"征勝克且功孝考高隆敬啓圭桂景恵慶敏俊駿隼淳純順潤準巡詢吾悟護五梧牛朔咲桜作策爽壮荘宗総蒼聡惣奏湊" +
	"孟望茂猛武毅岳嶽丈丞条穣譲乗城成重繁茂滋慈次二爾治蔵三造久玖九喜喜希規基樹起輝綺義宜儀吉芳好善良" +
	"直尚修秀周柊収舟脩宗鷹貴孝嵩尊崇卓拓琢巧匠工匡恭京響杏鏡教共郷強暁仰尭凪渚椿蘭藍愛彩綾文礼玲鈴怜嶺麗令伶" +
	"寿利年俊季稔実紀典法則範徳篤敦厚温淳陽遥遙曜瑛英栄永影映詠衛開快魁櫂凱覚学格楽岳音遠緒央桜旺往王汪" +
	"織折居乙翼飛虎寅獅狼鉄鋼銀金玉珠環瑠琉流璃里梨理李凛倫鱗林森木樹幹柾松梅竹笹楓柚梓桃橘蓮菖菊葵茜萌芽若苺英" +
	"澪滉湖潮汐洸沙河川岬港湧源渓鮎鯛鶴鳩雀燕鷲隼千百万億兆紘絃弦琴笙鼓絵画冴早朝昼宵夕夜月星空天宙虹雲霞霧露雫" +
	"信也寧康泰安靖保靜定貞節操忠義孝悌仁智知禄録福祥吉祐禎禅道通路達迪徹透暢延伸展誉芸藝能伎才材財功績勲勉励努力勤務" +
	"宣亘亙旦元玄弦絢洵惇諒了陵稜椋亮侑右左佐丸匡巌岩磐石昂昇登曙旭晟煌燦輝照晶水基始創一初壱零丁乙甲丙己巳午未申酉戌亥子丑寅卯辰" +
	"妃姫媛姬妙好娃娘婦伽茄那名菜南七奈梛凪帆萌藻桃百茉莉鞠毬麻真茂夜弥耶哉矢由柚優夢結弓友祐悠侑勇羅良楽来頼雷蘭里莉梨璃理李倫鈴凛瑠留琉流玲怜礼伶令麗蓮恋廉呂路芦露和輪環羽"

// neverGiven are beginnings after a family name that make it a place or an
// institution.
var neverGiven = setOf(`市 県 町 村 区 郡 駅 線 川 山 城 寺 島 港 湾 湖 橋 家 氏 流 派 家 藩 国 州 大学 高校 高等 中学 小学 大会 大橋 大社 神社 空港 球場 競馬 車両 製作 製薬 電機 電気 電工 自動 工業 工場 商店 商会 商事 商業 産業 建設 証券 銀行 放送 新聞 出版 書店 書房 書院 文庫 文化 美術 博物 図書 病院 医院 医科 学園 学院 女子 男子 天皇 温泉 街道 通り 地区 地方 地域 平野 盆地 高原 海岸 半島 本線 新線 支線 支店 支社 本店 本社 本部 分校 事件 内閣 政権 幕府 時代 以来 以降 以外 一族 一家 一門 夫妻 兄弟 姉妹 親子 両氏 自身 本人 監督 選手 投手 教授 博士 先生 社長 会長 議員 知事 市長 町長 総理 首相 大臣 大統領 代表 主将 作品 作曲 作詞 監修 脚本 演出 原作 中学校 小学校 在住 出身 生まれ 産 製 式 型 系 的 名 流通 一号 二号 三号 一中 二中 南高 北高 東高 西高 工科 工大 大火 中央 東部 西部 南部 北部 武道 道場 公園 公演 遺跡 古墳 議会 議院 会社 会館 会議 組合 連合 連盟 連邦 協会 協定 条約 法 法人 法律 方面 方式 方法 大震 地震 大地 台地 丘陵 電鉄 鉄道 交通 運輸 航空 海運 汽船 物産 不動産 生命 海上 火災 信用 金庫 金属 金山 銀山 鉱山 炭鉱 水産 水族 動物 植物 農業 農園 農協 林業 園芸 園 館 院 校 社 店 局 庁 省 署 部 課 係 室 科 学部 学科 学校 級 線路 駅前 駅間 城下 城跡 城主 寺院 神宮 八幡 稲荷 天満 明神 氏族 氏名 様式 様 君 一郎丸`)

// honorific is what follows a name; weak ones need a name that the table knows.
type honorific struct {
	word string
	weak bool
}

var honorifics = []honorific{{"様", false}, {"さま", true}, {"さん", true}, {"殿", true}, {"氏", true}, {"君", true}, {"くん", true}, {"ちゃん", true}, {"先生", true}}

// honorificAfter are titles that follow names in text.
var honorificAfter = []string{"氏", "様", "さん", "選手", "監督", "投手", "教授", "博士", "先生", "社長", "会長", "議員", "知事", "首相", "総理", "大臣", "内閣", "君", "くん", "ちゃん", "殿", "夫妻", "容疑者", "被告", "自身", "本人", "名人", "九段", "八段", "七段", "六段", "五段", "四段", "棋士", "捕手", "内野手", "外野手", "騎手", "警部", "刑事", "大佐", "少佐", "中佐", "大尉", "中尉", "少尉", "大将", "中将", "少将", "役"}

// givenBits has a bit for each character of givenEnds, from U+4E00 on.
var givenBits = func() (t [(0x9FFF-0x4E00)/64 + 1]uint64) {
	for _, r := range givenEnds {
		if r >= 0x4E00 && r <= 0x9FFF {
			t[(r-0x4E00)/64] |= 1 << (r % 64)
		}
	}
	return t
}()

// isGiven reports whether given names have the character r.
func isGiven(r rune) bool {
	return r == '々' || r >= 0x4E00 && r <= 0x9FFF && givenBits[(r-0x4E00)/64]>>(r%64)&1 != 0
}

// wordSet is a set of words of one to four characters of three bytes, kept as
// their UTF-16 in one register.
type wordSet [1 << 12]uint64

func makeSet(words map[string]bool) *wordSet {
	t := new(wordSet)
	for w := range words {
		if key := wordKey([]byte(w)); key != 0 {
			i := key * 0x9E3779B97F4A7C15 >> 52
			for t[i] != 0 && t[i] != key {
				i = (i + 1) % uint64(len(t))
			}
			t[i] = key
		}
	}
	return t
}

// wordKey returns the key of a word, 0 when it is not of such characters.
func wordKey(w []byte) (key uint64) {
	if len(w)%3 != 0 || len(w) == 0 || len(w) > 12 {
		return 0
	}
	for ; len(w) > 0; w = w[3:] {
		if w[0]&0xF0 != 0xE0 {
			return 0
		}
		key = key<<16 | uint64(w[0]&0xF)<<12 | uint64(w[1]&0x3F)<<6 | uint64(w[2]&0x3F)
	}
	return key
}

func (t *wordSet) has(w []byte) bool {
	key := wordKey(w)
	if key == 0 {
		return false
	}
	i := key * 0x9E3779B97F4A7C15 >> 52
	for t[i] != 0 {
		if t[i] == key {
			return true
		}
		i = (i + 1) % uint64(len(t))
	}
	return false
}

var familySet, neverGivenNames = makeSet(familyNames), makeSet(neverGiven)

func isFamilyName(w []byte) bool { return familySet.has(w) }

// buckets sorts words by their first character.
type buckets [256][]string

func bucketOf[T string | []byte](w T) byte { return w[1]*31 + w[2] }

func makeBuckets(words []string) *buckets {
	t := new(buckets)
	for _, w := range words {
		t[bucketOf(w)] = append(t[bucketOf(w)], w)
	}
	return t
}

var titleBuckets, prefectureBuckets = makeBuckets(honorificAfter), makeBuckets(prefectures[:])

func setOf(list string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(list) {
		m[w] = true
	}
	return m
}
