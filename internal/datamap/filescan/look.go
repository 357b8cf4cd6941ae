package filescan

import (
	"context"

	"sekisho/internal/datamap/document"
)

// Looker reads one object after another, for who is told of them as they come. It is
// used by one goroutine.
type Looker struct {
	t      *tally
	reader document.Reader
}

// NewLooker returns a Looker whose spools are in temp, the system's directory for them
// when empty.
func NewLooker(temp string) *Looker {
	return &Looker{t: newTally(), reader: document.Reader{Temp: temp}}
}

// Look reads an object. What cannot be read is in its Troubles; the error is the
// context's.
func (l *Looker) Look(ctx context.Context, d document.Object) (*Object, error) {
	o := &Object{Path: d.Path, Size: max(d.Size, 0), Modified: d.Modified, Public: d.Public}
	if d.Trouble != 0 {
		o.Troubles = []Unread{{Trouble: d.Trouble, Name: d.Trouble.String()}}
		return o, nil
	}
	l.t.reset()
	if _, err := d.Content.Read(ctx, &l.reader, l.t); err != nil {
		return nil, err
	}
	l.t.into(o)
	return o, nil
}
