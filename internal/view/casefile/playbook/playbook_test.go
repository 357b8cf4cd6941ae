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
