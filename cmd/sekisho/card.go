package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/cardproof"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/hub"
	"sekisho/internal/ledger"
	"sekisho/proof"
)

type cardCmd struct {
	Evidence cardEvidenceCmd `cmd:"" help:"help_card_evidence"`
	Verify   cardVerifyCmd   `cmd:"" help:"help_card_verify"`
}

type cardEvidenceCmd struct {
	From string `help:"help_from"`
	To   string `help:"help_to"`
	Out  string `placeholder:"DIR" help:"help_card_out"`
}

const (
	evidenceJSON = "evidence.json"
	evidencePDF  = "evidence.pdf"
	evidenceNote = "evidence.note"
	noteHead     = "sekisho card evidence 1"
	evidencePair = "evidence" // file of the key pair
)

// Run shows, and with --out has signed, that no card number passed the sites.
func (c cardEvidenceCmd) Run(a *app) error {
	when, err := c.when()
	if err != nil {
		return err
	}
	if a.hub.address != "" {
		return c.elsewhere(a, when)
	}
	l, err := a.load()
	if err != nil {
		return err
	}
	r, _, err := a.reader()
	if err != nil {
		return err
	}
	e, err := evidenceOf(a.ctx, r, l.Tenant, when, time.Now())
	if err != nil {
		return err
	}
	if c.Out == "" {
		return a.out(e, func() { a.sayEvidence(e) })
	}
	files, key, err := a.evidenceFiles(e, l.Keys)
	if err == nil {
		err = a.act(l, evidenceSigned(files, a.person("")))
	}
	if err != nil {
		return err
	}
	return c.written(a, e, files, key)
}

// when is the time that was asked about.
func (c cardEvidenceCmd) when() (when consoleoffice.ProofRequest, err error) {
	now := time.Now()
	if when.From, err = parseTime(c.From, now); err == nil {
		when.To, err = parseTime(c.To, now)
	}
	return when, err
}

// elsewhere shows what a console has. With --out it signs, and the files are written
// here.
func (c cardEvidenceCmd) elsewhere(a *app, when consoleoffice.ProofRequest) error {
	if c.Out == "" {
		e, err := elsewhere[consoleoffice.ProofRequest, *cardproof.Evidence](a, "web/proof", when)
		if err != nil {
			return err
		}
		return a.out(e, func() { a.sayEvidence(e) })
	}
	got, err := elsewhere[consoleoffice.EvidenceRequest, *consoleoffice.PaymentEvidence](a, "web/evidence", consoleoffice.EvidenceRequest{ProofRequest: when, Lang: string(a.lang)})
	if err != nil {
		return err
	}
	files := map[string][]byte{evidenceJSON: got.JSON, evidencePDF: got.PDF, evidenceNote: got.Note}
	var e cardproof.Evidence
	if problem := readEvidence(files, got.Key, &e); problem != "" {
		return fault.New(fault.EvidenceBad, "dir", c.Out, "problem", problem)
	}
	return c.written(a, &e, files, got.Key)
}

// written puts evidence into a directory, and says so.
func (c cardEvidenceCmd) written(a *app, e *cardproof.Evidence, files map[string][]byte, key string) error {
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return err
	}
	out := durable.Dir(c.Out)
	for _, name := range []string{evidenceJSON, evidencePDF, evidenceNote} {
		if err := durable.WriteFile(out, name, files[name], 0o644); err != nil {
			return err
		}
	}
	v := map[string]any{"dir": c.Out, "key": key, "sites": len(e.Sites)}
	return a.out(v, func() {
		a.sayEvidence(e)
		a.print("card_written", "dir", c.Out, "key", key)
	})
}

// evidenceOf reads the evidence about a time from a ledger.
func evidenceOf(ctx context.Context, r *ledger.Reader, tenant string, when consoleoffice.ProofRequest, now time.Time) (e *cardproof.Evidence, err error) {
	now = now.UTC()
	e = &cardproof.Evidence{Version: 1, Made: now, Tenant: tenant, From: now.AddDate(0, 0, -30), To: now, Log: r.Identity().Key}
	if !when.From.IsZero() {
		e.From = when.From.UTC()
	}
	if !when.To.IsZero() {
		e.To = when.To.UTC()
	}
	if e.Sites, err = cardSites(ctx, r, e.From, e.To); err != nil {
		return nil, err
	}
	if held, err := r.Evidence(ctx, nil); err == nil {
		e.Checkpoint = string(held.Checkpoint)
	}
	return e, nil
}

func cardSites(ctx context.Context, r *ledger.Reader, from, to time.Time) ([]cardproof.Site, error) {
	book := cardproof.New(from, to)
	err := r.ScanEventsOf(ctx, 0, cardproof.Wants, func(_ event.Index, e *event.Event) error {
		if e.Body != nil { // of no other kind, and of none that this version does not know
			book.Add(e)
		}
		return nil
	})
	sites := []cardproof.Site{}
	return append(sites, book.Sites()...), err
}

// evidenceFiles makes the evidence, by name: as JSON, as PDF, and a note that is signed
// over both.
func (a *app) evidenceFiles(e *cardproof.Evidence, keys string) (files map[string][]byte, verifier string, err error) {
	text, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return nil, "", err
	}
	text = append(text, '\n')
	pdf, err := a.evidenceDocument(e).PDF("")
	if err != nil {
		return nil, "", err
	}
	skey, vkey, err := hub.KeyPair(keys, evidencePair, "sekisho.card/"+e.Tenant)
	if err != nil {
		return nil, "", err
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		return nil, "", fmt.Errorf("the key of evidence cannot be used") // err could quote it
	}
	signed, err := note.Sign(&note.Note{Text: noteText(text, pdf)}, s)
	return map[string][]byte{evidenceJSON: text, evidencePDF: pdf, evidenceNote: signed}, vkey, err
}

func noteText(text, pdf []byte) string {
	sum := func(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }
	return fmt.Sprintf("%s\n%s %s\n%s %s\n", noteHead, sum(text), evidenceJSON, sum(pdf), evidencePDF)
}

type cardVerifyCmd struct {
	Dir string `arg:"" help:"help_card_dir"`
	Key string `required:"" placeholder:"KEY" help:"help_card_key"`
}

// Run checks that evidence is as it was signed. It needs no ledger.
func (c cardVerifyCmd) Run(a *app) error {
	bad := func(problem string) error {
		return fault.New(fault.EvidenceBad, "dir", c.Dir, "problem", problem)
	}
	files := map[string][]byte{}
	for _, name := range []string{evidenceJSON, evidencePDF, evidenceNote} {
		var err error
		if files[name], err = os.ReadFile(filepath.Join(c.Dir, name)); err != nil {
			return bad(name + " cannot be read")
		}
	}
	var e cardproof.Evidence
	if problem := readEvidence(files, c.Key, &e); problem != "" {
		return bad(problem)
	}
	return a.out(e, func() {
		a.sayEvidence(&e)
		a.print("card_verified", "made", at(e.Made), "signer", strings.SplitN(c.Key, "+", 2)[0])
	})
}

// readEvidence reads evidence that is as it was signed; else it says what is wrong.
func readEvidence(files map[string][]byte, key string, e *cardproof.Evidence) (problem string) {
	v, err := note.NewVerifier(key)
	if err != nil {
		return "the key is not a verifier key"
	}
	signed, err := note.Open(files[evidenceNote], note.VerifierList(v))
	switch {
	case err != nil:
		return "the signature is not that of the key"
	case signed.Text != noteText(files[evidenceJSON], files[evidencePDF]):
		return "a file is not the one that was signed"
	}
	if err := json.Unmarshal(files[evidenceJSON], e); err != nil {
		return evidenceJSON + " cannot be read"
	}
	if e.Checkpoint != "" {
		if _, err := proof.ParseCheckpoint([]byte(e.Checkpoint), proof.Keys{Log: e.Log}); err != nil {
			return "the checkpoint is not signed by the ledger that it names"
		}
	}
	return ""
}
