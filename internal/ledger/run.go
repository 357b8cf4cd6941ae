package ledger

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"sekisho/internal/durable"
)

// run is the content of run.json: the last run of a writer.
type run struct {
	// Boot names the start of the operating system. When it is the same at
	// the next Open, no power cut can have taken anything.
	Boot    string `json:"boot"`
	Started int64  `json:"started"` // UTC ns since 1970
	Clean   bool   `json:"clean"`   // the run has ended with Close
}

func readRun(fsys durable.FS) (run, error) {
	var r run
	text, err := durable.ReadFile(fsys, runName)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("%s: %w", runName, err)
	}
	return r, nil
}

func writeRun(fsys durable.FS, r run) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return durable.WriteFile(fsys, runName, append(text, '\n'), 0o600)
}

// bootID returns what Linux calls the boot id (proc(5), random/boot_id), or ""
// where there is none: then every unclean end may have been a power cut.
func bootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
