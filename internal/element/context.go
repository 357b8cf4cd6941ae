package element

import (
	"bytes"
	"unicode/utf8"
)

// topic is a set of things that a word beside a value speaks of.
type topic uint32

const (
	aboutCard topic = 1 << iota
	aboutCVV
	aboutExpiry
	aboutMyNumber
	aboutPassport
	aboutLicence
	aboutPhone
	aboutPostal
	aboutBirth
	aboutBank
	aboutOther // orders, tracking, devices, hashes: numbers of another kind
	aboutTime
	aboutLoyalty // points and miles: numbers as long and grouped as card numbers
)

// words are the context words. ASCII words are in lower case and match in any
// case; those of up to three letters match whole words only.
var words = []struct {
	about topic
	list  []string
}{
	{aboutCard, []string{"card", "credit", "visa", "mastercard", "master", "amex", "jcb", "diners", "discover", "unionpay", "pan", "payment", "cc_num", "ccnum", "acct",
		"カード", "クレジット", "ｶｰﾄﾞ", "クレカ", "銀聯", "ビザ", "マスター", "アメックス", "ダイナース", "支払", "決済"}},
	{aboutCVV, []string{"cvv", "cvc", "cvn", "cid", "security code", "security_code", "securitycode", "セキュリティコード", "セキュリティーコード", "セキュリティ番号", "ｾｷｭﾘﾃｨｺｰﾄﾞ"}},
	{aboutExpiry, []string{"exp", "expiry", "expires", "expiration", "valid thru", "exp_date", "expdate", "valid_thru", "有効期限", "期限"}},
	{aboutMyNumber, []string{"マイナンバー", "個人番号", "ﾏｲﾅﾝﾊﾞｰ", "my number", "mynumber", "my_number", "individual number", "kojin"}},
	{aboutPassport, []string{"passport", "旅券", "パスポート", "ﾊﾟｽﾎﾟｰﾄ"}},
	{aboutLicence, []string{"免許", "licence", "license", "driver"}},
	{aboutPhone, []string{"tel", "phone", "mobile", "fax", "電話", "携帯", "ＴＥＬ", "連絡先", "☎", "℡", "denwa"}},
	{aboutPostal, []string{"zip", "postal", "postcode", "郵便", "〒", "住所", "address"}},
	{aboutBirth, []string{"birth", "dob", "born", "bday", "生年月日", "誕生日", "生まれ", "生年", "seinen", "生)"}},
	{aboutBank, []string{"口座", "普通", "当座", "貯蓄", "account", "bank", "銀行", "支店", "振込", "kouza"}},
	{aboutOther, []string{"order", "tracking", "track", "invoice", "shipment", "parcel", "imei", "imsi", "iccid", "serial", "isbn", "jan", "ean", "gtin", "upc", "sku", "barcode",
		"uuid", "guid", "hash", "sha", "md5", "trace", "span", "request", "session", "transaction", "txn", "timestamp", "epoch", "nonce", "seq", "product", "item", "iban", "snowflake", "message_id", "msg", "device",
		"注文", "伝票", "追跡", "問い合わせ番号", "問合せ番号", "お問合せ", "荷物", "受注", "商品", "請求書", "端末", "製造番号", "シリアル", "バーコード", "在庫", "型番", "発注", "管理番号", "receipt", "ticket", "batch", "job"}},
	{aboutLoyalty, []string{"point", "loyalty", "reward", "mileage", "frequent flyer", "ポイント", "ﾎﾟｲﾝﾄ", "マイル", "マイレージ", "診察券", "会員証"}},
	{aboutTime, []string{"time", "date", "日時", "created", "updated", "作成", "更新"}},
}

// wordEntry is one word in the table.
type wordEntry struct {
	text  string
	about topic
	short bool
}

// wordTable finds words by a hash of their first three bytes.
type wordTable struct {
	slot    [1 << 13]uint8 // index into buckets, 0 for none
	buckets [][]wordEntry
}

func threeHash(a, b, c byte) uint32 {
	return (uint32(a) | uint32(b)<<8 | uint32(c)<<16) * 0x9E3779B1 >> 19
}

var wordIndex = func() *wordTable {
	t := &wordTable{buckets: make([][]wordEntry, 1)}
	for _, topicWords := range words {
		for _, w := range topicWords.list {
			h := threeHash(w[0], w[1], w[2])
			if t.slot[h] == 0 {
				t.slot[h] = uint8(len(t.buckets))
				t.buckets = append(t.buckets, nil)
			}
			i := t.slot[h]
			t.buckets[i] = append(t.buckets[i], wordEntry{w, topicWords.about, len(w) <= 4 && w[0] < utf8.RuneSelf})
		}
	}
	return t
}()

const (
	contextBefore = 40 // bytes of UTF-8 or ASCII before a value that are looked at
	contextAfter  = 32
)

// context looks for the nearest words around buf[p:e] that speak of wanted and
// of other. It returns the topics found, each only if no nearer word
// contradicts it: near is the nearest word's topic.
func (s *Scanner) context(p, e int, wanted topic) (found, nearest topic) {
	before, after := s.around(p, e)
	best := 1 << 20
	see := func(about topic, distance int) {
		if about &= wanted; about == 0 {
			return
		}
		found |= about
		if distance < best {
			best, nearest = distance, about
		}
	}
	for i := 0; i+3 <= len(before); i++ {
		if about, n := wordAt(before, i); n > 0 {
			see(about, len(before)-i-n)
		}
	}
	for i := 0; i+3 <= len(after); i++ {
		if about, n := wordAt(after, i); n > 0 {
			see(about, i+contextBefore/4) // what follows names less often
		}
	}
	return found, nearest
}

// nearest returns what context calls nearest, but reads backwards from the value
// and stops at the first word: labels stand beside their values.
func (s *Scanner) nearest(p, e int, wanted topic) (about topic) {
	before := s.before(p)
	best := 1 << 20
	for i := len(before) - 3; i >= 0; i-- {
		if a, n := wordAt(before, i); a&wanted != 0 {
			about, best = a&wanted, len(before)-i-n
			break
		}
	}
	if best <= contextBefore/4 {
		return about
	}
	after := s.after(e)
	for i := 0; i+3 <= len(after) && i+contextBefore/4 < best; i++ {
		if a, _ := wordAt(after, i); a&wanted != 0 {
			return a & wanted
		}
	}
	return about
}

// labelled returns the topic of wanted that the nearest word before p speaks of.
func (s *Scanner) labelled(p int, wanted topic) topic {
	before := s.before(p)
	for i := len(before) - 3; i >= 0; i-- {
		if a, _ := wordAt(before, i); a&wanted != 0 {
			return a & wanted
		}
	}
	return 0
}

// wordAt is match for any text.
func wordAt(text []byte, i int) (topic, int) {
	if slot := wordIndex.slot[threeHash(text[i], text[i+1], text[i+2])]; slot != 0 {
		return match(text, i, slot)
	}
	return 0, 0
}

// around returns lower-case copies, in UTF-8, of what stands before and after
// buf[p:e], both on its line.
func (s *Scanner) around(p, e int) (before, after []byte) { return s.before(p), s.after(e) }

func (s *Scanner) before(p int) []byte {
	from := p - 1
	for from >= p-contextBefore && s.buf[from] != '\n' {
		from--
	}
	from++
	if s.enc.raw && s.enc.is > UTF8 {
		return s.ctx[:s.toUTF8(s.ctx[:96], from, p)]
	}
	return s.ctx[:copyLower(s.ctx[:], s.buf[from:p])]
}

func (s *Scanner) after(e int) []byte {
	to := e + contextAfter
	if i := bytes.IndexByte(s.buf[e:to], '\n'); i >= 0 {
		to = e + i
	}
	if s.enc.raw && s.enc.is > UTF8 {
		return s.ctx[96 : 96+s.toUTF8(s.ctx[96:], e, to)]
	}
	return s.ctx[96 : 96+copyLower(s.ctx[96:], s.buf[e:to])]
}

func copyLower(dst, src []byte) int {
	dst = dst[:len(src)]
	for i, c := range src {
		dst[i] = lower[c]
	}
	return len(src)
}

// lower maps capital letters of ASCII to small ones.
var lower = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
		if isUpper(byte(i)) {
			t[i] |= 0x20
		}
	}
	return t
}()

// toUTF8 decodes buf[p:e] of a double-byte encoding.
func (s *Scanner) toUTF8(dst []byte, p, e int) (n int) {
	for p < e && n+utf8.UTFMax <= len(dst) {
		c := s.buf[p]
		if c < utf8.RuneSelf {
			if isUpper(c) {
				c |= 0x20
			}
			dst[n] = c
			n, p = n+1, p+1
			continue
		}
		r, size := s.rune(p)
		if r == 0 {
			r, size = '?', 1
		}
		n += utf8.EncodeRune(dst[n:], r)
		p += size
	}
	return n
}

// match returns the topic and the length of the context word of the slot at
// text[i:].
func match(text []byte, i int, slot uint8) (topic, int) {
	for _, w := range wordIndex.buckets[slot] {
		n := len(w.text)
		if i+n > len(text) || string(text[i:i+n]) != w.text {
			continue
		}
		if w.text[0] < utf8.RuneSelf && i > 0 && isLower(text[i-1]) {
			continue // the end of another word: "japan", "method"
		}
		if w.short && i+n < len(text) && isLower(text[i+n]) {
			continue
		}
		return w.about, n
	}
	return 0, 0
}
