package webui

import (
	"testing"
	"time"
)

// TestZoom: what the script draws has a figure a part, none where it could be anybody,
// says that nobody asked for the beginning, and ends no sooner than the last part.
func TestZoom(t *testing.T) {
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	bars := []bar{
		{From: at, To: at.Add(time.Hour), Confirmed: 3, Reachable: 5, Open: true},
		{From: at.Add(time.Hour), To: at.Add(2*time.Hour + time.Millisecond), Reachable: 9, Blind: true},
	}
	const want = `{"at":[1795305600,1795309200],"confirmed":[3,0],"reachable":[5,null],"end":1795312801,"open":true}`
	if got := zoomOf(bars); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
