package element

// What looks like a name and is a date, a place, a company or a thing: the words and
// endings that speak against a name in running text. Tables and labels do not ask
// them: there the header decides.

// notOneFamily are beginnings of words whose first character is a family name of one
// character: 平成元年, 東京大学, 西武鉄道, 南北.
var notOneFamily = makeSet(`平成 平安 平城 平日 平均 平和 平常 平面 平行 平方 平米 平時 平素 平服 平等 平地 平年 平熱 平治 東京 東海 東洋 東武 東北 東急 東証 東宝 東映 東芝 東亜 東名 東西 東欧 東部 東日 東南 東方 東側 東口 東海 東電 東和 東証 東葉
 西武 西洋 西暦 西部 西日 西欧 西側 西方 西口 西鉄 西海 西国 南部 南北 南米 南極 南方 南側 南海 南洋 南東 南西 南国 南口 南欧 原子 原生 原作 原因 原則 原料 原油 原価 原告 原爆 原点 原案 原文 原理 原始 原本 原稿 原動 城下 城主 城内 城跡 星座 星雲 森林 林業 林道
 関係 関東 関西 関連 関心 関数 関節 関税 関与 関知 源氏 源泉 源流 源平 岸辺 岸壁 岡山 岡崎 滝川 柳生 沖縄 沖合 島々 島民 島内 所在 所属 所得 所有 所管 所轄 所要 所定 所長 所員 向上 向日 向学 渡航 渡来 渡世 桂冠 角度 角形 角材 仲介 仲良 仲間 畑作 堤防 谷間 星空 牧場 牧師 牧草 峰々 柴犬 薮医 藪医`)

// notGivenWords are words behind family names that are places, trades and other words,
// though they consist of characters of given names.
var notGivenWords = makeSet(`元年 新田 小路 短大 高専 硝子 機工 本郷 神明 天神 本通 中通 北通 西通 手通 鉄工 重工 化成 化工 紡績 製鋼 製鉄 製紙 製菓 製粉 製糖 製本 製麺 石油 冷蔵 精工 造船 海峡 毛織 洋行 総研 木材 建材 道路 開発 計測 倉庫 運送 通信 通運 海産 水道 道上 道下 文理 芸大 美大 医大 工大 理大 理工 酒造 醸造 印刷 硝子 電工 電材 電装 電線 板金 鈑金 塗装 造園 造形 金網 金物 金型 精機 精密 機械 機器 器械 鋼業 鋼材 鋼管 特殊 油脂 薬品 薬局 商運
 富士 朝日町 初音 弥生町 相生 愛宕 河内 一色 川原 河原 海岸 浜辺 台南 十条 九条 八条 七条 六条 五条 四条 三条 二条 一条 一番 二番 三番 四番 五番 六番 七番 八番 九番 十番 番町 紅葉 牧場 農場 工房 造本 名産 名物 和紙 和牛 人形 撫子 言葉 新聞 信金 信組 共済 組合`)

// neverLast are characters that given names in kanji do not end with, neverLastOfThree
// those that given names of three do not end with.
var neverLast, neverLastOfThree = bitsOf(`川甲乙丙丁条番組`), bitsOf(`組川甲乙丙丁条番野木林森水石見通道路南東西北郷岳`)

// neverAlone are characters that are no given name by themselves, behind a family:
// mountains, parts of villages, schools.
var neverAlone = bitsOf(`川甲乙丙丁条番年々野郷名組江高工子石木水里開門丸代作梨呂生路`)

// ofPlaces are characters behind a family name that is also that of a place: 福岡大,
// 横山岳, 高林南 - and given names behind all others.
var ofPlaces = bitsOf(`大岳岬南新通平森道元林見栄幸泉北東西中上下海波`)

// endsGivenToo are characters that given names behind 東, 西 … end with, beside those of
// givenLast.
var endsGivenToo = bitsOf(givenLast + "一二三五六七八九真悟亮涼陽優華理莉沙紗佳加歩晴月愛凛緒乃弥那太元大吾次伸亨暁航悠蓮翼瞬匠空海波亜鶴世予与余衣依梨利李璃貴己巳喜基綺季規祐裕侑佑由夕有友猛登光充晃洸煌耕幸功巧英成章芳文士政松寿栄延保")

// notGivenBehind reports whether the row of kanji v, whose first n bytes may be a given
// name behind the family name, is none. A name that is addressed has a 様 or さん behind it.
func notGivenBehind(family, v []byte, n int, addressed bool) bool {
	if addressed {
		return false
	}
	last, _ := decodeRune(v[n-3:])
	if len(family) == 3 {
		var begin [6]byte
		copy(begin[copy(begin[:], family):], v[:3])
		if notOneFamily.has(begin[:]) || n > 3 && wordIn(family, "東西南北") && !endsGivenToo.has(last) {
			return true
		}
	}
	switch {
	case n == 3:
		return neverAlone.has(last) || ofPlaces.has(last) && placeFamilies.has(family)
	case n == 9:
		return neverLastOfThree.has(last)
	}
	return neverLast.has(last) || notGivenWords.has(v[:n])
}

// addressedAt reports whether a 様, 氏 or さん is at b.
func addressedAt(b []byte) bool {
	for _, w := range [...]string{"様", "氏", "さん", "さま", "殿", "君"} {
		if hasPrefix(b, w) {
			return true
		}
	}
	return false
}

// startsWith reports whether v begins with a word of the set, of two to three
// characters.
func startsWith(set *wordSet, v []byte) bool {
	return len(v) >= 6 && set.has(v[:6]) || len(v) >= 9 && set.has(v[:9])
}

// notTitle reports whether the title of n bytes at the beginning of b is the beginning
// of another word: 石川様式, 三井町長沢, 徳山医師会, 君津.
func notTitle(b []byte, n int) bool {
	if len(b) < n+3 {
		return false
	}
	after := b[n : n+3]
	switch string(b[:n]) {
	case "様":
		return wordIn(after, "式子相態々")
	case "殿":
		return !wordIn(after, "下宛方")
	case "君", "関", "卿", "役":
		return isKanji(after)
	case "師", "医師":
		return wordIn(after, "会団範")
	case "町長", "村長", "市長", "区長":
		return isKanji(after) && !wordIn(after, "選候室公自以夫就再当")
	}
	return false
}

// wordIn reports whether the character c is in list.
func wordIn(c []byte, list string) bool {
	for len(list) >= 3 {
		if hasPrefix(c, list[:3]) {
			return true
		}
		list = list[3:]
	}
	return false
}

// ordinaryFamilies are family names that text means as words when they stand alone.
var ordinaryFamilies = makeSet(`中間 並木 内海 内野 下地 大空 山野 山道 山里 山際 川原 川辺 水田 河原 浜辺 野原 長屋 高原 垣根 田畑 竹林 土橋 和気 当山 本城 水上 式場 武者 布袋 八重 星空 牧場 大門`)

// notBeforeSama are the last characters of words before 様 that are no names: 三名様,
// ご家族様, 空模様; ofFirms are those of shops and firms, also behind a family name.
var notBeforeSama, ofFirms = bitsOf(`模名組社者店部課室校園館局署省庁員客族供達等統院`), bitsOf(`社店課局署庁客院館`)

// joinsWords reports whether b is ヶ, ケ, ノ, ツ or ッ, which join what stands before and
// behind them: 那須ヶ原山.
func joinsWords(b []byte) bool {
	return b[0] == 0xE3 && wordIn(b, "ヶケノツッ")
}

// letterNames are the names of letters in katakana: エヌ・ティ・ティ is a company.
var letterNames = setOf(`エー エイ ビー シー スィー ディー デー イー エフ ジー エイチ エッチ アイ ジェイ ジェー ケイ ケー エル エム エヌ オー ピー キュー アール エス ティー ティ テイ ユー ヴィ ブイ ダブリュー ダブリュ エックス ワイ ゼット ゼッド アンド エンド`)

// notForeignLast are words that names of things in katakana with dots end with.
var notForeignLast = setOf(`コンサート コントロール トラック ミサイル ファンド スチール スティール ポスト ジャーナル トリビューン テレグラフ ヘラルド ケミカル ケミカルズ インダストリー インダストリーズ テクノロジー テクノロジーズ コミュニケーション コミュニケーションズ オープン カップ ツアー ポイント カート カード クレジット キャンペーン メール ロード マーク ハウス オンライン ストア ショップ マーケット マート バンク ファイナンス キャピタル ローン リース ケア サポート パック セット チーム マネージャー マネジャー エンジニア デザイナー ディレクター プロデューサー オフィス フォーム ページ サイト アプリ ソフト ハード データ ベース サーバ サーバー アドレス コスト リスト テスト チェック レポート レビュー マニュアル ガイド ブック マガジン ムービー フィルム シネマ ドラマ エレベータ エレベーター ガス オイル パワー エナジー バス タクシー トレイン ライナー エクスプレス カーゴ クルーズ ジム スポーツ クリニック ドラッグ フード フーズ キッチン カフェ レストラン ワイン ビール コーヒー ティールーム チキン バーガー ピザ ケーキ チョコレート チーズ ソース サラダ スープ アイスクリーム シャツ パンツ ジャケット コート シューズ バッグ ウォッチ リング ネックレス オブジェクト プログラミング エンジン モデル モード メニュー キャンプ バンク ハラスメント コンセント アイデンティティー ストレス ボンド ウーマン ソングライター ロビー スペース ゾーン エリア フロア ステージ ブース`)
