package office

import "context"

// Crew is who is on duty.
type Crew interface {
	// Duty returns every rank, in the order in which they are called, and who
	// holds it now. Without a file of people there are none.
	Duty(ctx context.Context) ([]Rank, error)
}

// Rank is a rank of the people on duty.
type Rank struct {
	Rank   string   `json:"rank"`
	People []OnDuty `json:"people"` // in the order in which they are called; empty: nobody
}

// OnDuty is somebody who is called.
type OnDuty struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Stands string `json:"stands"` // there, stands in, away
}
