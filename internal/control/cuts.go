package control

import (
	"context"
	"time"

	"sekisho/internal/event"
)

// CutOrder asks for a cut. The process gives it an id and an end.
type CutOrder struct {
	// As is the kind (name, address, host, role, user, all); empty: told from
	// the target.
	As     string        `json:"as,omitempty"`
	Target string        `json:"target,omitempty"`
	For    time.Duration `json:"for_ns"`
	Case   string        `json:"case,omitempty"` // it does not lapse by itself then
	By     string        `json:"by"`
	Reason string        `json:"reason"`
}

// CutLift takes cuts back by their ids.
type CutLift struct {
	IDs    []string `json:"ids"`
	By     string   `json:"by"`
	Reason string   `json:"reason"`
}

// Cuts is what is cut and what came of it at each gate.
type Cuts struct {
	Generation uint64           `json:"generation"`
	Digest     string           `json:"digest,omitempty"`
	Entries    []event.CutEntry `json:"entries"`
	Gates      []CutGate        `json:"gates"`
	Added      []string         `json:"added,omitempty"` // ids that this order gave
	Took       time.Duration    `json:"took_ns,omitempty"`
	Unrecorded string           `json:"unrecorded,omitempty"` // why the ledger did not take it all
}

// CutGate is a gate and its answer to the order in force.
type CutGate struct {
	Gate       string    `json:"gate"`
	Remote     bool      `json:"remote,omitempty"`
	Generation uint64    `json:"generation"`
	Closed     uint64    `json:"closed"`
	At         time.Time `json:"at,omitzero"`
	Red        bool      `json:"red,omitempty"`
	Why        string    `json:"why,omitempty"` // silent, waiting, failed: …
	Since      time.Time `json:"since,omitzero"`
}

// Red is how many gates have not answered.
func (c *Cuts) Red() (n int) {
	for _, g := range c.Gates {
		if g.Red {
			n++
		}
	}
	return n
}

// Closed is how many flows were ended at all gates.
func (c *Cuts) Closed() (n uint64) {
	for _, g := range c.Gates {
		if g.Generation == c.Generation {
			n += g.Closed
		}
	}
	return n
}

// HubRequest is about a remote gate.
type HubRequest struct {
	Site string `json:"site"`
	By   string `json:"by"`
}

// HubToken lets a remote gate join, once.
type HubToken struct {
	Token string    `json:"token"`
	Until time.Time `json:"until"`
}

// Cuts implements Operator.
func (c *Client) Cuts(ctx context.Context) (Cuts, error) {
	return ask[struct{}, Cuts](ctx, c, "cuts", struct{}{})
}

// OrderCut implements Operator.
func (c *Client) OrderCut(ctx context.Context, r CutOrder) (Cuts, error) {
	return ask[CutOrder, Cuts](ctx, c, "cuts/order", r)
}

// LiftCut implements Operator.
func (c *Client) LiftCut(ctx context.Context, r CutLift) (Cuts, error) {
	return ask[CutLift, Cuts](ctx, c, "cuts/lift", r)
}

// ExceptRequest makes an exception, or ends the one with the ID.
type ExceptRequest struct {
	ID     string        `json:"id,omitempty"`
	What   string        `json:"what,omitempty"` // kind; empty: all
	Host   string        `json:"host,omitempty"`
	Dest   string        `json:"dest,omitempty"`
	For    time.Duration `json:"for_ns,omitempty"` // 0: without end
	By     string        `json:"by"`
	Reason string        `json:"reason"`
}

// Except implements Operator.
func (c *Client) Except(ctx context.Context, r ExceptRequest) (event.DetectionException, error) {
	return ask[ExceptRequest, event.DetectionException](ctx, c, "except", r)
}

// HubToken implements Operator.
func (c *Client) HubToken(ctx context.Context, r HubRequest) (HubToken, error) {
	return ask[HubRequest, HubToken](ctx, c, "hub/token", r)
}

// RevokeGate implements Operator.
func (c *Client) RevokeGate(ctx context.Context, r HubRequest) (Cuts, error) {
	return ask[HubRequest, Cuts](ctx, c, "hub/revoke", r)
}
