package ledger

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/ledger/segment"
)

// Heads say how far the ledger was on disk at a moment: whoever holds one can
// tell when the tail was cut afterwards.
type Heads struct {
	Origin string
	At     int64       // UTC ns since 1970
	Next   event.Index // number of events on disk
	Chains segment.Heads
}

// headsSuffix keeps a heads note from being taken for a checkpoint.
const headsSuffix = "/heads"

// signHeads returns the signed note of h (docs/format/ledger.md, heads).
func signHeads(h Heads, signer note.Signer) ([]byte, error) {
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s%s\n%d\n%d\n", h.Origin, headsSuffix, h.At, h.Next)
	for _, key := range h.Chains.Keys() {
		head := h.Chains[key]
		fmt.Fprintf(&text, "%d %d %s %s\n", key.Worker, head.Seq, base64.RawStdEncoding.EncodeToString(head.Digest[:]), key.Source)
	}
	return note.Sign(&note.Note{Text: text.String()}, signer)
}

// IsHeads tells heads of the ledger in dir from checkpoints, by the first line,
// which is the log's origin: somebody who keeps both need not say which is
// which. It verifies nothing; in doubt the note is none.
func IsHeads(note []byte, dir string) bool {
	id, err := ReadIdentity(dir)
	first, _, _ := bytes.Cut(note, []byte{'\n'})
	return err == nil && string(first) == id.Origin+headsSuffix
}

// ParseHeads verifies and decodes a heads note with the ledger's verifier key.
func ParseHeads(text []byte, key string) (*Heads, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return nil, fmt.Errorf("ledger key: %w", err)
	}
	n, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return nil, fmt.Errorf("heads: %w", err)
	}
	h, err := parseHeadsText(n.Text)
	if err == nil && h.Origin != verifier.Name() {
		err = fmt.Errorf("heads of %s, signed by %s", h.Origin, verifier.Name())
	}
	return h, err
}

var errHeads = errors.New("not a heads note")

func parseHeadsText(text string) (*Heads, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 3 {
		return nil, errHeads
	}
	h := &Heads{Chains: make(segment.Heads)}
	var ok bool
	h.Origin, ok = strings.CutSuffix(lines[0], headsSuffix)
	at, err1 := strconv.ParseInt(lines[1], 10, 64)
	next, err2 := strconv.ParseUint(lines[2], 10, 64)
	if !ok || err1 != nil || err2 != nil {
		return nil, errHeads
	}
	h.At, h.Next = at, event.Index(next)
	for _, line := range lines[3:] {
		if err := h.parseChain(line); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (h *Heads) parseChain(line string) error {
	f := strings.SplitN(line, " ", 4)
	if len(f) != 4 {
		return errHeads
	}
	worker, err1 := strconv.ParseUint(f[0], 10, 16)
	seq, err2 := strconv.ParseUint(f[1], 10, 64)
	digest, err3 := base64.RawStdEncoding.DecodeString(f[2])
	if err := errors.Join(err1, err2, err3); err != nil || len(digest) != len(event.Digest{}) {
		return errHeads
	}
	h.Chains[segment.Key{Source: event.Source(f[3]), Worker: uint16(worker)}] = segment.Head{Seq: event.Seq(seq), Digest: event.Digest(digest)}
	return nil
}

// Follows checks that h says all that old said, or more.
func (h *Heads) Follows(old *Heads) error {
	if h.Origin != old.Origin || h.Next < old.Next {
		return fmt.Errorf("heads of %d events after heads of %d", h.Next, old.Next)
	}
	for _, key := range old.Chains.Keys() {
		was, is := old.Chains[key], h.Chains[key]
		if is.Seq < was.Seq || (is.Seq == was.Seq && is.Digest != was.Digest) {
			return fmt.Errorf("%s/%d went back behind %d, or %d was changed", key.Source, key.Worker, was.Seq, was.Seq)
		}
	}
	return nil
}

// publishHeads writes the heads of what is on disk and hands them out.
func (l *Ledger) publishHeads(h Heads) error {
	text, err := signHeads(h, l.signer)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(l.fs, headsName, text, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", headsName, err)
	}
	if l.cfg.OnHeads != nil {
		l.cfg.OnHeads(text)
	}
	return nil
}

// headLoop publishes the heads every HeadInterval while the ledger grows, and
// lets a segment that is old enough end.
func (l *Ledger) headLoop(ctx context.Context) {
	ticker := time.NewTicker(l.cfg.HeadInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.failed:
			return
		case <-ticker.C:
		}
		wake(l.wake)
		h := l.snapshot()
		if h.Next == l.published {
			continue
		}
		if l.await(ctx, func() bool { return l.durable >= h.Next }) != nil {
			return
		}
		if err := l.publishHeads(h); err != nil {
			l.fail(err)
			return
		}
		l.published = h.Next
	}
}

// snapshot returns the ends of all chains at one position.
func (l *Ledger) snapshot() Heads {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := Heads{Origin: l.id.Origin, At: l.cfg.Now().UnixNano(), Next: l.next, Chains: make(segment.Heads, len(l.chains))}
	for key, ch := range l.chains {
		if ch.head.Seq > 0 {
			h.Chains[key] = ch.head
		}
	}
	return h
}
