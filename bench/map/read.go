package main

import (
	"context"
	"errors"
	"io"
	"os"

	"sekisho/internal/datamap/document"
	"sekisho/internal/element"
)

// readOnce reads a file and counts its text.
func readOnce(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() // of a reader
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var c counter
	if err := (&document.Reader{}).Read(context.Background(), name, f, info.Size(), &c); err != nil {
		return err
	}
	if c.bytes == 0 || c.troubles > 0 {
		return errors.New("the workbook was not read")
	}
	return nil
}

// counter is a document.Sink that counts.
type counter struct{ bytes, columns, troubles int }

func (c *counter) Text(string, element.Encoding) io.WriteCloser { return c }
func (c *counter) Table(string) document.Table                  { return (*countedTable)(c) }
func (c *counter) Trouble(string, document.Trouble, string)     { c.troubles++ }
func (c *counter) Write(p []byte) (int, error)                  { c.bytes += len(p); return len(p), nil }
func (c *counter) Close() error                                 { return nil }

type countedTable counter

func (c *countedTable) Column(string) int        { c.columns++; return c.columns - 1 }
func (c *countedTable) Cell(_ int, value []byte) { c.bytes += len(value) }
func (c *countedTable) EndRow()                  {}
func (c *countedTable) Close()                   {}
