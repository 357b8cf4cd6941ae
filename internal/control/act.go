package control

import "context"

// ActEvidence is that somebody had evidence about payment signed.
const ActEvidence = "card-evidence"

// ActRequest asks to record something that a command of the same machine is about to
// hand out.
type ActRequest struct {
	Do     string `json:"do"` // ActEvidence
	Detail string `json:"detail"`
	By     string `json:"by"`
}

// Act implements Operator.
func (c *Client) Act(ctx context.Context, r ActRequest) error {
	_, err := ask[ActRequest, struct{}](ctx, c, "act", r)
	return err
}
