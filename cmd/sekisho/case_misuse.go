package main

import (
	"context"
	"crypto/rand"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"time"

	"sekisho/internal/control"
	"sekisho/internal/desk"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/keyring"
	"sekisho/internal/rule"
)

type caseMisuseCmd struct {
	Case string `arg:"" help:"help_case_id"`
	File string `arg:"" help:"help_case_misuse_file"`
	By   string `help:"help_by"`
}

// Run hands a list of misused cards or accounts to the process. It comes from
// a file or from standard input ("-"), never from the command line, which other
// accounts can read and shells remember.
func (c caseMisuseCmd) Run(a *app) error {
	in, closeFile, err := a.listFile(c.File)
	if err != nil {
		return err
	}
	defer closeFile()
	items, err := readMisuse(in)
	if err != nil {
		return fault.New(fault.ConfigUnreadable, "what", c.File).Because(err)
	}
	op, done, err := a.caseDesk()
	if err != nil {
		return err
	}
	defer done()
	key, err := a.key()
	if err != nil {
		return err
	}
	ask := control.MisuseRequest{Case: c.Case, By: a.person(c.By), Lang: string(a.lang), Key: key}
	if len(items) > misuseSent {
		ask.List, ask.Of = rand.Text(), uint64(len(items))
	}
	for i := 0; i == 0 || i < len(items); i += misuseSent { // an empty list is refused by the case
		ask.Items = items[i:min(i+misuseSent, len(items))]
		r, err := op.Misuse(a.ctx, ask)
		if err != nil {
			return err
		}
		if i+misuseSent >= len(items) {
			return a.out(r, func() { a.print("case_recorded", "case", r.Case) })
		}
	}
	return nil
}

// misuseSent bounds the items of one request, misuseChunk those of one event: a
// line of the ledger has at most 64 KiB.
const (
	misuseSent  = 2000
	misuseChunk = 200
)

// readMisuse reads lines of number, day of the misuse, and pairs of place and
// day of an earlier use. Its errors name the line and nothing of what it holds.
func readMisuse(r io.Reader) ([]control.MisuseItem, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = -1
	var out []control.MisuseItem
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		line := 0
		if bad := (*csv.ParseError)(nil); errors.As(err, &bad) {
			line = bad.Line
		} else if err == nil {
			line, _ = in.FieldPos(0)
		}
		wrong := fmt.Errorf("line %d is not: number,YYYY-MM-DD of the misuse, and pairs of place,YYYY-MM-DD of earlier uses", line)
		if err != nil || len(row) < 2 || len(row)%2 != 0 || row[0] == "" {
			return nil, wrong
		}
		days := make([]int64, len(row)/2)
		for i := range days {
			day, err := time.ParseInLocation(time.DateOnly, row[2*i+1], rule.Tokyo)
			if err != nil {
				return nil, wrong
			}
			days[i] = day.UnixNano()
		}
		m := control.MisuseItem{Number: row[0], At: days[0]}
		for i, day := range days[1:] {
			m.Uses = append(m.Uses, event.Usage{Place: event.Place(row[2*i+2]), At: day})
		}
		out = append(out, m)
	}
}

// Misuse implements control.Operator.
func (p *process) Misuse(ctx context.Context, r control.MisuseRequest) (control.CaseReceipt, error) {
	key, err := p.ring.Current(event.Tenant(p.cfg.Tenant), keyring.Identifier)
	if err != nil {
		return control.CaseReceipt{}, keysFault(p.cfg.Keys, p.file, err)
	}
	hasher := key.Hasher()
	items := make([]event.Misuse, len(r.Items))
	for i, m := range r.Items {
		items[i] = event.Misuse{Token: desk.Token(hasher, m.Number), At: m.At, Uses: m.Uses}
	}
	if r.List == "" && len(items) > misuseChunk { // several events are one list
		r.List, r.Of = rand.Text(), uint64(len(items))
	}
	var out control.CaseReceipt
	for i := 0; i == 0 || i < len(items); i += misuseChunk {
		b := &event.CaseMisuse{Case: r.Case, Report: "misuse", Items: items[i:min(i+misuseChunk, len(items))], By: r.By, List: r.List, Of: r.Of}
		if out, err = p.recordCase(ctx, b, callerOf(ctx, r.Key)); err != nil {
			return out, refusedIn(err, r.Lang)
		}
	}
	p.cases.look()
	return out, nil
}
