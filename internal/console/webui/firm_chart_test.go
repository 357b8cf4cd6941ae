package webui

import (
	"context"

	"sekisho/internal/console/office"
)

func (f *firm) Chart(context.Context) (*office.Chart, error) {
	return &office.Chart{Reading: true, More: 1, Places: []office.Rest{{Place: nasty, Subjects: 3, Elements: []string{nasty}, First: f.now, Last: f.now, Gone: f.now, CopyOf: nasty}},
		Risks:  []office.Risk{{Place: nasty, Score: 1, Subjects: 3, Elements: []string{"email", nasty}, Counts: []uint64{3, 2}, Reasons: []string{nasty, "old"}, Advice: nasty, Year: 2016, CopyOf: nasty}},
		Drifts: []office.Drift{{Database: nasty, At: f.now, Count: 1, Items: []office.DriftItem{{Place: nasty, What: nasty, Configured: nasty, Found: nasty}}}}}, f.fail()
}

func (f *firm) History(_ context.Context, place string) (*office.History, error) {
	return &office.History{Place: place, Reading: true, More: 2, Moments: []office.Moment{{At: f.now, What: "copied", Subjects: 3, Elements: []string{nasty}, Of: nasty, How: nasty, Size: 9}, {At: f.now, What: "came"}}}, f.fail()
}

func (f *firm) proposal() *office.Proposal {
	return &office.Proposal{Database: nasty, At: f.now, Digest: "sha256:abc", Problems: nastyProblems, Plain: []string{nasty}, Keyless: []string{nasty}, Skipped: []office.SkippedTable{{Table: nasty, Why: nasty}},
		Tables: []office.ProposedTable{{Table: nasty, New: true, Key: nasty, Of: nasty, Why: nasty, Open: []string{nasty}, Columns: []office.ProposedColumn{{Column: nasty, Element: "email", Confidence: 90, Why: nasty, Hits: 1, Of: 2}}}},
		Drift:  []office.DriftItem{{Place: nasty, What: nasty, Configured: nasty, Found: nasty}}, Diff: []office.DiffLine{{Mark: '+', Text: nasty}}}
}

func (f *firm) Proposal(context.Context, string, string) (*office.Proposal, error) {
	return f.proposal(), f.fail()
}

func (f *firm) ProposalDraft(context.Context) (*office.ProposalDraft, error) {
	p := f.proposal()
	p.Problems = nil
	return &office.ProposalDraft{By: "kaede", At: f.now, Proposal: p}, f.fail()
}

func (f *firm) HandProposal(_ context.Context, by, digest string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drafts = append(f.drafts, by+" hands on "+digest)
	return f.fail()
}

func (f *firm) AcceptProposal(_ context.Context, by, digest string) (*office.ProposalReceipt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drafts = append(f.drafts, by+" accepts "+digest)
	return &office.ProposalReceipt{Database: nasty, File: nasty, Digest: digest, Tables: 1, HandedBy: nasty, By: by}, f.fail()
}

func (f *firm) DropProposal(context.Context, string) error { return f.fail() }

func (f *firm) Unread(context.Context) ([]string, error) { return []string{nasty}, f.fail() }

func (f *firm) Mapped(context.Context) (*office.Mapped, error) { return &office.Mapped{}, nil }

func (f *firm) Ranking(context.Context, office.RankRequest) (*office.Ranking, error) {
	return &office.Ranking{}, nil
}

func (f *firm) Whereabouts(context.Context, office.SubjectRequest) (*office.Whereabouts, error) {
	return &office.Whereabouts{}, nil
}

func (f *firm) Survey(context.Context, office.SurveyRequest) (*office.Survey, error) {
	return &office.Survey{}, nil
}
