// Package sqltype gives the types of MySQL and MariaDB the names of PostgreSQL's, by
// what matters to who reads keys and judges columns: whether a value is a number, a
// text, and whether equal values have equal bytes.
//
// It converts no value.
package sqltype

import "strings"

// MySQL returns PostgreSQL's name for a DATA_TYPE and COLLATION_NAME of
// information_schema.COLUMNS. A text whose collation takes different bytes for equal is
// citext.
func MySQL(dataType, collation string) string {
	switch t := strings.ToLower(dataType); t {
	case "tinyint", "smallint", "year":
		return "int2"
	case "mediumint", "int":
		return "int4"
	case "bigint":
		return "int8"
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set":
		if collation != "" && collation != "binary" && !strings.HasSuffix(collation, "_bin") {
			return "citext"
		}
		return "varchar"
	case "inet4", "inet6":
		return "inet"
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob":
		return "bytea"
	case "datetime", "timestamp":
		return "timestamp"
	default: // json, uuid, date, time, decimal, double: the same, or of no matter
		return t
	}
}
