package corpus2

import "fmt"

// hotel is the mail of a booking site to a hotel.
func (a *Author) hotel() {
	a.writef("【予約通知】予約番号：R", a.figures(9), "\n■宿泊者氏名：", a.named(), " 様（", a.kana(), "）\n■人数：大人", 1+a.n(3), "名\n■チェックイン：2026/", 1+a.n(12), "/", 1+a.n(28), " 15:00\n")
	a.writef("■電話番号：", a.tel(), "\n■メール：", a.mail(), "\n")
	switch a.n(3) {
	case 0:
		a.writef("■住所：", a.home(true), "\n")
	case 1:
		a.writef("■ご住所　", a.home(false), "\n")
	default:
		a.writef("■郵便番号・住所：〒", a.postal(), " ", a.home(a.n(2) == 0), "\n")
	}
	if a.n(3) == 0 {
		a.writef("■クレジットカード：", a.plastic(a.n(4) == 0), "\n")
	}
	a.writef("■合計金額：", a.figures(5), "円（税込） プラン", a.figures(4), "\n\n")
}

// airline is a booking as reservation systems print it.
func (a *Author) airline() {
	a.writef("RP/TYOJL2", a.figures(3), "/TYOJL2", a.figures(3), "  ", a.signs("ABCDEFGHJKLMNPQRSTUVWXYZ", 6), "\n")
	a.writef(" 2  JL", a.figures(3), " Y ", a.figures(2), "MAR 4 HNDCTS HK1  0", 7+a.n(3), "30 1005  *1A/E*\n")
	a.writef(" 3 AP ", a.tel(), "\n 4 APE ", a.mail(), "\n 5 TK TL", a.figures(2), "FEB/TYOJL2", a.figures(3), "\n")
	if a.n(2) == 0 {
		a.writef(" 6 SSR DOCS JL HK1 PASSPORT ", datum{"passport", a.or("TR", "TZ", "MS", "NH") + a.figures(7)}, " JPN\n")
	}
	a.writef(" 7 FP CC CARD ", a.plastic(false), "/", fmt.Sprintf("%02d%02d", 1+a.n(12), 27+a.n(4)), "\n 8 FA PAX 131-", a.figures(10), "/ETJL/", a.figures(8), "\n\n")
}

// call is what somebody in a call centre writes down.
func (a *Author) call() {
	f, g := a.person()
	switch a.n(4) {
	case 0:
		a.writef(fmt.Sprintf("%02d:%02d", 9+a.n(9), a.n(60)), " 入電。", datum{"name", f + g}, "様ご本人。折返し先 TEL:", a.tel(), " 内線", a.figures(3), "。\n")
	case 1:
		a.writef("お客様氏名：", datum{"name", f + " " + g}, "\n生年月日：", a.born(), " 確認済み。住所変更のご依頼、新住所は", a.home(true), "とのこと。\n")
	case 2:
		a.writef("カード番号を口頭で伺う（", a.plastic(false), "）→ マスク依頼済。連絡先", a.tel(), "\n")
	default:
		a.writef("オペレーター引継ぎ：契約者 ", datum{"name", f + "　" + g}, " 様、携帯 ", a.tel(), " へ18時以降。クレジットカード ", a.plastic(a.n(3) == 0), " は期限切れ。\n")
	}
}

// orderMail is what a shop sends for an order.
func (a *Author) orderMail() {
	name := a.named()
	a.writef(name, " 様\n\nご注文ありがとうございます。\n注文番号：", a.figures(3), "-", a.figures(7), "-", a.figures(7), "\n商品：タオル ", a.signs("ABCDEF", 2), "-", a.figures(4), " ×", 1+a.n(5), "\n")
	a.writef("お届け先\n　〒", a.postal(), "\n　", a.home(a.n(3) != 0), "\n　", name, " 様\n　電話：", a.tel(), "\n")
	a.writef("お支払い方法：クレジットカード（", a.plastic(false), "）\n確認メール送信先：", a.mail(), "\n配送会社の伝票番号：", a.figures(12), "\n\n")
}

// json are records of other services' keys.
func (a *Author) json() {
	f, g := a.person()
	p, c, t, _ := a.place()
	switch a.n(3) {
	case 0:
		a.writef(`{"guest":{"lastName":"`, datum{"name", f}, `","firstName":"`, datum{"name", g}, `","tel":"`, a.tel(), `","mailAddress":"`, a.mail(), `"},"roomType":"TWN","bookedAt":`, 1700000000+a.n(90000000), "}\n")
	case 1:
		a.writef(`{"shipTo":{"fullName":"`, datum{"name", f + " " + g}, `","zip":"`, a.postal(), `","address":"`, datum{"address", p + c + t}, `","phoneNumber":"`, a.tel(), `"},"sku":"`, a.figures(13), `","qty":`, 1+a.n(9), "}\n")
	default:
		a.writef(`{"paymentMethod":{"type":"credit_card","cardNumber":"`, a.plastic(false), `","holderName":"`, datum{"name", a.one(romajiG) + " " + a.one(romaji)}, `"},"amount":`, a.figures(5), `,"orderId":"`, a.figures(16), `","dateOfBirth":"`, a.born(), `"}`, "\n")
	}
}

// appLog are lines of Rails, Django, Laravel and Go, with somebody's data now and then.
func (a *Author) appLog() {
	when := fmt.Sprintf("2026-%02d-%02d %02d:%02d:%02d", 1+a.n(12), 1+a.n(28), a.n(24), a.n(60), a.n(60))
	switch a.n(9) {
	case 0:
		a.writef("I, [", when, ".", a.figures(6), " #", a.figures(5), "]  INFO -- : [", a.signs("0123456789abcdef", 8), "] Completed 200 OK in ", a.n(900), "ms (Views: ", a.n(90), ".", a.n(9), "ms | ActiveRecord: ", a.n(90), ".", a.n(9), "ms)\n")
	case 1:
		a.writef("  Parameters: {\"utf8\"=>\"✓\", \"user\"=>{\"email\"=>\"", a.mail(), "\", \"tel\"=>\"", a.tel(), "\"}, \"commit\"=>\"登録\"}\n")
	case 2:
		a.writef("[", when, "] production.ERROR: SQLSTATE[23000]: Integrity constraint violation: 1062 Duplicate entry '", a.mail(), "' for key 'users_email_unique'\n")
	case 3:
		a.writef("WARNING ", when, " basehttp ", a.figures(5), " \"GET /api/items/", a.figures(5), "/?page=", a.n(90), " HTTP/1.1\" 404 ", a.figures(4), "\n")
	case 4:
		a.writef("time=", when[:10], "T", when[11:], ".", a.figures(3), "+09:00 level=ERROR msg=\"charge declined\" card=", a.plastic(false), " code=51 trace=", a.signs("0123456789abcdef", 32), "\n")
	case 5:
		a.writef(when, " DEBUG worker[", a.figures(4), "] lot=", a.figures(8), " offset=", a.figures(13), " lag=", a.n(900), "\n")
	case 6:
		a.writef(when, " INFO geo lat=", 24+a.n(20), ".", a.figures(6), " lon=", 123+a.n(20), ".", a.figures(6), " cell=", a.figures(9), "\n")
	case 7:
		a.writef(when, " INFO checkout: paid ref=", a.figures(16), " batch=", a.figures(10), " attempt=", 1+a.n(4), "\n")
	default:
		a.writef("{\"@timestamp\":\"", when[:10], "T", when[11:], "Z\",\"severity\":\"INFO\",\"logger\":\"jp.example.Stock\",\"jan\":\"", a.or("45", "49"), a.figures(11), "\",\"elapsed\":", a.figures(3), "}\n")
	}
}

// notes are remarks with little around what matters.
func (a *Author) notes() {
	switch a.n(6) {
	case 0:
		a.writef("転居先は", a.home(false), "。\n")
	case 1:
		a.writef("FAX ", a.tel(), " へ送信、原本は〒", a.postal(), "　", a.home(false), "\n")
	case 2:
		a.writef("担当：", a.named(), " / 携帯:", a.tel(), "\n")
	case 3:
		a.writef("カード情報 ", a.plastic(true), " (要削除)\n")
	case 4:
		a.writef(datum{"name", "鈴木"}, "部長と打合せ。次回は第3会議室、資料は p.", a.n(90), "-", a.n(90), " を参照。\n")
	default:
		a.writef("納品先 ", a.home(true), " 現地連絡 ", a.tel(), "\n")
	}
}

// Sheets writes tables as spreadsheets export them, with headers of other programs.
func (a *Author) Sheets(rows int) []Sheet {
	type field struct {
		header, element string
		value           func() string
	}
	text := func(f func() datum) func() string { return func() string { return f().value } }
	whole := func() string { return a.home(true).value }
	part := func(i int) func() string {
		return func() string {
			p, c, t, h := a.place()
			return []string{p, c, t, h}[i]
		}
	}
	number := func(size int) func() string { return func() string { return a.figures(size) } }
	tables := [][]field{
		{{"No.", "", number(4)}, {"お名前（全角）", "name", text(a.named)}, {"フリガナ（全角カナ）", "kana", text(a.kana)}, {"郵便番号（半角）", "postal_code", text(a.postal)}, {"都道府県", "address", part(0)}, {"市区町村", "address", part(1)}, {"町名・番地", "address", part(2)}, {"マンション・ビル名", "address", part(3)}, {"日中のご連絡先", "phone", text(a.tel)}, {"メールアドレス（確認用）", "email", text(a.mail)}},
		{{"guest_id", "", number(6)}, {"guest_full_name", "name", text(a.named)}, {"guest_phone_1", "phone", text(a.tel)}, {"guest_mail", "email", text(a.mail)}, {"prefecture", "address", part(0)}, {"city", "address", part(1)}, {"address_line_1", "address", part(2)}, {"address_line_2", "address", part(3)}, {"check_in", "", func() string { return fmt.Sprintf("2026-%02d-%02d", 1+a.n(12), 1+a.n(28)) }}, {"flight_no", "", func() string { return "JL" + a.figures(3) }}, {"lot_no", "", number(8)}},
		{{"受注日", "", func() string { return fmt.Sprintf("2026/%d/%d", 1+a.n(12), 1+a.n(28)) }}, {"受注番号", "", number(10)}, {"注文者氏名", "name", text(a.named)}, {"注文者TEL", "phone", text(a.tel)}, {"送付先住所", "address", whole}, {"商品コード", "", number(13)}, {"伝票番号", "", number(12)}, {"ご生年月日", "birthdate", text(a.born)}, {"カード番号", "card.pan", func() string { return a.plastic(false).value }}},
		{{"CustomerName", "name", text(a.named)}, {"MobilePhone", "phone", text(a.tel)}, {"EmailAddress1", "email", text(a.mail)}, {"BillingStreet", "address", part(2)}, {"BillingCity", "address", part(1)}, {"BillingState", "address", part(0)}, {"BirthDate", "birthdate", text(a.born)}, {"InvoiceNumber", "", func() string { return "INV-" + a.figures(6) }}, {"BranchCode", "", number(3)}, {"Color", "", func() string { return "#" + a.signs("0123456789abcdef", 6) }}},
	}
	var all []Sheet
	for _, fields := range tables {
		var s Sheet
		for _, f := range fields {
			s.Header, s.Elements = append(s.Header, f.header), append(s.Elements, f.element)
		}
		for range rows {
			var row []string
			for _, f := range fields {
				row = append(row, f.value())
			}
			s.Rows = append(s.Rows, row)
		}
		all = append(all, s)
	}
	return all
}
