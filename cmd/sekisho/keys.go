package main

import (
	"fmt"

	"sekisho/internal/control"
	"sekisho/internal/fault"
	"sekisho/internal/keyring"
)

type keysCmd struct {
	List    keysListCmd    `cmd:"" help:"help_keys_list"`
	Destroy keysDestroyCmd `cmd:"" help:"help_keys_destroy"`
}

type keysListCmd struct{}

// Run lists the keys by name; it never shows one.
func (keysListCmd) Run(a *app) error {
	if a.hub.address != "" {
		ids, err := elsewhere[struct{}, []string](a, "keys", struct{}{})
		if err != nil {
			return err
		}
		return a.keyNames(ids)
	}
	l, err := a.load()
	if err != nil {
		return err
	}
	ring, err := keyring.Open(l.Keys)
	if err != nil {
		return keysFault(l.Keys, a.config, err)
	}
	return a.keyNames(ring.IDs())
}

func (a *app) keyNames(ids []string) error {
	return a.out(ids, func() {
		for _, id := range ids {
			fmt.Fprintln(a.env.stdout, id)
		}
	})
}

type keysDestroyCmd struct {
	Key    string `arg:"" help:"help_key"`
	By     string `help:"help_by"`
	Reason string `required:"" help:"help_reason"`
	Yes    bool   `help:"help_destroy_yes"`
}

// Run destroys a key: what it sealed can never be read again.
func (c keysDestroyCmd) Run(a *app) error {
	if !c.Yes {
		return fault.New(fault.Usage, "problem", a.say.Text("destroy_unsure", "key", c.Key), "hint", a.say.Text("destroy_hint"))
	}
	op, err := a.operator()
	if err != nil {
		return err
	}
	if err := op.DestroyKey(a.ctx, control.KeyRequest{KeyID: c.Key, By: a.person(c.By), Reason: c.Reason}); err != nil {
		return err
	}
	return a.out(map[string]string{"destroyed": c.Key}, func() { a.print("destroyed", "key", c.Key) })
}
