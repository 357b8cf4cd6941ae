package main

import (
	"context"
	"time"

	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/view/casefile/roster"
)

// Duty implements office.Crew.
func (c *console) Duty(context.Context) ([]consoleoffice.Rank, error) {
	return dutyAt(c.cases.desk.Firm.Roster, c.now()), nil
}

// dutyAt is who holds each rank at a time; nothing where nobody is written down.
func dutyAt(r *roster.Roster, t time.Time) (out []consoleoffice.Rank) {
	if r == nil || len(r.People) == 0 {
		return nil
	}
	for _, rank := range roster.Ranks {
		row := consoleoffice.Rank{Rank: rank}
		for _, d := range r.Duty(rank, t) {
			row.People = append(row.People, consoleoffice.OnDuty{ID: d.ID, Name: d.Name, Stands: string(d.Stands)})
		}
		out = append(out, row)
	}
	return out
}
