package waf_test

import (
	"net/url"
	"strconv"
	"testing"

	"sekisho/internal/waf"
)

// What people in Japan write beside signs and words that rules look for, and the
// attack that each is told from.
func TestJapaneseText(t *testing.T) {
	e, err := waf.New(waf.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for text, attack := range map[string]bool{
		"＜炊飯器＞（9,800円）":       false,
		"＜送料無料＞（税込）":          false,
		"＜Tシャツ (M)＞（￥1,980）":  false,
		"＜（ｉｄ）":               true,
		"＞（２ｔｏ３ ｘ）":           true,
		"ありがとうございました <(_ _)>": false,
		"<(^_^)> また行きます":      false,
		"<小> (赤/白)":           false,
		"<(_;id)":             true,
		"<(<.env)":            true,
		"<(<.env )":           true,
		"<(<.env;)":           true,
		"<(0<.env>a)":         true,
		">(>a)":               true,
		">(>>a)":              true,
		"<(<$F)":              true,
		"<(2>/a)":             true,
		"<(>_<)> すみません":       false,
		"<(>.<)>":             false,
		"<(>o<)> <(>o<;)>":    false,
		"<(><)>":              false,
		"<(＞_＜)>":             false,
		"x >(1<2)":            false,
		"<重要>(<必読>)":          false,
		"5,000円>(>3,000円)":    false,
		"<(cat /etc/hosts)":   true,
		"宛名は「Drop Coffee」でお願いします":                false,
		"札幌のSelect Shopで買いました":                   false,
		"'; drop table members":                  true,
		"１'; drop table members":                 true,
		`\\server\share を見てください`:                 false,
		`\\198.51.100.9\share\x`:                 true,
		"1　or　1=1":                               true,
		"A　or　B":                                 false,
		"山田　太郎　OR　花子":                            false,
		"http://①②⑦.⓪.⓪.①/":                      true,
		"http://例え.テスト/":                         false,
		"&apos; or 1=1--":                        true,
		"27206f7220313d312d2d":                   true,
		"5f4dcc3b5aa765d61d8327deb882cf99":       false,
		"http://127。0。0。1/":                      true,
		"https://例え.jp/。":                        false,
		"To: info@example.jp\nSubject: 予約について":   false,
		"a@example.jp\r\nBcc: b@example.net":     true,
		"(|(cn=*)(uid=*))":                       true,
		"(A|B)のどちらか（色=赤）":                        false,
		"--- !ruby/object:Gem::Installer":        true,
		"this.is a pen; return it":               false,
		"' && this.password.match(/^a/)//":       true,
		"=HYPERLINK(\"http://198.51.100.9/\",1)": true,
		"=SUM(A1:A3) が動かない":                      false,
	} {
		body := "comment=" + url.QueryEscape(text)
		v, err := e.Request(&waf.Request{Method: "POST", URI: "/contact", Protocol: "HTTP/1.1", Client: "192.0.2.7", Body: []byte(body), Headers: []waf.Header{
			{Name: "Host", Value: "shop.example.jp"}, {Name: "User-Agent", Value: "Mozilla/5.0"}, {Name: "Accept", Value: "*/*"},
			{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}, {Name: "Content-Length", Value: strconv.Itoa(len(body))}}})
		if err != nil {
			t.Fatal(err)
		}
		if v.Attack != attack {
			t.Errorf("%q: attack %v, want %v: %+v", text, v.Attack, attack, v.Findings)
		}
	}
}
