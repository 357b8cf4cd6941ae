package webui

import (
	"context"

	"sekisho/internal/console/office"
)

func check() *office.PolicyCheck {
	return &office.PolicyCheck{Generation: 3, Digest: "sha256:abc", Tests: []office.PolicyTest{{Name: nasty, Expect: "accept", Rule: nasty}}, Diff: []office.DiffLine{{Mark: '+', Text: nasty}},
		Changes: []office.PolicyChange{{User: nasty, Address: nasty, Table: nasty, Elements: []string{"email"}, Was: "accept", Now: "deny", Rule: nasty, Times: 1}}}
}

func (f *firm) PolicyDraft(context.Context) (*office.PolicyDraft, error) {
	return &office.PolicyDraft{By: "kaede", At: f.now, Text: nasty, Check: check()}, f.fail()
}

func (f *firm) CheckPolicy(_ context.Context, text string) (*office.PolicyCheck, error) {
	return check(), f.fail()
}

func (f *firm) ProposePolicy(_ context.Context, by, text string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drafts = append(f.drafts, by+": "+text)
	return f.fail()
}

func (f *firm) PublishPolicy(_ context.Context, by, digest string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drafts = append(f.drafts, by+" publishes "+digest)
	return f.fail()
}

func (f *firm) WithdrawPolicy(context.Context, string) error { return f.fail() }
