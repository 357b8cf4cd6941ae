package casefile

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sekisho/internal/event"
)

// leaving are the findings about what leaves, with the title of their case.
// Their detail is "HOST to DESTINATION", and the case is the host's.
var leaving = map[string]string{
	"SK3902": "決まった間隔の外部通信 (beacon)",
	"SK3903": "名前解決にのせた持ち出し (DNS tunnel)",
	"SK3906": "個人の情報を読んだ端末からの大量送信 (leak)",
	"SK3907": "悪性と知られた宛先への通信 (listed destination)",
}

// about returns the finding with the machine that it is about as its place.
func about(f *event.Finding) *event.Finding {
	title := leaving[f.Code]
	host, dest, ok := strings.Cut(f.Detail, " to ")
	if title == "" || !ok || host == "" {
		return f
	}
	return &event.Finding{Code: f.Code, Title: host + " → " + dest + ": " + title, Place: event.Place(host), Detail: f.Detail}
}

// finding opens a candidate for the findings that a playbook names, or counts
// one more in the case that is open for the same code and place; anew: it is
// another one for certain, and raises that case.
func (v *View) finding(index event.Index, at, known int64, f *event.Finding, anew bool) (bool, error) {
	class := v.books.Plays.ByCode(f.Code)
	if class == nil {
		return false, nil
	}
	f = about(f)
	sign := &event.CaseSign{Case: fmt.Sprintf("f%d", index), Class: class.ID, Channel: "own", Title: f.Title, Places: []event.Place{f.Place},
		Hosts: []string{string(f.Place)}, KnownAt: known, KnownBy: f.Code, By: "sekisho", Facts: class.Facts}
	var n int64
	err := v.db.Write.QueryRow("SELECT n FROM finding WHERE code = ? AND place = ?", f.Code, string(f.Place)).Scan(&n)
	var s *slot
	switch {
	case errors.Is(err, sql.ErrNoRows):
		for _, o := range v.order { // opened in this batch
			if o.hosts == 0 && len(o.c.Signs) > 0 && o.c.Signs[0].KnownBy == f.Code && slices.Contains(o.c.Hosts, string(f.Place)) {
				s = o
			}
		}
	case err != nil:
		return false, fmt.Errorf("casefile view: %w", err)
	default:
		if s, err = v.byNumber(n); err != nil {
			return false, err
		}
	}
	switch {
	case s == nil:
		if err := v.again(index, at, sign); err != nil {
			return false, err
		}
		v.add(sign.Case).c.apply(v.books, index, at, sign)
	case s.c.State == Closed:
		sign.Case = s.c.ID
		s.c.apply(v.books, index, at, sign)
	case anew:
		sign.Case = s.c.ID
		s.c.raise(index, at, sign)
	default:
		s.c.Repeats++
	}
	return true, nil
}
