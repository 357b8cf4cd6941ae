package element

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding/japanese"
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
	{aboutCard, []string{"card", "cards", "credit", "visa", "mastercard", "master", "amex", "jcb", "diners", "discover", "unionpay", "pan", "payment", "cc_num", "ccnum", "acct",
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
	first uint64 // its first eight bytes
	mask  uint64 // of the bytes that it has of them
	text  string
	about topic
	ascii bool
	short bool
}

// wordTable finds words by a hash of their first three bytes, whatever their case.
type wordTable struct {
	slot    [1 << 13]uint8 // index into buckets, 0 for none
	buckets [][]wordEntry
	forms   wordForms
}

// threeHash hashes the first three of four bytes.
func threeHash(x uint32) uint32 { return (x | 0x202020) << 8 * 0x9E3779B1 >> 19 }

// makeWords makes the table of an encoding. Words that it cannot write, or in two
// bytes (〒), are left out.
func makeWords(encode func(string) (string, error)) *wordTable {
	t := &wordTable{buckets: make([][]wordEntry, 1)}
	for _, topicWords := range words {
		for _, w := range topicWords.list {
			text, err := encode(w)
			if err != nil || len(text) < 3 {
				continue
			}
			h := threeHash(uint32(text[0]) | uint32(text[1])<<8 | uint32(text[2])<<16)
			if t.slot[h] == 0 {
				t.slot[h] = uint8(len(t.buckets))
				t.buckets = append(t.buckets, nil)
			}
			ascii := text[0] < utf8.RuneSelf
			lowered := []byte(text) // also of the second halves of characters in Shift_JIS
			copyLower(lowered, lowered)
			t.forms.add(string(lowered))
			i := t.slot[h]
			var first, mask [8]byte
			for j := range copy(first[:], lowered) {
				mask[j] = 0xff
			}
			t.buckets[i] = append(t.buckets[i], wordEntry{binary.LittleEndian.Uint64(first[:]), binary.LittleEndian.Uint64(mask[:]), string(lowered), topicWords.about, ascii, len(text) <= 4 && ascii})
		}
	}
	return t
}

var (
	wordsUTF8     = makeWords(func(w string) (string, error) { return w, nil })
	wordsShiftJIS = sync.OnceValue(func() *wordTable { return makeWords(japanese.ShiftJIS.NewEncoder().String) })
	wordsEUC      = sync.OnceValue(func() *wordTable { return makeWords(japanese.EUCJP.NewEncoder().String) })
)

const (
	contextBefore = 40 // bytes before a value that are looked at
	contextAfter  = 32
)

// context looks for the nearest words around buf[p:e] that speak of wanted and
// of other. It returns the topics found, each only if no nearer word
// contradicts it: near is the nearest word's topic.
func (s *Scanner) context(p, e int, wanted topic) (found, nearest topic) {
	best := 1 << 20
	b, slots := s.buf, &s.words.slot
	words, from := s.wordsBefore(p)
	for words != 0 {
		bit := 63 - bits.LeadingZeros64(words)
		words &^= 1 << bit
		i := p - blockSize + bit
		slot := slots[threeHash(binary.LittleEndian.Uint32(b[i:]))]
		if slot == 0 {
			continue
		}
		if about, n := s.wordAt(slot, i, from, p); about&wanted != 0 {
			found |= about & wanted
			if d := p - i - n; d < best {
				best, nearest = d, about&wanted
			}
		}
	}
	words, to := s.wordsAfter(e, contextAfter)
	for ; words != 0; words &= words - 1 {
		i := e + trailing(words)
		slot := slots[threeHash(binary.LittleEndian.Uint32(b[i:]))]
		if slot == 0 {
			continue
		}
		if about, _ := s.wordAt(slot, i, e, to); about&wanted != 0 {
			found |= about & wanted
			if d := i - e + contextBefore/4; d < best { // what follows names less often
				best, nearest = d, about&wanted
			}
		}
	}
	return found, nearest
}

// nearest returns what context calls nearest, but reads backwards from the value
// and stops at the first word: labels stand beside their values.
func (s *Scanner) nearest(p, e int, wanted topic) topic {
	about, distance := s.labelledAt(p, wanted)
	if distance <= contextBefore/4 {
		return about
	}
	words, to := s.wordsAfter(e, min(distance-contextBefore/4+2, contextAfter))
	for ; words != 0; words &= words - 1 {
		i := e + trailing(words)
		if slot := s.words.slot[threeHash(binary.LittleEndian.Uint32(s.buf[i:]))]; slot != 0 {
			if a, _ := s.wordAt(slot, i, e, to); a&wanted != 0 {
				return a & wanted
			}
		}
	}
	return about
}

// labelled returns the topic of wanted that the nearest word before p speaks of.
func (s *Scanner) labelled(p int, wanted topic) topic {
	about, _ := s.labelledAt(p, wanted)
	return about
}

// wordAt returns the topic and the length of the context word of the slot that
// begins at i and ends within buf[from:to], 0 when there is none.
func (s *Scanner) wordAt(slot uint8, i, from, to int) (topic, int) {
	bucket := s.words.buckets[slot]
	begin := lowerEight(binary.LittleEndian.Uint64(s.buf[i:]))
	for j := range bucket {
		w := &bucket[j]
		n := len(w.text)
		if (begin^w.first)&w.mask != 0 || i+n > to || n > 8 && !equalFold(s.buf[i+8:i+n], w.text[8:]) {
			continue
		}
		if w.ascii && i > from && isLower(s.buf[i-1]|0x20) && s.isLetter(i-1) && !(isUpper(s.buf[i]) && isLower(s.buf[i-1]) && w.about != aboutTime) {
			continue // the end of another word: "japan", "method", and not dateOfBirth
		}
		if w.text == "span" && i > from && (s.buf[i-1] == '<' || s.buf[i-1] == '/') {
			continue // a tag
		}
		if w.short && i+n < to && isLower(s.buf[i+n]|0x20) {
			continue
		}
		return w.about, n
	}
	return 0, 0
}

// isLetter reports whether the byte like a letter at p is one, and not the second
// half of a character in Shift_JIS.
func (s *Scanner) isLetter(p int) bool {
	return !s.enc.raw || s.enc.is != ShiftJIS || s.buf[p-1] < utf8.RuneSelf
}

// lowerEight brings the letters of ASCII in eight bytes to lower case.
func lowerEight(x uint64) uint64 {
	y := x & low7
	upper := (y + ones*(0x80-'A')) &^ (y + ones*(0x7f-'Z')) &^ x & high
	return x | upper>>2
}

// equalFold reports whether b, brought to lower case, is text.
func equalFold(b []byte, text string) bool {
	for i := range len(text) {
		if lower[b[i]] != text[i] {
			return false
		}
	}
	return true
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
