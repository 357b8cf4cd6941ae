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

// cardEvidence is what is handed to an acquirer.
type cardEvidence struct {
	Version int       `json:"version"`
	Made    time.Time `json:"made"`
	Tenant  string    `json:"tenant"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	// Log is the public key of the ledger, and Checkpoint its signed state: who
	// holds a later one can have the events shown that this was read from.
	Log        string           `json:"log"`
	Checkpoint string           `json:"checkpoint,omitempty"`
	Sites      []cardproof.Site `json:"sites"`
}

const (
	evidenceJSON = "evidence.json"
	evidencePDF  = "evidence.pdf"
	evidenceNote = "evidence.note"
	noteHead     = "sekisho card evidence 1"
	evidencePair = "evidence" // file of the key pair
)

// Run shows, and with --out signs, that no card number passed the sites.
func (c cardEvidenceCmd) Run(a *app) error {
	l, err := a.load()
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	from, to := now.AddDate(0, 0, -30), now
	for _, one := range []struct {
		text string
		at   *time.Time
	}{{c.From, &from}, {c.To, &to}} {
		if one.text == "" {
			continue
		}
		if *one.at, err = parseTime(one.text, now); err != nil {
			return err
		}
	}
	r, _, err := a.reader()
	if err != nil {
		return err
	}
	e := &cardEvidence{Version: 1, Made: now, Tenant: l.Tenant, From: from.UTC(), To: to.UTC(), Log: r.Identity().Key}
	if e.Sites, err = cardSites(a.ctx, r, from, to); err != nil {
		return err
	}
	if held, err := r.Evidence(a.ctx, nil); err == nil {
		e.Checkpoint = string(held.Checkpoint)
	}
	if c.Out == "" {
		return a.out(e, func() { a.sayEvidence(e) })
	}
	key, err := e.write(a, l.Keys, c.Out)
	if err != nil {
		return err
	}
	v := map[string]any{"dir": c.Out, "key": key, "sites": len(e.Sites)}
	return a.out(v, func() {
		a.sayEvidence(e)
		a.print("card_written", "dir", c.Out, "key", key)
	})
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

// write puts the evidence into a directory.
func (e *cardEvidence) write(a *app, keys, dir string) (verifier string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	files, verifier, err := e.files(a, keys)
	out := durable.Dir(dir)
	for _, name := range []string{evidenceJSON, evidencePDF, evidenceNote} {
		if err == nil {
			err = durable.WriteFile(out, name, files[name], 0o644)
		}
	}
	return verifier, err
}

// files makes the evidence, by name: as JSON, as PDF, and a note that is signed
// over both.
func (e *cardEvidence) files(a *app, keys string) (files map[string][]byte, verifier string, err error) {
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
	v, err := note.NewVerifier(c.Key)
	if err != nil {
		return bad("the key is not a verifier key")
	}
	files := map[string][]byte{}
	for _, name := range []string{evidenceJSON, evidencePDF, evidenceNote} {
		if files[name], err = os.ReadFile(filepath.Join(c.Dir, name)); err != nil {
			return bad(name + " cannot be read")
		}
	}
	signed, err := note.Open(files[evidenceNote], note.VerifierList(v))
	switch {
	case err != nil:
		return bad("the signature is not that of the key")
	case signed.Text != noteText(files[evidenceJSON], files[evidencePDF]):
		return bad("a file is not the one that was signed")
	}
	var e cardEvidence
	if err := json.Unmarshal(files[evidenceJSON], &e); err != nil {
		return bad(evidenceJSON + " cannot be read")
	}
	if e.Checkpoint != "" {
		if _, err := proof.ParseCheckpoint([]byte(e.Checkpoint), proof.Keys{Log: e.Log}); err != nil {
			return bad("the checkpoint is not signed by the ledger that it names")
		}
	}
	return a.out(e, func() {
		a.sayEvidence(&e)
		a.print("card_verified", "made", at(e.Made), "signer", strings.SplitN(c.Key, "+", 2)[0])
	})
}
