// Package event is the vocabulary that gates, scans, people, the ledger and
// the views share: the envelope, the sealed set of bodies, their canonical
// encoding, and the Recorder that gates write to.
//
// It does not store, order or verify anything: that is the ledger's work.
//
// One event is one line of JSON:
//
//	{"t":"default","s":"gate/shop-db","w":1,"n":42,"at":1763773200000000000,"ce":1000000,"k":7,"p":"…","b":{…}}
//
// t tenant, s source, w worker, n sequence number, at UTC time in nanoseconds
// since 1970, ce clock error in nanoseconds, k kind, p digest of the previous
// line of the same (source, worker), b body. (s, w, n) is the identity of the
// event; its place in the ledger is not part of the line.
package event

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Tenant names the organisation whose ledger an event belongs to.
type Tenant string

// Source names what produced an event: "gate/shop-db", "scan/shop", "person/ayame".
type Source string

// Seq is the number of an event within its (source, worker), counted from 1.
type Seq uint64

// Index is the position of an event in a ledger, counted from 0.
type Index uint64

// Digest is the first 16 bytes of the SHA-256 of an encoded line without its
// line feed. It chains the events of one (source, worker). The whole ledger is
// bound by the full SHA-256 of each segment; 128 bits bind one record to its
// predecessor inside that.
type Digest [16]byte

// MaxLine is the largest encoded event, in bytes, line feed included. Bigger
// sets are split over several events.
const MaxLine = 64 << 10

// Event is one thing that happened.
type Event struct {
	Tenant   Tenant
	Source   Source
	Worker   uint16
	Seq      Seq
	At       time.Time     // UTC, nanoseconds
	ClockErr time.Duration // bound of the source's clock error; widens every window
	Prev     Digest        // of the previous event of the same (source, worker); zero for Seq 1
	Body     Body
}

// Body is what happened. The set of bodies is sealed: only this package
// implements it. A kind this program does not know is an Unknown.
type Body interface {
	Kind() Kind
	// appendJSON appends the canonical encoding of the body.
	appendJSON(dst []byte) []byte
}

// Unknown is the body of an event whose kind this program does not know. It is
// kept and passed on byte for byte.
type Unknown struct {
	Of  Kind
	Raw json.RawMessage
}

// Level says how safe an event must be before it counts as recorded.
type Level uint8

const (
	// Written: the bytes are with the operating system. A killed process
	// loses nothing; a power cut loses at most the ledger's sync interval.
	Written Level = iota + 1
	// Durable: the bytes were synced to stable storage.
	Durable
)

// ErrFull is returned when a recorder's queue is full. The event was not taken.
var ErrFull = errors.New("recorder queue is full")

// ErrStopped is returned when the recorder can take no more events, for
// instance after a failed sync. It is final: the gate goes to its fail mode.
var ErrStopped = errors.New("recorder has stopped")

// Recorder takes the events of one (tenant, source, worker), numbers and
// chains them. Implementations are safe for concurrent use; sequence order is
// call order.
type Recorder interface {
	// Record appends the bodies as consecutive events and returns the number
	// of the first once all have reached level.
	Record(ctx context.Context, level Level, bodies ...Body) (Seq, error)
	// Submit appends the bodies as consecutive events without waiting and
	// returns the number of the first. When err is nil, done (if not nil) is
	// called exactly once when all have reached level or failed; it must not
	// block. With level Written the bytes are with the operating system before
	// Submit returns.
	Submit(level Level, done func(error), bodies ...Body) (Seq, error)
}
