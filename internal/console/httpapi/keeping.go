package httpapi

import (
	"context"
	"io"

	"sekisho/internal/console/account"
	"sekisho/internal/console/office"
	"sekisho/internal/control"
)

// keepingCalls tell of keys by their names, and hand out what is encrypted.
var keepingCalls = []control.Call[*caller]{
	control.NewCall("keys", control.Asking((*caller).keys)),
	control.NewCall("egress/ca", control.Asking((*caller).exitAuthority)),
	control.NewCall("map/unread", control.Asking((*caller).unread)),
	control.NewStream("scope/list", (*caller).list),
}

var keepingRules = map[string]rule{
	"keys":       always(account.See),
	"egress/ca":  always(account.See),
	"map/unread": always(account.See),
	"scope/list": always(account.Look),
}

func (c *caller) keys(ctx context.Context) ([]string, error) { return c.s.Office.Keys(ctx) }

func (c *caller) exitAuthority(ctx context.Context) (*office.ExitAuthority, error) {
	return c.s.Office.ExitAuthority(ctx)
}

// unread are the databases whose protect section is another in the file than in force.
func (c *caller) unread(ctx context.Context) ([]string, error) {
	out, err := c.s.Office.Unread(ctx)
	return append([]string{}, out...), err
}

// list writes who subjects are, encrypted to the recipients, for a purpose: as the
// console's page does.
func (c *caller) list(ctx context.Context, r office.ListRequest, w io.Writer) error {
	r.By, r.Address = c.by(), addressOf(c.x.r)
	return c.s.Office.List(ctx, r, w)
}
