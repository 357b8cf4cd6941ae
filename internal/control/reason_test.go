package control

import (
	"context"
	"testing"

	"sekisho/internal/event"
	"sekisho/internal/fault"
)

// asked remembers which call was asked.
type asked struct {
	Operator
	call string
}

func (a *asked) did(call string) error {
	a.call = call
	return nil
}

func (a *asked) Status(context.Context) (Status, error) { return Status{}, nil }

func (a *asked) Cut(context.Context, CutRequest) (CutReceipt, error) {
	return CutReceipt{}, a.did("cut")
}

func (a *asked) Bypass(context.Context, BypassRequest) (BypassStatus, error) {
	return BypassStatus{}, a.did("bypass")
}

func (a *asked) Web(context.Context, WebRequest) (WebStatus, error) {
	return WebStatus{}, a.did("web")
}

func (a *asked) Clear(context.Context, ClearRequest) (ClearReceipt, error) {
	return ClearReceipt{}, a.did("clear")
}

func (a *asked) Except(context.Context, ExceptRequest) (event.DetectionException, error) {
	return event.DetectionException{}, a.did("except")
}

func (a *asked) DestroyKey(context.Context, KeyRequest) error { return a.did("keys/destroy") }

func (a *asked) Rules(context.Context, RulesRequest) (RulesReceipt, error) {
	return RulesReceipt{}, a.did("rules")
}

// TestReasons: what the console does not order without a reason, nobody on the machine
// does; what makes things safe again, or only asks, needs none.
func TestReasons(t *testing.T) {
	op := &asked{}
	c, _ := start(t, op)
	ctx := t.Context()
	for call, order := range map[string]func(why string) error{
		"cut":    func(why string) error { _, err := c.Cut(ctx, CutRequest{All: true, Reason: why}); return err },
		"bypass": func(why string) error { _, err := c.Bypass(ctx, BypassRequest{Open: true, Reason: why}); return err },
		"web": func(why string) error {
			_, err := c.Web(ctx, WebRequest{Do: WebStop, What: "site", Reason: why})
			return err
		},
		"clear": func(why string) error { _, err := c.Clear(ctx, ClearRequest{Reason: why}); return err },
		"except": func(why string) error {
			_, err := c.Except(ctx, ExceptRequest{What: "beacon", Reason: why})
			return err
		},
		"keys/destroy": func(why string) error { return c.DestroyKey(ctx, KeyRequest{KeyID: "person/1", Reason: why}) },
		"rules": func(why string) error {
			_, err := c.Rules(ctx, RulesRequest{Site: "shop.example.jp", Reason: why})
			return err
		},
	} {
		for _, why := range []string{"", " \t\n", "　"} {
			op.call = ""
			if err := order(why); err == nil || fault.Faults(err)[0].What("en") != ErrReason.What("en") || op.call != "" {
				t.Errorf("%s with the reason %q: %v, asked %q", call, why, err, op.call)
			}
		}
		if err := order("疑い"); err != nil || op.call != call {
			t.Errorf("%s with a reason: %v, asked %q", call, err, op.call)
		}
	}
	for call, order := range map[string]func() error{
		"bypass": func() error { _, err := c.Bypass(ctx, BypassRequest{Query: true, Open: true}); return err },
		"web":    func() error { _, err := c.Web(ctx, WebRequest{Do: WebResume, What: "site"}); return err },
	} {
		if err := order(); err != nil || op.call != call {
			t.Errorf("%s: %v, asked %q", call, err, op.call)
		}
	}
}
