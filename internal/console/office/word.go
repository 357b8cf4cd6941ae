package office

// Word is a word of the console and what it means, in one language.
type Word struct {
	ID    string `json:"id"` // a stable word
	Name  string `json:"name"`
	Means string `json:"means"`
}
