package webui

import (
	"strings"

	"sekisho/proof/scope"
)

func (p *Page) amount(key string, a scope.Amount) string {
	return p.T(key, "flows", p.N(a.Flows), "questions", p.N(a.Questions), "sent", p.N(a.Sent), "received", p.N(a.Received))
}

// because are the reasons why more may have left.
func (p *Page) because(l *scope.Leaving) []string {
	counts := map[string]int{"uncovered": len(l.Uncovered), "unknown exit": len(l.Exits), "no end": int(l.Other.Open)}
	var out []string
	for _, why := range l.Because {
		out = append(out, p.T("leaving_"+strings.ReplaceAll(why, " ", "_"), "n", counts[why]))
	}
	return out
}

func reporting(l *scope.Leaving) (n int) {
	for _, g := range l.Gates {
		if g.Reporting {
			n++
		}
	}
	return n
}
