package control

import (
	"context"
	"encoding/json"

	"sekisho/internal/event"
)

// PersonRequest asks to record a body about persons.
type PersonRequest struct {
	Kind event.Kind      `json:"kind"`
	Body json.RawMessage `json:"body"`
	By   string          `json:"by"`
}

// PersonReceipt says where it was recorded.
type PersonReceipt struct {
	Seq event.Seq `json:"seq"`
}

// RecordPerson implements Operator.
func (c *Client) RecordPerson(ctx context.Context, r PersonRequest) (PersonReceipt, error) {
	return ask[PersonRequest, PersonReceipt](ctx, c, "person", r)
}
