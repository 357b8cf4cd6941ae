package cardproof

import "time"

// Evidence is what is handed to an acquirer.
type Evidence struct {
	Version int       `json:"version"`
	Made    time.Time `json:"made"`
	Tenant  string    `json:"tenant"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	// Log is the public key of the ledger, and Checkpoint its signed state: who
	// holds a later one can have the events shown that this was read from.
	Log        string `json:"log"`
	Checkpoint string `json:"checkpoint,omitempty"`
	Sites      []Site `json:"sites"`
}
