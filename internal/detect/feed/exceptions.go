package feed

import (
	"slices"
	"time"

	"sekisho/internal/detect"
	"sekisho/internal/event"
)

// Book is every Detection and every exception in force, folded from events.
type Book struct {
	Detections []*event.Detection
	Exceptions []event.DetectionException
}

// Fold takes one event.
func (b *Book) Fold(body event.Body) {
	switch x := body.(type) {
	case *event.Detection:
		b.Detections = append(b.Detections, x)
	case *event.DetectionException:
		b.Exceptions = slices.DeleteFunc(b.Exceptions, func(o event.DetectionException) bool { return o.ID == x.ID })
		if x.Step == "make" {
			b.Exceptions = append(b.Exceptions, *x)
		}
	}
}

// Covered returns the exception that covers d, made before or after it.
func (b *Book) Covered(d *event.Detection) (string, bool) {
	f := detect.Finding{Kind: detect.Kind(d.What), At: event.Time(d.At), Host: d.Host, Dest: d.Dest}
	for i := range b.Exceptions {
		x := &b.Exceptions[i]
		e := detect.Exception{Kind: detect.Kind(x.What), Host: x.Host, Dest: x.Dest}
		if x.Until != 0 {
			e.Until = time.Unix(0, x.Until)
		}
		if e.Covers(&f) {
			return x.ID, true
		}
	}
	return "", false
}
