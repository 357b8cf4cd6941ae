package main

import (
	"context"
	"errors"
	"time"

	"sekisho/internal/desk"
	"sekisho/internal/notify"
)

// people looks at who is called.
func (d *doctor) people() {
	if d.l.Cases == "" {
		d.warn("people", d.a.say.Text("doctor_people_mend", "file", d.a.config), "doctor_people_none")
		return
	}
	firm, err := loadFirm(d.l, d.l.File)
	if err != nil {
		d.fault("people", d.a.say.Text("doctor_people_file", "file", d.l.Cases), err)
		return
	}
	if w := firm.Warnings(d.a.lang); len(w) > 0 {
		d.warn("people", d.a.self("case firm"), "doctor_people_warn", "n", len(w), "first", w[0])
	} else {
		d.ok("people", "doctor_people", "n", len(firm.People))
	}
	for _, w := range firm.Ways() {
		d.call(&w)
	}
}

// tryTime is how long a way to call people is waited for.
const tryTime = 5 * time.Second

// call looks whether a way to call people works. Nobody is called: whether a message
// arrives is what a test call shows.
func (d *doctor) call(w *desk.Way) {
	ctx, cancel := context.WithTimeout(d.a.ctx, tryTime)
	defer cancel()
	err := w.Try(ctx)
	if err == nil {
		d.ok("calls", "doctor_call", "way", w.Name, "server", w.Server)
		return
	}
	problem := err.Error()
	if ctx.Err() != nil {
		problem = d.a.say.Text("doctor_call_silent", "n", int(tryTime.Seconds()))
	}
	d.warn("calls", d.callMend(w, err), "doctor_call_bad", "way", w.Name, "server", w.Server, "problem", problem)
}

// callMend is the setting that is wrong, by the step that a trial came to.
func (d *doctor) callMend(w *desk.Way, err error) string {
	args := []any{"file", d.l.Cases, "secret", w.File, "server", w.Server, "way", w.Name}
	if w.Kind != "mail" {
		return d.a.say.Text("doctor_call_hook", args...)
	}
	var at *notify.TryError
	if errors.As(err, &at) {
		switch at.Step {
		case notify.StepTLS:
			return d.a.say.Text("doctor_call_tls", args...)
		case notify.StepCertificate:
			return d.a.say.Text("doctor_call_certificate", args...)
		case notify.StepLogin:
			if w.File == "" {
				return d.a.say.Text("doctor_call_password", args...)
			}
			return d.a.say.Text("doctor_call_login", args...)
		}
	}
	return d.a.say.Text("doctor_call_server", args...)
}
