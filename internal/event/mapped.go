package event

// Drift is how a database differs from what the configuration says of it, all of it
// at one look. A later one of the same Database replaces it; one without Items says
// that nothing differs any more.
type Drift struct {
	Database Place `json:"database"`
	At       int64 `json:"at"` // UTC ns
	// Items are at most MaxDrift differences, in order of tables and columns; Count
	// is how many there are.
	Items []DriftItem `json:"items,omitempty"`
	Count int         `json:"count"`
}

// MaxDrift bounds the items of one Drift, so that it fits into one event.
const MaxDrift = 200

// DriftItem is one difference.
type DriftItem struct {
	Table  string `json:"table"`
	Column string `json:"column,omitempty"`
	// What is one of "new table", "new column", "other element", "not plain", "gone"
	// (package datamap/propose).
	What       string `json:"what"`
	Configured string `json:"configured,omitempty"` // element
	Found      string `json:"found,omitempty"`      // element
}

// Kind implements Body.
func (*Drift) Kind() Kind { return KindDrift }

func (b *Drift) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }

// Copied says that what rests at Place was made from other places: it is a dump, a
// base backup or a snapshot. It labels; who rests at Place is a HoldingScan's word.
type Copied struct {
	Place Place `json:"place"`
	At    int64 `json:"at"` // UTC ns, when it was seen
	// Of are the places it was made from; a database when its tables cannot be told.
	Of []Place `json:"of"`
	// How it was recognised: "pg_dump", "mysqldump", "base backup", "snapshot",
	// "subjects" when it holds the same ones.
	How string `json:"how"`
	// Subjects is how many of the place's subjects Of have held, when How is
	// "subjects".
	Subjects uint64 `json:"subjects,omitempty"`
}

// Kind implements Body.
func (*Copied) Kind() Kind { return KindCopied }

func (b *Copied) appendJSON(dst []byte) []byte { return appendStruct(dst, b) }
