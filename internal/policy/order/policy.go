package order

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/note"
)

const policyHead = "sekisho exit policy 1"

// Policy is a policy of what leaves on its way to remote gates:
//
//	sekisho exit policy 1
//	TENANT
//	GENERATION
//	TIME (UTC, RFC 3339)
//	"THE FILE, AS A JSON STRING"
//
//	— sekisho-cuts/TENANT …
//
// It is signed by the key of orders; the first line keeps the two apart.
type Policy struct {
	Tenant     string
	Generation uint64
	At         time.Time
	Text       string // the file
}

// Sign writes and signs a policy.
func (p *Policy) Sign(s note.Signer) ([]byte, error) {
	text, err := json.Marshal(p.Text)
	if err != nil {
		return nil, err
	}
	return sign([]string{policyHead, p.Tenant, strconv.FormatUint(p.Generation, 10), stamp(p.At), string(text)}, s)
}

// OpenPolicy verifies and reads a policy.
func OpenPolicy(text []byte, v note.Verifier) (*Policy, error) {
	lines, err := open(text, v, policyHead, 5)
	if err != nil || len(lines) != 5 {
		return nil, errors.Join(err, ErrSigned)
	}
	p := &Policy{Tenant: lines[1]}
	if p.Generation, err = strconv.ParseUint(lines[2], 10, 64); err != nil {
		return nil, fmt.Errorf("generation: %w", ErrSigned)
	}
	if p.At, err = unstamp(lines[3]); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(lines[4]), &p.Text); err != nil {
		return nil, fmt.Errorf("text: %w", ErrSigned)
	}
	return p, nil
}
