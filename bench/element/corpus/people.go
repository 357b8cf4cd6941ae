package corpus

import (
	"fmt"
	"strings"
)

var areas = []string{"03", "06", "011", "045", "052", "075", "092", "022", "0463", "0975"}

func (m *Maker) phone() string {
	switch m.r.IntN(8) {
	case 0, 1, 2:
		return pick(m, "090", "080", "070") + "-" + pick(m, "1", "3", "8") + m.random(3) + "-" + m.random(4)
	case 3:
		return pick(m, "090", "080") + pick(m, "1", "5") + m.random(7)
	case 4:
		return "+81 " + pick(m, "90", "80") + "-" + pick(m, "2", "6") + m.random(3) + "-" + m.random(4)
	case 5:
		a := pick(m, areas...)
		return a + "(" + "2" + m.random(5-len(a)) + ")" + m.random(4)
	case 6:
		return wide(pick(m, "090", "080") + "-" + pick(m, "1", "3") + m.random(3) + "-" + m.random(4))
	}
	a := pick(m, areas...)
	return a + "-" + "3" + m.random(5-len(a)) + "-" + m.random(4)
}

var towns = []string{"北海道札幌市中央区大通西", "東京都新宿区西新宿", "東京都港区六本木", "神奈川県横浜市西区みなとみらい", "大阪府大阪市北区梅田", "京都府京都市左京区岡崎", "愛知県名古屋市中村区名駅", "福岡県福岡市博多区博多駅前",
	"埼玉県さいたま市大宮区桜木町", "千葉県船橋市本町", "広島県広島市中区紙屋町", "沖縄県那覇市久茂地", "宮城県仙台市青葉区一番町", "茨城県つくば市吾妻", "長野県北佐久郡軽井沢町軽井沢", "鹿児島県鹿児島市中央町"}

func (m *Maker) address() string {
	block := fmt.Sprintf("%d-%d-%d", 1+m.r.IntN(9), 1+m.r.IntN(30), 1+m.r.IntN(20))
	switch m.r.IntN(4) {
	case 0:
		block = fmt.Sprintf("%d丁目%d番%d号", 1+m.r.IntN(9), 1+m.r.IntN(30), 1+m.r.IntN(20))
	case 1:
		block = wide(block)
	case 2:
		block += pick(m, " コーポ青葉", "メゾン光", "　第二ビル") + fmt.Sprint(101+m.r.IntN(800))
	}
	return pick(m, towns...) + block
}

func (m *Maker) email() string {
	return m.letters("abcdefghijklmnoprstuwy", 4+m.r.IntN(6)) + pick(m, "", ".", "_", "+x", "-") + m.letters("abcdeimnorst", 3) + "@" + pick(m, "mail.example", "docomo.example.jp", "corp.example.co.jp", "example.com")
}

func (m *Maker) birth() string {
	y, mo, d := 1940+m.r.IntN(70), 1+m.r.IntN(12), 1+m.r.IntN(28)
	switch m.r.IntN(5) {
	case 0:
		return fmt.Sprintf("%d年%d月%d日", y, mo, d)
	case 1:
		return fmt.Sprintf("%d/%02d/%02d", y, mo, d)
	case 2:
		return fmt.Sprintf("昭和%d年%d月%d日", 2+m.r.IntN(62), mo, d)
	case 3:
		return fmt.Sprintf("平成%d年%d月%d日", 1+m.r.IntN(30), mo, d)
	}
	return fmt.Sprintf("%d-%02d-%02d", y, mo, d)
}

// myNumber has the check digit of twelve-digit numbers, by the table of the
// weights from the left.
func (m *Maker) myNumber() string {
	s := m.random(11)
	sum := 0
	for i, w := range []int{6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2} {
		sum += int(s[i]-'0') * w
	}
	check := 11 - sum%11
	if check >= 10 {
		check = 0
	}
	return s + fmt.Sprint(check)
}

func (m *Maker) licence() string {
	s := fmt.Sprint(10+m.r.IntN(88)) + m.random(8)
	sum := 0
	for i, w := range []int{5, 4, 3, 2, 7, 6, 5, 4, 3, 2} {
		sum += int(s[i]-'0') * w
	}
	return s + fmt.Sprint((11-sum%11)%10) + m.random(1)
}

// people adds one record in one of the ways in which records are written.
func (m *Maker) people() {
	family, given := m.Name()
	switch m.r.IntN(8) {
	case 0:
		m.say("氏名：")
		m.data("name", family+pick(m, "　", " ", "")+given)
		m.say(" 様\n〒")
		m.data("postal_code", m.random(3)+"-"+m.random(4))
		m.say(" ")
		m.data("address", m.address())
		m.say("\n電話番号：")
		m.data("phone", m.phone())
		m.say("\n")
	case 1:
		m.say("{\"customer_name\":\"")
		m.data("name", family+" "+given)
		m.say("\",\"email\":\"")
		m.data("email", m.email())
		m.say("\",\"phone\":\"")
		m.data("phone", m.phone())
		m.say("\",\"birthdate\":\"")
		m.data("birthdate", m.birth())
		m.say("\"}\n")
	case 2:
		m.say("旅券番号: ")
		m.data("passport", pick(m, "TK", "TR", "TZ", "MU", "TS")+m.random(7))
		m.say(" 生年月日: ")
		m.data("birthdate", m.birth())
		m.say("\n")
	case 3:
		m.say("マイナンバー ")
		my := m.myNumber()
		m.data("my_number", pick(m, my, group(my, []int{4, 4, 4}, " ")))
		m.say("\n運転免許証番号 ")
		m.data("drivers_licence", m.licence())
		m.say("\n")
	case 4:
		m.say("振込先 みらい銀行 本店 普通 口座番号 ")
		m.data("bank_account", m.random(7))
		m.say("\n")
	case 5:
		m.say("%s", m.prose())
		m.data("name", family)
		m.say("%sより%sの番号で連絡あり。\n", pick(m, "様", "さん"), "下記")
	case 6:
		m.say("GET /account HTTP/1.1\nHost: shop.example\nCookie: ")
		m.data("cookie", "SID="+m.letters(hexDigits, 32)+"; theme=dark")
		m.say("\nX-Api-Key: ")
		m.data("secret", m.letters("ABCDEFGHIJKLMNOPabcdefghijklmnop0123456789", 32))
		m.say("\n")
	default:
		m.say("INSERT INTO customers VALUES (%d,'", m.r.IntN(100000))
		m.data("email", m.email())
		m.say("','")
		m.data("phone", m.phone())
		m.say("','")
		m.data("address", m.address())
		m.say("');\n")
	}
}

// card adds a card number with more or less around it.
func (m *Maker) card() {
	number, groups := m.Card()
	switch m.r.IntN(9) {
	case 0:
		m.say("INSERT INTO payments VALUES (%d, '", m.r.IntN(10000))
		m.data("card.pan", number)
		m.say("', '%s');\n", m.uuid())
	case 1:
		m.say("%d,%s,", m.r.IntN(100000), strings.ToUpper(m.letters("abcdefgh", 6)))
		m.data("card.pan", m.spelling(number, groups))
		m.say(",%d\n", m.r.IntN(100000))
	case 2:
		m.say("カード番号は")
		m.data("card.pan", m.spelling(number, groups))
		m.say("です。有効期限 ")
		m.data("card.expiry", fmt.Sprintf("%02d/%02d", 1+m.r.IntN(12), 25+m.r.IntN(6)))
		m.say(" セキュリティコード ")
		m.data("card.cvv", m.random(3))
		m.say("\n")
	case 3:
		m.say("%s備考：", m.prose())
		m.data("card.pan", m.spelling(number, groups))
		m.say("とのこと。\n")
	case 4:
		m.say("{\"amount\":%d,\"card\":\"", m.r.IntN(100000))
		m.data("card.pan", m.spelling(number, groups))
		m.say("\",\"currency\":\"JPY\"}\n")
	case 5:
		m.say("<td>")
		m.data("card.pan", m.spelling(number, groups))
		m.say("</td><td>%d</td>\n", m.r.IntN(1000))
	case 6:
		m.say("POST /pay amount=%d&cc=", m.r.IntN(100000))
		m.data("card.pan", m.spelling(number, groups))
		m.say("&cvv=")
		m.data("card.cvv", m.random(3))
		m.say("\n")
	case 7:
		m.data("card.pan", group(number, groups, pick(m, " ", "-")))
		m.say(" ")
		m.data("card.expiry", fmt.Sprintf("%02d/%02d", 1+m.r.IntN(12), 25+m.r.IntN(6)))
		m.say("\n")
	default:
		m.say("%s\t", pick(m, "VISA", "JCB", "Mastercard", "会員番号"))
		m.data("card.pan", m.spelling(number, groups))
		m.say("\n")
	}
}

// Dense returns about size bytes in which most lines hold personal data, with
// near-misses between them.
func (m *Maker) Dense(size int) Text {
	for len(m.text.Bytes) < size {
		switch m.r.IntN(10) {
		case 0:
			m.card()
		case 1, 2, 3:
			m.say("%s %s\n", pick(m, "", "INFO", "note:", "値"), m.NearMiss())
		case 4:
			m.say("%s\n", m.prose())
		default:
			m.people()
		}
	}
	return m.take()
}

// Table is a table of customers: the element of each column, "" for none.
type Table struct {
	Header []string
	Kinds  []string
	Rows   [][]string
}

// Table returns a table of n customers, with one of several styles of headers.
func (m *Maker) Table(n int) Table {
	t := Table{Kinds: []string{"", "name", "kana", "postal_code", "address", "phone", "email", "birthdate", "card.pan", ""}}
	t.Header = pick(m,
		[]string{"id", "氏名", "フリガナ", "郵便番号", "住所", "電話番号", "メールアドレス", "生年月日", "カード番号", "JANコード"},
		[]string{"customer_id", "customer_name", "name_kana", "zip_code", "address", "phone_number", "email", "birth_date", "card_number", "jan_code"},
		[]string{"No", "お名前", "ふりがな", "〒", "ご住所", "携帯電話", "eメール", "誕生日", "クレジットカード番号", "商品コード"})
	if t.Header[0] == "customer_id" {
		t.Kinds[0] = "customer_number"
	}
	for i := range n {
		family, given := m.Name()
		number, groups := m.Card()
		t.Rows = append(t.Rows, []string{fmt.Sprint(i + 1), family + pick(m, "　", " ", "") + given, pick(m, "ヤマダ タロウ", "サトウ　ハナコ", "すずき いちろう", "ﾀﾅｶ ｼﾞﾛｳ", "タカハシ"),
			m.random(3) + pick(m, "-", "") + m.random(4), m.address(), m.phone(), m.email(), m.birth(), m.plain(number, groups), m.ean13()})
	}
	return t
}

func (m *Maker) plain(number string, groups []int) string {
	return pick(m, number, group(number, groups, "-"), wide(number))
}
