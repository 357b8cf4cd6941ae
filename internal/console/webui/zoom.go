package webui

import (
	"encoding/json"
	"time"
)

// zoom is the picture over time for the script that lets somebody read it closely and
// choose a part of it: parallel lists, one number a part.
type zoom struct {
	At        []int64   `json:"at"` // seconds since 1970, where each part begins
	Confirmed []uint64  `json:"confirmed"`
	Reachable []*uint64 `json:"reachable"` // null: anybody, so there is no figure to draw
	End       int64     `json:"end"`       // rounded up: who chooses up to the end misses nothing
	Open      bool      `json:"open"`      // nobody asked for the beginning
}

// zoomOf is what the script draws.
func zoomOf(bars []bar) string {
	z := zoom{End: bars[len(bars)-1].To.Add(time.Second - 1).Unix(), Open: bars[0].Open}
	for i := range bars {
		b := &bars[i]
		z.At, z.Confirmed = append(z.At, b.From.Unix()), append(z.Confirmed, b.Confirmed)
		if b.Blind {
			z.Reachable = append(z.Reachable, nil)
		} else {
			z.Reachable = append(z.Reachable, &b.Reachable)
		}
	}
	text, err := json.Marshal(z)
	if err != nil {
		panic("webui: " + err.Error()) // numbers only
	}
	return string(text)
}
