package main

import (
	"bytes"
	"context"
	"io"
	"time"

	"sekisho/internal/fault"
	"sekisho/internal/vendorpack"
)

type caseVendorCmd struct {
	Vendor string `arg:"" help:"help_vendor_name"`
	Form   string `enum:"letter,clauses" default:"letter" help:"help_vendor_form"`
	Out    string `placeholder:"FILE" help:"help_case_out"`
}

// Run writes the letter or the clauses in the firm's name.
func (c caseVendorCmd) Run(a *app) error {
	f, err := a.firm()
	if err != nil {
		return err
	}
	if f.Company.Name == "" {
		return fault.New(fault.Usage, "problem", a.say.Text("vendor_nobody"), "hint", a.say.Text("vendor_nobody_hint"))
	}
	var text bytes.Buffer
	from := vendorpack.Sender{Name: f.Company.Name, Address: f.Company.Address, Phone: f.Company.Phone, Head: f.Company.Head}
	if err := vendorpack.Write(&text, c.Form, from, c.Vendor, time.Now()); err != nil {
		return err
	}
	if c.Out == "" {
		_, err := a.env.stdout.Write(text.Bytes())
		return err
	}
	err = writeWhole(a.ctx, c.Out, func(_ context.Context, w io.Writer) error {
		_, err := w.Write(text.Bytes())
		return err
	})
	if err != nil {
		return fault.New(fault.SetupWrite, "file", c.Out).Because(err)
	}
	return a.out(map[string]string{"file": c.Out}, func() { a.print("vendor_written", "file", c.Out) })
}
