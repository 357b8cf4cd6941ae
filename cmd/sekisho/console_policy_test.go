package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sekisho/internal/element"
	"sekisho/internal/event"
	"sekisho/internal/fault"
)

const draftedPolicy = `generation: 1
rules:
  - {name: app, action: allow, users: [app], elements: [email], addresses: [10.0.0.0/8]}
`

// TestPolicyDraft: a policy that is written by one person and published by
// another; what it would have changed; and that a process which ended in the
// middle is left with one policy and no draft of it.
func TestPolicyDraft(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "policy.yaml")
	if err := os.WriteFile(file, []byte(draftedPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	p := bareProcess(t, "hub: {listen: '127.0.0.1:0'}\npolicy_file: "+file+"\n")
	c := &console{process: p}
	ctx := t.Context()
	gate := p.ledger.Recorder("gate/shop-db", 0)
	email := element.MaskOf(element.Email)
	for _, b := range []event.Body{
		&event.SessionOpen{Session: 1, Place: "shop", Database: "shop", User: "app", Address: "10.0.0.9"},
		&event.Crossing{Session: 1, Parts: []event.Part{{Table: "shop/public.customers", Source: "shop.customers", Elements: email, Class: event.Exact, Rows: 3, Subjects: event.Set{{First: 1, Last: 3}}}}},
		&event.Crossing{Session: 9, Parts: []event.Part{{Table: "shop/public.customers", Source: "shop.customers", Elements: email, Class: event.Exact, Rows: 1}}},
	} {
		if _, err := gate.Record(ctx, event.Durable, b); err != nil {
			t.Fatal(err)
		}
	}
	next := strings.NewReplacer("generation: 1", "generation: 2", "10.0.0.0/8", "10.1.0.0/16").Replace(draftedPolicy) + "# a comment stays\n"
	check, err := c.CheckPolicy(ctx, next)
	if err != nil || check.Problems != nil || check.Judged != 1 || check.Unknown != 1 || len(check.Changes) != 1 || check.Changes[0].Was != "accept" || check.Changes[0].Now != "deny" || check.Changes[0].Rows != 3 {
		t.Fatalf("%+v, %v", check, err)
	}
	for _, bad := range []string{"", "generation: 0", draftedPolicy[:20], strings.Replace(next, "action: allow", "action: perhaps", 1), strings.Replace(next, "generation: 2", "generation: 1", 1)} {
		check, err := c.CheckPolicy(ctx, bad)
		if err != nil || check.Problems == nil {
			t.Fatalf("%q: %+v, %v", bad, check, err)
		}
		if err := c.ProposePolicy(ctx, "kaede", bad); err == nil || fault.Faults(err)[0].Code != check.Problems[0].Code {
			t.Errorf("%q is proposed: %v", bad, err)
		}
	}
	if err := c.PublishPolicy(ctx, "ren", check.Digest); fault.Faults(err)[0].Code != fault.PolicyDraft {
		t.Errorf("without a draft: %v", err)
	}
	if err := c.ProposePolicy(ctx, "kaede", next); err != nil {
		t.Fatal(err)
	}
	for by, digest := range map[string]string{"kaede": check.Digest, "ren": "sha256:other"} {
		if err := c.PublishPolicy(ctx, by, digest); fault.Faults(err)[0].Code != fault.PolicyDraft {
			t.Errorf("%s publishes %s: %v", by, digest, err)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != draftedPolicy {
		t.Fatalf("the file changed before it was published: %s, %v", text, err)
	}
	d, err := c.PolicyDraft(ctx)
	if err != nil || d == nil || d.By != "kaede" || d.Check.Digest != check.Digest {
		t.Fatalf("%+v, %v", d, err)
	}
	if err := c.PublishPolicy(ctx, "ren", d.Check.Digest); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != next || string(p.policy.Load().Digest()) != check.Digest {
		t.Errorf("published: %s, %v, %s", text, err, p.policy.Load().Digest())
	}
	if d, err := c.PolicyDraft(ctx); d != nil || err != nil {
		t.Errorf("the draft still waits: %+v, %v", d, err)
	}
	// The process ends after the file was written and put in force, before the
	// draft was dropped.
	third := strings.Replace(next, "generation: 2", "generation: 3", 1)
	if err := c.ProposePolicy(ctx, "kaede", third); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(third), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReloadPolicy(ctx); err != nil {
		t.Fatal(err)
	}
	if d, err := c.PolicyDraft(ctx); d != nil || err != nil {
		t.Errorf("a draft that is in force waits: %+v, %v", d, err)
	}
	var acts []string
	if _, err := c.backwards(ctx, func(e *event.Event) { a := e.Body.(*event.Act); acts = append(acts, a.Do+" "+a.By) }, event.KindAct); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(acts, ", "); got != "policy-propose kaede, policy-publish ren, policy-propose kaede" {
		t.Errorf("acts: %s", got)
	}
}

// TestRefusedPolicySaysAll: the record of a policy that is not taken has all that was
// wrong, as whoever reloaded it was told.
func TestRefusedPolicySaysAll(t *testing.T) {
	p := bareProcess(t, "hub: {listen: '127.0.0.1:0'}\n")
	if err := os.WriteFile(p.file, []byte("data: ./data\nkeys: ./keys\nledger: {sync: 1h}\nhub: {listen: nowhere}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := p.ReloadPolicy(t.Context())
	if len(fault.Faults(err)) != 2 {
		t.Fatalf("two things are wrong: %v", err)
	}
	c, reason := &console{process: p}, ""
	if _, err := c.backwards(t.Context(), func(e *event.Event) { reason = e.Body.(*event.PolicyRejected).Reason }, event.KindPolicyRejected); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(reason, "ledger.sync") || !strings.Contains(reason, "hub.listen") {
		t.Errorf("recorded: %q", reason)
	}
}
