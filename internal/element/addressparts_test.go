package element

import "testing"

// TestAddressParts: what stands in a column of its own is an address by its header, and
// only what looks like the part that the header asks for.
func TestAddressParts(t *testing.T) {
	for _, c := range []struct {
		header   string
		yes, not []string
	}{
		{"都道府県", []string{"東京都", "北海道", "京都", "神奈川"}, []string{"13", "有効", "東京支店", ""}},
		{"prefecture", []string{"東京都", "Tokyo", "OSAKA", "Aichi-ken"}, []string{"dark", "13"}},
		{"state", []string{"大阪府", "Kyoto"}, []string{"open", "closed", "done"}},
		{"市区町村", []string{"横浜市西区", "さいたま市大宮区", "あきる野市", "北佐久郡軽井沢町", "つくば市"}, []string{"12345", "未入力", "なし", "2024-01-05"}},
		{"customer_city", []string{"横浜市", "Shinjuku-ku", "Naha"}, []string{"1042", "n/a", "a@b.example"}},
		{"町名", []string{"西新宿", "みなとみらい", "芝", "一番町"}, []string{"-", "同上", "不明"}},
		{"町名・番地", []string{"西新宿2-8-1", "芝5丁目３番", "2-8-1"}, []string{"-"}},
		{"番地", []string{"1-2-3", "１２番地の４", "二丁目3番4号", "12", "甲123"}, []string{"2024-01-05", "3.14", "なし", "123456789"}},
		{"番地・建物名", []string{"1-2-3", "1-2-3 メゾン青葉101", "12番地"}, []string{"-"}},
		{"建物名", []string{"メゾン青葉101", "Sunrise Heights 203", "第二ビル3F"}, []string{"なし", "無し", "101", "-"}},
		{"building", []string{"コーポ青葉", "Maison 5"}, []string{"none", "12"}},
		{"住所1", []string{"東京都", "港区芝", "東京都港区", "1-2-3"}, []string{"なし", "hanako@mail.example"}},
		{"住所2", []string{"芝5-3-1", "1-2-3", "メゾン青葉101"}, []string{"同上", "-"}},
		{"address2", []string{"Apt 4B", "メゾン青葉101", "1-2-3"}, []string{"N/A", "null"}},
		{"address_line_1", []string{"2-8-1 Nishi-Shinjuku", "西新宿2-8-1", "芝"}, []string{"https://shop.example/x"}},
		{"住所", []string{"東京都", "横浜市西区", "札幌市中央区北1条西2丁目"}, []string{"同上", "不明", "自宅", "済"}},
		{"address", []string{"横浜市西区みなとみらい2-3-1"}, []string{"pending", "shipped", "10"}},
	} {
		for _, v := range c.yes {
			if got, _, _ := NewField(c.header).Judge([]byte(v)); got != Address {
				t.Errorf("field %q: %q is %v", c.header, v, got)
			}
		}
		for _, v := range c.not {
			if got, _, _ := NewField(c.header).Judge([]byte(v)); got != Unclassified {
				t.Errorf("field %q: %q is %v", c.header, v, got)
			}
		}
		col := NewColumn(c.header)
		for range 3 {
			for _, v := range c.yes {
				col.Observe([]byte(v))
			}
		}
		if j := col.Judge(); j.Kind != Address || j.Confidence < 50 {
			t.Errorf("column %q of addresses: %v at %d%%", c.header, j.Kind, j.Confidence)
		}
	}
	for _, header := range []string{"state", "city", "building", "町名"} { // of things, too
		if j := NewColumn(header).Judge(); j.Confidence >= 50 {
			t.Errorf("column %q without values: %v at %d%%", header, j.Kind, j.Confidence)
		}
	}
	col := NewColumn("state")
	for range 20 {
		col.Observe([]byte("shipped"))
	}
	if j := col.Judge(); j.Confidence >= 50 {
		t.Errorf("states of orders: %v at %d%%", j.Kind, j.Confidence)
	}
	for _, header := range []string{"city_count", "state_id_list", "building_permit", "capacity", "velocity", "statement", "町内会費"} {
		if kind, _, ok := HeaderKind(header); ok && kind == Address {
			t.Errorf("header %q is %v", header, kind)
		}
	}
}

// TestAddressPartsInForms: mails of forms have labels for the parts.
func TestAddressPartsInForms(t *testing.T) {
	for text, want := range map[string]string{
		"都道府県：神奈川県\n": "神奈川県", "市区町村：横浜市西区\n": "横浜市西区", "市区町村: さいたま市大宮区\n": "さいたま市大宮区", "番地：1-2-3\n": "1-2-3", "ご住所（番地）：１－２－３\n": "",
		"建物名：メゾン青葉101号室\n": "メゾン青葉101号室", "町名番地：西新宿2-8-1\n": "西新宿2-8-1", "\"番地\":\"12-4\",": "12-4", "住所2：コーポ青葉201\n": "コーポ青葉201",
		"建物名：なし\n": "", "番地：未入力\n": "", "建物名：確認のうえ、ご連絡します。\n": "", "住所：確認中\n": "",
	} {
		var got string
		s := NewScanner(Options{Encoding: UTF8, Kinds: MaskOf(Address)}, func(f *Finding) { got += text[f.Offset : int(f.Offset)+f.Length] })
		s.Write([]byte(text))
		s.Close()
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
