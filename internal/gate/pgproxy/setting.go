package pgproxy

import (
	"bytes"

	"sekisho/internal/sqlscan"
)

// keepsSettings says that a command keeps a setting of the session as it is now
// for others: with a function, a role or a database.
func (c *command) keepsSettings() bool {
	switch c.st.Kind {
	case sqlscan.CreateRoutine, sqlscan.DDL, sqlscan.Unknown, sqlscan.AlterSystem:
		return bytes.Contains(c.st.Canon, []byte(" from current"))
	}
	return false
}

// fixedSettings are those that neither code nor a role's beginning can choose.
var fixedSettings = words(`server_version server_version_num server_encoding lc_collate lc_ctype block_size integer_datetimes
	in_hot_standby is_superuser max_connections max_identifier_length data_checksums segment_size wal_block_size debug_assertions ssl_library`)

// showsValue says that SHOW returns a setting that may have been chosen: what
// was chosen tells, also of a few words.
func showsValue(c *command) bool { return c.st.All || !fixedSettings[c.name()] }
