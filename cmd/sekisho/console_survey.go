package main

import (
	"context"

	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/internal/config"
	consoleoffice "sekisho/internal/console/office"
	"sekisho/internal/datamap"
	"sekisho/internal/fault"
)

// Survey implements office.Mapper. The database is the one that the file names now, as
// for a command; where the process reaches it already, its sessions are known as its own.
func (c *console) Survey(ctx context.Context, r consoleoffice.SurveyRequest) (*consoleoffice.Survey, error) {
	l, err := config.Load(c.file)
	if err != nil {
		return nil, err
	}
	d, dsn, err := baseToSurvey(l, r.Database)
	if err != nil {
		return nil, err
	}
	if d == nil {
		return nil, surveyUnknown(printerOf(r.Lang), r.Database)
	}
	var attach func(*pgconn.Config)
	if gated(l, d) {
		attach = (&datamap.Control{ServerName: d.TLS.ServerName}).Attach
	}
	if known, own, ok := c.lookedAt(d.Name); ok {
		dsn, attach = known, own
	}
	ask := askOf(d)
	ask.Drift = r.Check
	look, err := ask.look(ctx, dsn, attach, c.now)
	if err != nil {
		return nil, fault.New(fault.DatabaseConnect, "database", d.Name, "address", "").Because(withoutText(err))
	}
	return &consoleoffice.Survey{Database: d.Name, Proposal: look.Proposal, Skipped: look.Skipped, Drift: look.Drift}, nil
}
