package main

// viewKeeper keeps the views in step with the ledger.
type viewKeeper struct{ process *process }

func (p *process) startView(*stage) error {
	p.view = &viewKeeper{p}
	return nil
}

// folded returns how many events the view holds.
func (v *viewKeeper) folded() uint64 { return uint64(v.process.ledger.Head()) }
