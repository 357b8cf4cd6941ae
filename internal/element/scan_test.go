package element

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// findings scans text whole and writes each finding as "kind:value".
func findings(o Options, text string) []string {
	var out []string
	s := NewScanner(o, func(f *Finding) {
		out = append(out, f.Kind.String()+":"+text[f.Offset:f.Offset+int64(f.Length)])
	})
	s.Write([]byte(text))
	s.Close()
	return out
}

func TestCards(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"4111111111111111", []string{"4111111111111111"}},
		{"card 4111 1111 1111 1111 end", []string{"4111 1111 1111 1111"}},
		{"4111-1111-1111-1111", []string{"4111-1111-1111-1111"}},
		{"pan=4111+1111+1111+1111&x=1", []string{"4111+1111+1111+1111"}},
		{"pan=4111%201111%201111%201111&x=1", []string{"4111%201111%201111%201111"}},
		{"q=%204111111111111111", []string{"4111111111111111"}},
		{`{"n":"\u30004111111111111111"}`, []string{"4111111111111111"}},
		{`{"n":"\uff14\uff11\uff11\uff11111111111111"}`, []string{`\uff14\uff11\uff11\uff11111111111111`}},
		{"%34111111111111111", []string{"%34111111111111111"}},
		{"&#52;&#49;11 1111 1111 1111", []string{"&#52;&#49;11 1111 1111 1111"}},
		{"card 4111&ensp;1111&ensp;1111&ensp;1111", []string{"4111&ensp;1111&ensp;1111&ensp;1111"}},
		{"4111&nbsp;1111&nbsp;1111&nbsp;1111", []string{"4111&nbsp;1111&nbsp;1111&nbsp;1111"}},
		{"４１１１－１１１１－１１１１－１１１１", []string{"４１１１－１１１１－１１１１－１１１１"}},
		{"番号は４１１１　１１１１　１１１１　１１１１です", []string{"４１１１　１１１１　１１１１　１１１１"}},
		{"4111ー1111ー1111ー1111", []string{"4111ー1111ー1111ー1111"}},
		{"4111・1111・1111・1111", []string{"4111・1111・1111・1111"}},
		{"41１１1111１１１１1111", []string{"41１１1111１１１１1111"}},
		{"４111 1111 1111 1111", []string{"４111 1111 1111 1111"}},
		{"4111 １１１１ 1111 １１１１", []string{"4111 １１１１ 1111 １１１１"}},
		{"3782 822463 10005", []string{"3782 822463 10005"}},
		{"JCB3530111333300000", []string{"3530111333300000"}},
		{"qty 3 4111 1111 1111 1111 12/26 123", []string{"4111 1111 1111 1111"}},
		{"2024 4111 1111 1111 1111", []string{"4111 1111 1111 1111"}},
		{"カード番号：4111111111111111（VISA）", []string{"4111111111111111"}},
		{"\t5555555555554444\r\n", []string{"5555555555554444"}},
		{`"2221000000000009"`, []string{"2221000000000009"}},
		{"6011111111111117,6200000000000005", []string{"6011111111111117", "6200000000000005"}},
		{"0.4111111111111111", nil}, {"$4111111111111111", nil}, {"1, -4111111111111111, 2", nil},
		{"カード番号\n4111111111111111.0", []string{"4111111111111111"}}, {"%B4111111111111111^YAMADA/TARO^2612", []string{"4111111111111111"}}, {"B4111111111111111", nil},
		{`"\x20\x34111111111111111"`, []string{`\x34111111111111111`}}, {"card 4111\u20091111\u20091111\u20091111", []string{"4111\u20091111\u20091111\u20091111"}},
		{"card 4111\u200b1111\u200b1111\u200b1111", []string{"4111\u200b1111\u200b1111\u200b1111"}},
		{"order 4111111111111111", nil}, // an order number that passes by chance
		{"伝票番号:4111111111111111", nil},
		{"a4111111111111111", nil}, {"4111111111111111f", nil}, {"41111111111111112", nil},
		{"4111111111111112", nil},
		{"jan 4912345678904", nil}, {"4912345678904", nil},
		{"imei 490154203237518", nil},
		{"1704412345123", nil},
		{"550e8400-e29b-41d4-a716-446655440000", nil},
		{"DE89 3704 0044 0532 0130 00", nil},
		{"", nil}, {"4", nil},
	} {
		for _, o := range []Options{{Kinds: MaskOf(CardPAN)}, {Kinds: MaskOf(CardPAN), Portable: true}, {}} {
			var got []string
			for _, f := range findings(o, c.text) {
				if v, ok := strings.CutPrefix(f, "card.pan:"); ok {
					got = append(got, v)
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("%q with %+v: (-want +got)\n%s", c.text, fmt.Sprint(o.Kinds, o.Portable), d)
			}
		}
	}
}

func TestElements(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"mail to hanako.yamada+x@mail.example.", []string{"email:hanako.yamada+x@mail.example"}},
		{"user%40mail.example user＠mail.example", []string{"email:user%40mail.example", "email:user＠mail.example"}},
		{"a@b @x.example foo@bar", nil},
		{"client 192.0.2.17 end", []string{"ip_address:192.0.2.17"}},
		{"1.2.3 1.2.3.4.5 300.1.1.1 Chrome/120.0.0.0 v1.2.3.4", nil},
		{"電話 03-1234-5678", []string{"phone:03-1234-5678"}},
		{"090-1234-5678 09012345678 +81-90-1234-5678", []string{"phone:090-1234-5678", "phone:09012345678", "phone:+81-90-1234-5678"}},
		{"０９０－１２３４－５６７８", []string{"phone:０９０－１２３４－５６７８"}},
		{"03(1234)5678 (03)1234-5678", []string{"phone:03(1234)5678", "phone:(03)1234-5678"}},
		{"0120-123-456", []string{"phone:0120-123-456"}},
		{"2024-01-05 0123-45", nil},
		{"〒060-8588", []string{"postal_code:060-8588"}},
		{"〒０６０－８５８８", []string{"postal_code:０６０－８５８８"}},
		{"100-0001 東京都千代田区千代田1-1", []string{"postal_code:100-0001", "address:東京都千代田区千代田1-1"}},
		{"123-4567 of 890", nil},
		{"住所：東京都新宿区西新宿２丁目８番１号、電話", []string{"address:東京都新宿区西新宿２丁目８番１号"}},
		{"東京都に住む。東京都新宿区は広い。", nil},
		{"埼玉県さいたま市浦和区高砂3-15-1", []string{"address:埼玉県さいたま市浦和区高砂3-15-1"}},
		{"生年月日:1985年3月4日", []string{"birthdate:1985年3月4日"}},
		{"生年月日 昭和60年3月4日", []string{"birthdate:昭和60年3月4日"}},
		{`{"birthdate":"1985-03-04"}`, []string{"birthdate:1985-03-04"}},
		{"1985年3月4日生まれ", []string{"birthdate:1985年3月4日"}},
		{"1985年3月4日開業 2024-01-05 12:00", nil},
		{"旅券番号 TK1234567", []string{"passport:TK1234567"}},
		{"part AB1234567", nil},
		{"マイナンバー: 1234 5678 9018", []string{"my_number:1234 5678 9018"}},
		{"123456789018", nil},
		{"運転免許証番号 305012345630", []string{"drivers_licence:305012345630"}},
		{"普通預金 口座番号 1234567", []string{"bank_account:1234567"}},
		{"伝票 1234567", nil},
		{"お客様の氏名：東海林 さくら", []string{"name:東海林 さくら"}}, {"商品名：白い花 会社名：青木商店", nil},
		{"氏名：山田　太郎 様", []string{"name:山田　太郎"}},
		{`"customer_name": "Hanako Yamada"`, []string{"name:Hanako Yamada"}},
		{`"name": "widget"`, nil},
		{"田中さんと佐藤様が", []string{"name:田中", "name:佐藤"}},
		{"鈴木一郎は", []string{"name:鈴木一郎"}},
		{"山口県の石川製作所", nil},
		{`addr: uint32(pc) + 8 "address": "addr1 + 1" address: an IPv6-only`, nil},
		{`"address": "12 Chuo Street, Minato"`, []string{"address:12 Chuo Street, Minato"}}, {"address: 1-2-3 Chuo", []string{"address:1-2-3 Chuo"}},
		{"増田 湊様へ", []string{"name:増田 湊"}}, {"酒井ミキ様", []string{"name:酒井ミキ"}}, {"小野こころさん", []string{"name:小野こころ"}},
		{"勅使河原　葵様", []string{"name:勅使河原　葵"}}, {"御手洗 さくら様", []string{"name:御手洗 さくら"}}, {"榊　太郎　様", []string{"name:榊　太郎"}},
		{"営業部 田中様", []string{"name:田中"}}, {"受取人 泉裕子様", []string{"name:泉裕子"}}, {"関係者 皆様へ お客様 各位様 渋谷 です", nil},
		{`{"name":"乾　翔太"} {"name":"検査 結果"}`, []string{"name:乾　翔太"}},
		{"生年月日 H4/07/11 誕生日はS44.10.18 DOB: R1.5.1", []string{"birthdate:H4/07/11", "birthdate:S44.10.18", "birthdate:R1.5.1"}},
		{"生年月日：昭44年10月18日", []string{"birthdate:昭44年10月18日"}}, {"H19/12/03 S10.3.1版 生年月日 S44.13.18", nil},
		{"Tel.03-1234-5678 TEL-090-1234-5678", []string{"phone:03-1234-5678", "phone:090-1234-5678"}}, {"v1.090-1234-5678 abc.03-1234-5678", nil},
		{"東京都 世田谷区 三軒茶屋711番地6", []string{"address:東京都 世田谷区 三軒茶屋711番地6"}}, {"京都府　京都市左京区　下鴨宮崎町30-4", []string{"address:京都府　京都市左京区　下鴨宮崎町30-4"}}, {"東京都 開催分", nil},
		{"フリガナ：ヤマダ タロウ", []string{"kana:ヤマダ タロウ"}},
		{"Cookie: sid=abcdef0123456789", []string{"cookie:sid=abcdef0123456789"}},
		{"Authorization: Bearer abcdef0123456789", []string{"secret:abcdef0123456789"}},
		{"password=${PW} password=******", nil},
		{"key AKIAABCDEFGHIJKLMNOP", []string{"secret:AKIAABCDEFGHIJKLMNOP"}},
		{"they should say skip_it", nil},
		{"4111 1111 1111 1111 12/26 123", []string{"card.pan:4111 1111 1111 1111", "card.expiry:12/26", "card.cvv:123"}},
		{"card 4111111111111111 exp 12/2026 cvv: 1234", []string{"card.pan:4111111111111111", "card.expiry:12/2026", "card.cvv:1234"}},
	} {
		for _, portable := range []bool{true, false} {
			if d := cmp.Diff(c.want, findings(Options{Portable: portable}, c.text)); d != "" {
				t.Errorf("%q: (-want +got)\n%s", c.text, d)
			}
		}
	}
}
