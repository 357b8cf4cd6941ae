package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"sekisho/internal/cardproof"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/control"
	"sekisho/internal/hub"
	"sekisho/internal/lang"
	"sekisho/internal/ledger"
)

// spansShown bounds the intervals and findings of one site on a page; the signed
// JSON has all.
const spansShown = 50

// paymentSite is the evidence about a site, as its room shows it.
func paymentSite(s *cardproof.Site) consoleoffice.PaymentSite {
	out := consoleoffice.PaymentSite{Host: s.Host, Proven: s.Proven, Against: s.Against, Exchanges: s.Counts.Exchanges, Refused: s.Counts.Refused, Cut: s.Counts.Cut,
		Passed: s.Counts.Passed, Unread: s.Counts.Unread, Uncovered: spans(s.Uncovered), Weaker: spans(s.Weaker),
		Canary: s.Canaries.Every, Canaries: s.Canaries.OK, NotProven: spans(s.Canaries.NotProven),
		All: consoleoffice.PaymentTotals{Settings: len(s.Settings), Uncovered: len(s.Uncovered), Weaker: len(s.Weaker), Failed: len(s.Canaries.Failed),
			NotProven: len(s.Canaries.NotProven), Items: len(s.Items), Changes: len(s.Findings)}}
	for _, set := range newestOf(s.Settings) {
		out.Settings = append(out.Settings, consoleoffice.PaymentSetting{From: set.From, Cards: set.Cards, Pages: set.Pages})
	}
	for _, w := range newestOf(s.Canaries.Failed) {
		out.Failed = append(out.Failed, consoleoffice.Span{From: w.At, To: w.At, Reason: w.Problem})
	}
	for _, p := range s.Providers {
		out.Providers = append(out.Providers, consoleoffice.PaymentProvider{Host: p.Host, AOC: p.AOC, Expires: p.Expires, State: p.State})
	}
	items, hosts := slices.Clone(s.Items), []string{}
	slices.SortStableFunc(items, func(a, b cardproof.Item) int { return good(a) - good(b) })
	for _, i := range items[:min(len(items), itemsShown)] {
		out.Items = append(out.Items, consoleoffice.PageItem{ID: i.PageItem.Item, What: i.What, Name: cmp.Or(i.Name, i.Host), Hash: i.Hash, Host: i.Host, Problem: i.Problem, New: i.New, Changed: i.Changed})
	}
	for _, i := range items {
		if i.Host != "" {
			hosts = append(hosts, i.Host)
		}
	}
	slices.Sort(hosts)
	hosts = slices.Compact(hosts)
	out.All.Hosts, out.Hosts = len(hosts), hosts[:min(len(hosts), itemsShown)]
	for _, f := range newestOf(s.Findings) {
		out.Changes = append(out.Changes, consoleoffice.Finding{At: f.At, Code: f.Code, Detail: f.Detail})
	}
	return out
}

func good(i cardproof.Item) int {
	if i.Problem == "" {
		return 1
	}
	return 0
}

// newestOf is the end of a list by time, as much as a page shows.
func newestOf[T any](all []T) []T { return all[max(0, len(all)-spansShown):] }

func spans(all []cardproof.Span) (out []consoleoffice.Span) {
	for _, s := range newestOf(all) {
		out = append(out, consoleoffice.Span(s))
	}
	return out
}

// evidenceKeys are the keys with which evidence is signed and checked. They are
// made when they are asked for first.
func (c *console) evidenceKeys() (signer, verifier string, err error) {
	return hub.KeyPair(c.cfg.Keys, evidencePair, "sekisho.card/"+c.cfg.Tenant)
}

// PaymentProof implements office.Sites.
func (c *console) PaymentProof(ctx context.Context, r consoleoffice.ProofRequest) (*cardproof.Evidence, error) {
	return whole(ctx, c, func(ctx context.Context, l *ledger.Reader) (*cardproof.Evidence, error) {
		return evidenceOf(ctx, l, c.cfg.Tenant, r, c.now())
	})
}

// evidenceSigned is that somebody had evidence signed, by the digest of what was.
func evidenceSigned(files map[string][]byte, by string) control.ActRequest {
	sum := sha256.Sum256(files[evidenceNote])
	return control.ActRequest{Do: control.ActEvidence, Detail: "sha256:" + hex.EncodeToString(sum[:]), By: by}
}

// PaymentEvidence implements office.Sites.
func (c *console) PaymentEvidence(ctx context.Context, r consoleoffice.EvidenceRequest) (*consoleoffice.PaymentEvidence, error) {
	l, ok := lang.Parse(r.Lang)
	if !ok {
		l = lang.Japanese
	}
	e, err := c.PaymentProof(ctx, r.ProofRequest)
	if err != nil {
		return nil, err
	}
	files, key, err := (&app{say: texts.In(l), lang: l}).evidenceFiles(e, c.cfg.Keys)
	if err != nil {
		return nil, err
	}
	if err := c.Act(ctx, evidenceSigned(files, r.By)); err != nil {
		return nil, err
	}
	return &consoleoffice.PaymentEvidence{JSON: files[evidenceJSON], PDF: files[evidencePDF], Note: files[evidenceNote], Key: key}, nil
}
