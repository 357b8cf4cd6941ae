package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"time"

	"sekisho/internal/control"
	"sekisho/internal/durable"
	"sekisho/internal/event"
	"sekisho/internal/fault"
	"sekisho/internal/lang"
	"sekisho/internal/ledger"
	"sekisho/internal/viewdb"
)

// A ledger that cannot write stops for good (docs/decisions/ledger.md). The
// process stays: gates follow their fail mode, acts are refused, pages show what
// was recorded before. When it was for want of room, and there is room again, the
// run ends and the next one opens the ledger anew.

// errRoom ends a run whose ledger had stopped for want of room.
var errRoom = errors.New("there is room again")

const (
	// roomPace is how often the files of the ledger, or room for them, are looked for.
	roomPace = 2 * time.Second
	// roomBytes must fit before a run begins anew, so that it is not over at once.
	roomBytes = 8 << 20
	// outageFile, below the data directory, says from when on nothing was
	// recorded, until a start has written that into the ledger.
	outageFile = "outage.json"
	roomFile   = "room" + durable.TempSuffix
)

// outageNote is the content of outageFile.
type outageNote struct {
	From   int64  `json:"from"` // UTC ns since 1970
	Reason string `json:"reason"`
}

// diskFull reports whether something could not be written for want of room.
func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || viewdb.Full(err)
}

// files are the files below a directory.
func (p *process) files(dir string) durable.FS {
	if p.disk != nil {
		return p.disk(dir)
	}
	return durable.Dir(dir)
}

// outage says since when and why the ledger cannot be written; nil: it can.
func (p *process) outage() *control.Outage {
	if p.ledger == nil {
		return nil
	}
	at, cause := p.ledger.Stopped()
	if at.IsZero() {
		return nil
	}
	return &control.Outage{Since: at, Code: p.outageCode(cause), Dir: ledgerDir(p.cfg.Config), Cause: cause.Error()}
}

// outageCode decides, when it is asked first, whether the ledger stopped because its
// files are gone, or for want of room only. Not everything that writes says the latter
// in its error: where hardly anything is left, that was it.
func (p *process) outageCode(cause error) fault.Code {
	p.stopped.Do(func() {
		dir := ledgerDir(p.cfg.Config)
		free, _, _, known := diskFree(dir)
		switch {
		case errors.Is(cause, ledger.ErrSync):
			p.stopCode = fault.LedgerBroken
		case errors.Is(cause, errLost) || p.away():
			p.stopCode = fault.LedgerLost
		case diskFull(cause) || known && free < roomBytes/8:
			p.stopCode = fault.LedgerFull
		default:
			p.stopCode = fault.LedgerBroken
		}
	})
	return p.stopCode
}

// errLost stops a ledger whose files somebody removed, moved or put others in the
// place of: what it would still write nobody could read.
var errLost = errors.New("what was recorded is not there")

// away reports whether the directory is no longer that of the ledger. It is cheap, and
// is asked for as long as the process runs: files that were removed can be written on.
func (p *process) away() bool {
	dir := ledgerDir(p.cfg.Config)
	id, err := ledger.ReadIdentity(dir)
	return errors.Is(err, ledger.ErrNotLedger) || err == nil && id != p.ledger.Identity()
}

// lost reports whether the files no longer hold what the ledger says it has.
func (p *process) lost() bool {
	if p.away() {
		return true
	}
	head := p.ledger.Head() // first: the files may grow meanwhile, never shrink
	r, err := ledger.OpenReader(ledgerDir(p.cfg.Config))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	end, err := r.End(context.Background())
	return errors.Is(err, fs.ErrNotExist) || err == nil && end < head
}

// stops reports whether an error of a part tells that the ledger can go on no more, and
// stops it then: a disk that is full for a view is full for the ledger, and a part that
// cannot read the ledger because its files are gone is not the only one. So one state is
// shown, and one thing mends it.
func (p *process) stops(name string, err error) bool {
	switch {
	case p.ledger == nil:
		return false
	case diskFull(err):
		p.ledger.Stop(fmt.Errorf("%s: %w", name, err))
	case p.lost():
		p.ledger.Stop(fmt.Errorf("%w: %s: %w", errLost, name, err))
	default:
		return false
	}
	return true
}

// excused reports that a part may end because the ledger has stopped.
func (p *process) excused(name string, err error) bool {
	if !errors.Is(err, event.ErrStopped) && !p.stops(name, err) {
		return false
	}
	p.log.Warn("a part rests until the ledger can be written", "part", name)
	return true
}

// viewFault says why a view cannot be asked. When the ledger can go on no more for the
// same reason, that is the outage.
func (p *process) viewFault(file string, err error) error {
	if p.stops(file, err) {
		if o := p.outage(); o != nil {
			return o.Fault()
		}
	}
	return fault.New(fault.ViewOpen, "file", file).Because(err)
}

// watchLedger says when the ledger stops, and when it can go on.
func (p *process) watchLedger(ctx context.Context) error {
	tick := time.NewTicker(roomPace)
	defer tick.Stop()
	for failed := false; !failed; {
		select {
		case <-ctx.Done():
			return nil
		case <-p.ledger.Failed():
			failed = true
		case <-tick.C:
			if p.away() {
				p.ledger.Stop(errLost)
			}
		}
	}
	o := p.outage()
	if o == nil { // closed
		<-ctx.Done()
		return nil
	}
	p.sayOutage(o)
	// On a full disk this may fail, and is tried again before the run ends.
	if err := p.noteOutage(o); err != nil {
		p.log.Warn("the outage could not be noted yet", "err", err)
	}
	if o.Code != fault.LedgerFull {
		<-ctx.Done()
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if p.hasRoom() == nil && p.noteOutage(o) == nil {
			break
		}
	}
	p.sayOutage(o) // the log may lie on the same disk
	p.log.Warn("there is room again: gates, ledger and console begin anew")
	close(p.room)
	<-ctx.Done()
	return nil
}

func (p *process) sayOutage(o *control.Outage) {
	f := o.Fault()
	p.log.Error(f.What(lang.English), "code", f.Code.String(), "since", at(o.Since), "try", f.Try(lang.English))
}

// hasRoom tries whether ledger and views could go on.
func (p *process) hasRoom() error {
	for _, dir := range []string{ledgerDir(p.cfg.Config), viewDir(p.cfg.Config)} {
		files := p.files(dir)
		err := durable.WriteStream(files, roomFile, 0o600, func(w io.Writer) error {
			block := make([]byte, 1<<20)
			for range roomBytes / len(block) {
				if _, err := w.Write(block); err != nil {
					return err
				}
			}
			return nil
		})
		for _, name := range []string{roomFile, roomFile + durable.TempSuffix} {
			if gone := files.Remove(name); !errors.Is(gone, fs.ErrNotExist) {
				err = errors.Join(err, gone)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// noteOutage keeps for the next start from when on nothing was recorded.
func (p *process) noteOutage(o *control.Outage) error {
	note := outageNote{From: o.Since.UnixNano(), Reason: "the disk of the ledger failed"}
	switch o.Code {
	case fault.LedgerFull:
		note.Reason = "the disk of the ledger was full"
	case fault.LedgerLost:
		note.Reason = "the files of the ledger were gone"
	}
	text, err := json.Marshal(note)
	if err != nil {
		return err
	}
	return durable.WriteFile(p.files(p.cfg.Data), outageFile, append(text, '\n'), 0o600)
}

// recordOutage reads what an outage of an earlier run left, records what passed
// meanwhile where flows leave, and returns what is to be recorded of databases.
// The gap begins with the last event that is in the ledger, if that is earlier,
// and ends now: no gate has begun.
func (p *process) recordOutage(ctx context.Context) ([]event.Body, error) {
	text, err := durable.ReadFile(p.files(p.cfg.Data), outageFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var note outageNote
	if err == nil {
		err = json.Unmarshal(text, &note)
	}
	if err != nil {
		return nil, fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(fmt.Errorf("%s: %w", outageFile, err))
	}
	from := note.From
	if last := p.past.last; last > 0 {
		from = min(from, last)
	}
	p.left = &event.Gap{From: from, To: p.now().UnixNano(), Reason: note.Reason}
	p.log.Warn("nothing was recorded for a while: the gap is written down", "reason", note.Reason, "from", event.Time(p.left.From), "to", event.Time(p.left.To))
	if err := p.recordLoss(ctx, p.left); err != nil {
		return nil, err
	}
	if p.site() != "" || len(p.cfg.Databases) == 0 { // recordLoss told the hub too
		return nil, nil
	}
	gap := *p.left
	for i := range p.cfg.Databases {
		gap.Places = append(gap.Places, place(&p.cfg.Databases[i]))
	}
	return []event.Body{&gap}, nil
}

// forgetOutage removes the note of an outage that is in the ledger.
func (p *process) forgetOutage() error {
	if p.left == nil {
		return nil
	}
	files := p.files(p.cfg.Data)
	if err := errors.Join(files.Remove(outageFile), files.SyncDir(".")); err != nil {
		return fault.New(fault.LedgerOpen, "dir", ledgerDir(p.cfg.Config)).Because(err)
	}
	return nil
}

// endOf is how a run ended: all errors, or the outage that caused them.
func (p *process) endOf(err, all error) error {
	if errors.Is(err, errRoom) {
		return errRoom // what could not be recorded on the way is in the gap
	}
	o := p.outage()
	if o == nil && errors.Is(err, errUpgrade) {
		if err := withoutUpgrade(all); err != nil {
			p.log.Warn("not all parts stopped cleanly", "err", err)
		}
		return errUpgrade
	}
	if o == nil {
		return all
	}
	if bad := p.noteOutage(o); bad != nil {
		p.log.Warn("the outage could not be noted: gates are missing as silent only", "err", bad)
	}
	return o.Fault()
}
