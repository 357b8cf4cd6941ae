// Package pgcopy splits the data of COPY … TO STDOUT and COPY … FROM STDIN
// into rows and finds chosen columns of each, across any division into
// CopyData messages.
//
// It does not parse the COPY statement (package sqlscan does), keeps no row,
// and changes no byte.
//
// Sources: PostgreSQL 15 documentation of COPY, "File Formats", and
// src/backend/commands/copyfromparse.c (CopyReadLineText,
// CopyReadAttributesText, CopyReadAttributesCSV). Bytes are taken as ASCII
// supersets: with a client encoding whose characters may hold ASCII bytes
// (pgwire.EncodingSafe) the split is not reliable.
package pgcopy
