package webui

import (
	"archive/zip"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"sekisho/internal/console/office"
	"sekisho/internal/fault"
)

// webField does what somebody decided about a field of a page.
func (s *Server) webField(r *Request) (templ.Component, error) {
	why, err := reason(r)
	if err != nil {
		return nil, err
	}
	review := office.FieldReview{Do: r.PostFormValue("do"), Gate: r.PostFormValue("gate"), Host: r.PostFormValue("host"), Path: r.PostFormValue("path"),
		Name: r.PostFormValue("name"), Rule: r.PostFormValue("rule"), Type: r.PostFormValue("type"), Reason: why, By: r.By()}
	if text := strings.TrimSpace(r.PostFormValue("max")); text != "" {
		if review.Max, err = strconv.Atoi(text); err != nil || review.Max < 0 {
			return nil, fault.New(fault.ConsoleForm, "problem", "the longest value is no number of characters", "hint", "write 64, or 0 for any number")
		}
	}
	if err := s.Office.ReviewField(r.Context(), review); err != nil {
		return nil, err
	}
	return nil, redirect("/web?done=saved#h-fields")
}

// numberOrDash shows a number, and a dash for none.
func numberOrDash(n int) string {
	if n == 0 {
		return "–"
	}
	return strconv.Itoa(n)
}

// webEvidence downloads what is handed to an acquirer: the three files that
// `sekisho card verify` checks.
func (s *Server) webEvidence(r *Request) (templ.Component, error) {
	e, err := s.Office.PaymentEvidence(r.Context(), office.EvidenceRequest{By: r.By(), Lang: string(r.page.Lang())})
	if err != nil {
		return nil, err
	}
	r.out = true
	r.w.Header().Set("Content-Type", "application/zip")
	r.w.Header().Set("Content-Disposition", `attachment; filename="card-evidence-`+s.Now().UTC().Format("20060102")+`.zip"`)
	z := zip.NewWriter(r.w)
	for _, f := range []struct {
		name string
		text []byte
	}{{"evidence.json", e.JSON}, {"evidence.pdf", e.PDF}, {"evidence.note", e.Note}, {"key.txt", []byte(e.Key + "\n")}} {
		w, err := z.Create(f.name)
		if err == nil {
			_, err = w.Write(f.text)
		}
		if err != nil { // whoever asked went away
			s.Log.Info("card evidence not sent", "err", err)
			return nil, nil
		}
	}
	if err := z.Close(); err != nil {
		s.Log.Info("card evidence not sent", "err", err)
	}
	return nil, nil
}

// saidSpan is a time that stands against the evidence.
type saidSpan struct {
	What string
	office.Span
}

// paymentSpans are the times of a site of which something is not proven.
func paymentSpans(p *Page, s *office.PaymentSite) (out []saidSpan) {
	for _, part := range []struct {
		key string
		all []office.Span
	}{{"payment_uncovered", s.Uncovered}, {"payment_weaker", s.Weaker}, {"payment_unproven", s.NotProven}, {"payment_failed", s.Failed}} {
		for _, x := range part.all {
			out = append(out, saidSpan{p.T(part.key), x})
		}
	}
	return out
}
