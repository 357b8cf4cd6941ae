package element

import (
	"strings"
	"testing"
)

// TestOthers: what a third corpus, written as other people write, showed.
func TestOthers(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string // what is found, of these elements
	}{
		// A mail address behind a colon is one, but for the password of a login.
		{"email:taro@mail.example", []string{"email:taro@mail.example"}},
		{"<a href=\"mailto:taro@mail.example\">", []string{"email:taro@mail.example"}},
		{"EMAIL;TYPE=INTERNET:taro@mail.example\n", []string{"email:taro@mail.example"}},
		{"連絡先:taro@mail.example", []string{"email:taro@mail.example"}},
		{"postgres://user:secret@db.example/x", nil},
		{"https://taro@mail.example/", nil},
		{strings.Repeat("x", 600) + ":taro@mail.example", []string{"email:taro@mail.example"}},
		// An address ends before whose it is, how they are reached, and the next label.
		{"〒100-0005 東京都千代田区丸の内4丁目28-11 斎藤　大和様 TEL 090-1234-5678\n", []string{"address:東京都千代田区丸の内4丁目28-11", "name:斎藤　大和", "phone:090-1234-5678"}},
		{"お届け先 〒100-0005 東京都港区六本木8-12-24 エステート本町 501 久保 早紀 様 品名 書籍 個口 1 送り状番号 1\n", []string{"address:東京都港区六本木8-12-24 エステート本町 501", "name:久保 早紀"}},
		{"送付先　東京都港区六本木8-12-24　田中花子　宛\n", []string{"address:東京都港区六本木8-12-24", "name:田中花子"}},
		{"住所:札幌市中央区北三条西7-23-25 受取人:千葉翼 不在時:03-5269-2549\n", []string{"address:札幌市中央区北三条西7-23-25", "name:千葉翼", "phone:03-5269-2549"}},
		{"申請者の氏名：黒田 博、住所：つくば市吾妻1751番地5、電話番号：080-1888-2935\n", []string{"address:つくば市吾妻1751番地5", "name:黒田 博", "phone:080-1888-2935"}},
		{"東京都港区六本木8-12-24 電話 03-5269-2549\n", []string{"address:東京都港区六本木8-12-24", "phone:03-5269-2549"}},
		{"東京都港区六本木8-12-24 ハイツ若葉 3号室\n", []string{"address:東京都港区六本木8-12-24 ハイツ若葉 3号室"}},
		{"東京都港区六本木8-12-24 a b c d e f g h i j k\n", []string{"address:東京都港区六本木8-12-24 a b c d e f g h i j k"}},
		// A town alone is one behind a postal code or the word for an address.
		{"〒160-0023 西新宿2-8-1 都庁第一\n", []string{"address:西新宿2-8-1"}},
		{"〒160-0023　西新宿2丁目8番1号\n", []string{"address:西新宿2丁目8番1号"}},
		{"住所 西新宿２－８－１\n", []string{"address:西新宿２－８－１"}},
		{"住所 別紙1-2参照\n住所 未定\n〒160-0023 TEL\n西新宿2-8-1\n", nil},
		// One in letters goes on behind commas.
		{"Address: 2-8-1 Nishi-Shinjuku, Shinjuku-ku, Tokyo 160-0023, Japan\n", []string{"address:2-8-1 Nishi-Shinjuku, Shinjuku-ku, Tokyo 160-0023, Japan"}},
		{"Address: 12 Baker Street, London NW1 6XE, Floor: 3\n", []string{"address:12 Baker Street, London NW1 6XE"}},
		{"addr: uint32(pc) + 8, Next\naddr: 0x12-ab cd-ef 1, Foo\n", nil},
		// In a path the word before it may be in the plural.
		{"GET /api/v1/cards/4539148803436467 HTTP/1.1", []string{"card.pan:4539148803436467"}},
		{"GET /api/v1/items/4539148803436467 HTTP/1.1", nil},
		// The plus of a country stands as %2B in addresses of pages.
		{"GET /?tel=%2B819012345678&x=1", []string{"phone:%2B819012345678"}},
		{"GET /?tel=%2b81-90-1234-5678&x=1", []string{"phone:%2b81-90-1234-5678"}},
		{"GET /?tel=%2D819012345678&b=819012345678", nil},
		// A line for each thing of a card.
		{"PAN: 4539148803436467\nCVV: 123\n", []string{"card.pan:4539148803436467", "card.cvv:123"}},
		{"カード番号：4539148803436467\n有効期限：12/28\nセキュリティコード：123\n", []string{"card.pan:4539148803436467", "card.expiry:12/28", "card.cvv:123"}},
		{"4539148803436467\nCreated 12/28, 404 of 500\n", []string{"card.pan:4539148803436467"}},
		{"4539148803436467\n123\n", []string{"card.pan:4539148803436467"}},
		{"名義: HIROSHI INOUE\n名義: 変更なし\n", []string{"name:HIROSHI INOUE"}},
	} {
		var got []string
		s := NewScanner(Options{}, func(f *Finding) {
			got = append(got, f.Kind.String()+":"+c.text[f.Offset:f.Offset+int64(f.Length)])
		})
		s.Write([]byte(c.text))
		s.Close()
		for _, w := range c.want {
			found := false
			for _, g := range got {
				found = found || g == w
			}
			if !found {
				t.Errorf("%q: %q, want %q", c.text, got, w)
			}
		}
		for _, g := range got {
			kind, _, _ := strings.Cut(g, ":")
			wanted := kind == "postal_code"
			for _, w := range c.want {
				wanted = wanted || g == w
			}
			if !wanted {
				t.Errorf("%q: %q is found", c.text, g)
			}
		}
	}
	for _, c := range []struct {
		header, value string
		want          Kind
	}{{"MAIL_ADDR", "taro@mail.example", Email}, {"クレジットカード番号", "4539・1488・0343・6467", CardPAN}, {"holder", "SUSUMU IKEDA", Name}, {"holder", "12 left", Unclassified}} {
		if kind, _, _ := NewField(c.header).Judge([]byte(c.value)); kind != c.want {
			t.Errorf("%s %q: %v, want %v", c.header, c.value, kind, c.want)
		}
	}
}

// TestOtherHeaders: headers as other programs write them.
func TestOtherHeaders(t *testing.T) {
	for kind, c := range map[Kind]struct{ value, headers string }{
		Name:    {"佐々木 一郎", "お客さま名|本名|名前（漢字）|注文者|ご注文者|購入者|予約者|参加者|出席者|届出者|登録者|送り主|送り主名|依頼者名|講師名|役員名|customer_nm|CUST_NM|patient_nm|insured_name|Bill To Name|Ship To Name|Attn|guest|passenger|employee|applicant|simei|Namae"},
		Phone:   {"03-1234-5678", "ＴＥＬ|ＦＡＸ|ＴＥＬ番号|phone_home|contact_no|contact_number|denwa|keitai|caller_id|msisdn|SMS番号|発信者番号|着信番号"},
		Address: {"東京都新宿区西新宿2-8-1", "居住地|お住まい|residence|送り先|配達先|配送先|設置場所|JYUSHO|jyusyo|jusyo_1|juusyo"},
	} {
		for _, h := range strings.Split(c.headers, "|") {
			if got, _, _ := NewField(h).Judge([]byte(c.value)); got != kind {
				t.Errorf("%s %q: %v, want %v", h, c.value, got, kind)
			}
		}
	}
	for h, v := range map[string]string{"参加者": "12名", "guest": "true", "passenger": "2", "employee": "E-1024", "登録者": "システム", "着信番号": "1024", "設置場所": "未定", "nm": "12", "item_nm": "机"} {
		if got, _, _ := NewField(h).Judge([]byte(v)); got != Unclassified {
			t.Errorf("%s %q: %v", h, v, got)
		}
	}
}
