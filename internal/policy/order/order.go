// Package order is the text in which cuts travel and are answered: an order is
// one whole generation of cuts, a receipt is a gate's answer to one. Both are
// signed notes (C2SP signed-note, Ed25519), lines that people can read and a
// stranger can verify with the key alone.
//
//	sekisho cuts 1                     sekisho receipt 1
//	TENANT                             GATE
//	GENERATION                         GENERATION
//	TIME (UTC, RFC 3339)               DIGEST OF THE ORDER
//	{"id":…,"kind":…}                  FLOWS CLOSED
//	…                                  TIME (UTC, RFC 3339)
//
//	— sekisho-cuts/TENANT …            — GATE …
//
// It is pure: it keeps no key, ships nothing and knows no clock. That a
// generation only rises is for those who take orders to see to.
package order

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"sekisho/internal/policy/cut"
)

const (
	orderHead   = "sekisho cuts 1"
	receiptHead = "sekisho receipt 1"
)

// MaxText is the largest signed text of an order, in bytes: its JSON form must
// fit wherever 10,000 entries do.
const MaxText = 4 << 20

// ErrSigned is wrapped when a text is not signed by the expected key, or is no
// order or receipt.
var ErrSigned = errors.New("not a signed order or receipt (SK3701)")

// Order is one generation of cuts.
type Order struct {
	Tenant     string
	Generation uint64
	At         time.Time
	Entries    []cut.Entry
}

// Set is the order as gates take it.
func (o *Order) Set() (*cut.Set, error) { return cut.New(o.Generation, o.Entries) }

// KeyName is the name of the key that signs a tenant's orders.
func KeyName(tenant string) string { return "sekisho-cuts/" + tenant }

// NewKey makes a key pair: the signer's text is secret, the verifier's is not.
func NewKey(rand io.Reader, name string) (signer, verifier string, err error) {
	return note.GenerateKey(rand, name)
}

// Sign writes and signs an order.
func (o *Order) Sign(s note.Signer) ([]byte, error) {
	lines := []string{orderHead, o.Tenant, strconv.FormatUint(o.Generation, 10), stamp(o.At)}
	for i := range o.Entries {
		line, err := json.Marshal(&o.Entries[i])
		if err != nil {
			return nil, err
		}
		lines = append(lines, string(line))
	}
	return sign(lines, s)
}

// OpenOrder verifies and reads an order.
func OpenOrder(text []byte, v note.Verifier) (*Order, error) {
	lines, err := open(text, v, orderHead, 4)
	if err != nil {
		return nil, err
	}
	o := &Order{Tenant: lines[1]}
	if o.Generation, err = strconv.ParseUint(lines[2], 10, 64); err != nil {
		return nil, fmt.Errorf("generation: %w", ErrSigned)
	}
	if o.At, err = unstamp(lines[3]); err != nil {
		return nil, err
	}
	for _, line := range lines[4:] {
		var e cut.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return nil, fmt.Errorf("entry: %w", ErrSigned)
		}
		o.Entries = append(o.Entries, e)
	}
	return o, nil
}

// Receipt is what a gate answers when a generation is in force there.
type Receipt struct {
	Gate       string
	Generation uint64
	Digest     string // of the order's text
	Closed     uint64 // flows that were ended for it
	At         time.Time
}

// Sign writes and signs a receipt.
func (r *Receipt) Sign(s note.Signer) ([]byte, error) {
	return sign([]string{receiptHead, r.Gate, strconv.FormatUint(r.Generation, 10), r.Digest, strconv.FormatUint(r.Closed, 10), stamp(r.At)}, s)
}

// OpenReceipt verifies and reads a receipt.
func OpenReceipt(text []byte, v note.Verifier) (*Receipt, error) {
	lines, err := open(text, v, receiptHead, 6)
	if err != nil || len(lines) != 6 {
		return nil, errors.Join(err, ErrSigned)
	}
	r := &Receipt{Gate: lines[1], Digest: lines[3]}
	var bad [2]error
	r.Generation, bad[0] = strconv.ParseUint(lines[2], 10, 64)
	r.Closed, bad[1] = strconv.ParseUint(lines[4], 10, 64)
	r.At, err = unstamp(lines[5])
	if err := errors.Join(bad[0], bad[1], err); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSigned, err)
	}
	return r, nil
}

// Digest names a signed text: the SHA-256 of all of it, in hexadecimal.
func Digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func unstamp(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || stamp(t) != text {
		return t, fmt.Errorf("time: %w", ErrSigned)
	}
	return t, nil
}

// sign refuses what could not be read again: a line feed in a field.
func sign(lines []string, s note.Signer) ([]byte, error) {
	if slices.ContainsFunc(lines, func(l string) bool { return strings.ContainsAny(l, "\r\n") }) {
		return nil, fmt.Errorf("a field holds a line feed: %w", ErrSigned)
	}
	text, err := note.Sign(&note.Note{Text: strings.Join(lines, "\n") + "\n"}, s)
	if err == nil && len(text) > MaxText {
		err = fmt.Errorf("%d bytes: %w", len(text), ErrSigned)
	}
	return text, err
}

func open(text []byte, v note.Verifier, head string, least int) ([]string, error) {
	if len(text) > MaxText {
		return nil, fmt.Errorf("%d bytes: %w", len(text), ErrSigned)
	}
	n, err := note.Open(text, note.VerifierList(v))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSigned, err)
	}
	lines := strings.Split(strings.TrimSuffix(n.Text, "\n"), "\n")
	if len(lines) < least || lines[0] != head {
		return nil, ErrSigned
	}
	return lines, nil
}
