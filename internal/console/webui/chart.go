package webui

import (
	"strings"

	"sekisho/internal/console/office"
)

// risks says why a place is dangerous.
func risks(p *Page, r *office.Risk) string {
	var out []string
	for _, word := range r.Reasons {
		key := "scan_reason_" + word
		if word == "old" || word == "number" {
			key = "risk_reason_" + word
		}
		if text := p.words.Text(key, "copy", r.CopyOf, "year", r.Year); !strings.HasPrefix(text, "!") {
			word = text
		}
		out = append(out, word)
	}
	return joined(p, out)
}
