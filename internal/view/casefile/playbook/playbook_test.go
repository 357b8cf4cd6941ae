package playbook

import "testing"

// TestDefault: every class of the design is there, and every class of findings
// belongs to one of them only.
func TestDefault(t *testing.T) {
	b := Default()
	for _, id := range []string{"targeted-mail", "outbound", "web-injection", "vulnerable-component", "server-intrusion", "unplanned-reboot", "insider", "entrustee-incident", "card-misuse", "unknown"} {
		if b.Class(id) == nil {
			t.Errorf("no playbook for %s", id)
		}
	}
	codes := map[string]string{}
	for _, c := range b.Classes {
		if c.Never.JA == "" || c.Never.EN == "" || c.Tell == "" {
			t.Errorf("%s: what never closes it, and who is told?", c.ID)
		}
		for _, code := range c.Codes {
			if codes[code] != "" {
				t.Errorf("%s opens both %s and %s", code, codes[code], c.ID)
			}
			codes[code] = c.ID
		}
	}
	if c := b.ByCode("SK7601"); c == nil || c.ID != "unplanned-reboot" || b.ByCode("SK0000") != nil {
		t.Error("a reboot opens another class")
	}
	for code, class := range map[string]string{"SK3401": "web-injection", "SK3417": "web-injection", "SK3902": "outbound", "SK3903": "outbound", "SK3906": "outbound",
		"SK3907": "outbound", "SK7301": "server-intrusion", "SK7602": "unknown"} {
		if c := b.ByCode(code); c == nil || c.ID != class {
			t.Errorf("%s opens %v, want %s", code, c, class)
		}
	}
	if len(b.Questions) < 8 || len(b.DoNot) < 4 {
		t.Error("the checker's questions or the sheet are not whole")
	}
	broken := *b
	broken.Classes = append([]Class(nil), b.Classes...)
	broken.Classes[0].Tasks = []Task{{ID: "x", Title: Text{"あ", "a"}, Hours: 1}}
	if broken.check() == nil {
		t.Error("a class that closes without doing anything was taken")
	}
}

// TestMatch: which playbook the words and the way of a sign point to; words that
// point nowhere propose nothing.
func TestMatch(t *testing.T) {
	b := Default()
	for _, c := range []struct{ channel, text, want string }{
		{"customer", "不審なメールの添付を開いた", "targeted-mail"}, {"own", "Somebody opened a strange ATTACHMENT", "targeted-mail"},
		{"monitor", "サーバーから外部への不審な通信", "outbound"}, {"own", "beacon to a C2 host", "outbound"},
		{"own", "トップページが改ざんされている", "web-injection"}, {"police", "SQL injection in the log", "web-injection"},
		{"own", "ＯｐｅｎＳＳＬの脆弱性", "vulnerable-component"}, {"own", "web shell found", "server-intrusion"}, {"own", "身代金の画面、ファイルが暗号化された", "server-intrusion"},
		{"own", "夜中にサーバーが再起動した", "unplanned-reboot"}, {"own", "退職者が名簿を持ち出した", "insider"},
		{"entrustee", "相談があります", "entrustee-incident"}, {"own", "委託先から連絡", "entrustee-incident"},
		{"card-company", "お話があります", "card-misuse"}, {"psp", "call us", "card-misuse"}, {"customer", "カードの不正利用があった", "card-misuse"},
		{"button", "画面がおかしい", ""}, {"own", "screens flicker", ""},
	} {
		got := ""
		if list := b.Match(c.channel, c.text); len(list) > 0 {
			got = list[0].ID
		}
		if got != c.want {
			t.Errorf("%s %q: %q, want %q", c.channel, c.text, got, c.want)
		}
	}
	if ByChannel("own") != "unknown" || ByChannel("psp") != "card-misuse" {
		t.Error("a notice of a payment provider is a notice of misuse, and nothing else is known by its way alone")
	}
	for _, c := range b.Classes {
		if len(c.Cues) == 0 && c.ID != "unknown" {
			t.Errorf("%s: no words point to it", c.ID)
		}
	}
}
