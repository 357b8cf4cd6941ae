package proof

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bundle is a disclosure bundle: a scope result with its evidence. Its file is
// a ZIP archive, docs/format/bundle.md.
type Bundle struct {
	Scope    []byte // the result, JSON, as it was shown
	Evidence Evidence
}

// BundleVersion is the version of the bundle format.
//
//	1  2026-11-22  first
const BundleVersion = 1

// Names of the files in the archive, in the order in which they are written.
const (
	manifestFile   = "bundle.json"
	scopeFile      = "scope.json"
	checkpointFile = "checkpoint"
	segmentsFile   = "segments.jsonl"
	linesFile      = "lines.jsonl"
)

type manifest struct {
	Version int    `json:"v"`
	Key     string `json:"key"`
	Scope   Hash   `json:"scope"` // SHA-256 of scope.json
}

type segmentRecord struct {
	Leaf    string   `json:"leaf"`
	Path    []Hash   `json:"path"`
	Members []uint64 `json:"members"`
	Hashes  []Hash   `json:"hashes"`
}

// WriteBundle writes the archive of b.
func WriteBundle(w io.Writer, b *Bundle) error {
	z := zip.NewWriter(w)
	files := []struct {
		name  string
		write func(io.Writer) error
	}{
		{manifestFile, func(w io.Writer) error {
			return json.NewEncoder(w).Encode(manifest{BundleVersion, b.Evidence.Key, sha256.Sum256(b.Scope)})
		}},
		{scopeFile, writeAll(b.Scope)},
		{checkpointFile, writeAll(b.Evidence.Checkpoint)},
		{segmentsFile, b.Evidence.writeSegments},
		{linesFile, b.Evidence.writeLines},
	}
	for _, f := range files {
		out, err := z.Create(f.name)
		if err != nil {
			return err
		}
		if err := f.write(out); err != nil {
			return fmt.Errorf("bundle: %s: %w", f.name, err)
		}
	}
	return z.Close()
}

func writeAll(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}

func (e *Evidence) writeSegments(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, s := range e.Segments {
		if err := enc.Encode(segmentRecord{string(s.Leaf), s.Path, s.Members, s.Hashes}); err != nil {
			return err
		}
	}
	return nil
}

func (e *Evidence) writeLines(w io.Writer) error {
	out := bufio.NewWriter(w)
	for _, s := range e.Segments {
		for _, line := range s.Lines {
			out.Write(line) // Flush reports the error
			out.WriteByte('\n')
		}
	}
	return out.Flush()
}

// MaxBundle bounds the uncompressed size of each file of a bundle that is
// read, in bytes.
const MaxBundle = 4 << 30

// maxRecord bounds one line of a file in a bundle, in bytes.
const maxRecord = 256 << 20

// ReadBundle reads an archive. It checks the form only; Check checks the rest.
func ReadBundle(r io.ReaderAt, size int64) (*Bundle, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	var m manifest
	b := new(Bundle)
	text, err := readFile(z, manifestFile)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("bundle: %s: %w", manifestFile, err)
	}
	if m.Version != BundleVersion {
		return nil, fmt.Errorf("bundle of version %d, this program reads %d", m.Version, BundleVersion)
	}
	b.Evidence.Key = m.Key
	if b.Scope, err = readFile(z, scopeFile); err != nil {
		return nil, err
	}
	if sha256.Sum256(b.Scope) != m.Scope {
		return nil, fmt.Errorf("bundle: %s was changed", scopeFile)
	}
	if b.Evidence.Checkpoint, err = readFile(z, checkpointFile); err != nil {
		return nil, err
	}
	if err := eachRecord(z, segmentsFile, b.Evidence.readSegment); err != nil {
		return nil, err
	}
	return b, b.Evidence.readLines(z)
}

func (e *Evidence) readSegment(text []byte) error {
	var s segmentRecord
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	e.Segments = append(e.Segments, SegmentEvidence{Leaf: []byte(s.Leaf), Path: s.Path, Members: s.Members, Hashes: s.Hashes})
	return nil
}

// readLines deals the lines out to the segments.
func (e *Evidence) readLines(z *zip.Reader) error {
	i := 0
	err := eachRecord(z, linesFile, func(text []byte) error {
		for i < len(e.Segments) && len(e.Segments[i].Lines) == len(e.Segments[i].Members) {
			i++
		}
		if i == len(e.Segments) {
			return errors.New("more lines than positions")
		}
		e.Segments[i].Lines = append(e.Segments[i].Lines, bytes.Clone(text))
		return nil
	})
	return err
}

func openFile(z *zip.Reader, name string) (io.ReadCloser, error) {
	for _, f := range z.File {
		if f.Name == name {
			return f.Open()
		}
	}
	return nil, fmt.Errorf("bundle: %s is missing", name)
}

func readFile(z *zip.Reader, name string) ([]byte, error) {
	f, err := openFile(z, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRecord+1))
	if err == nil && len(text) > maxRecord {
		err = errors.New("it is too big")
	}
	if err != nil {
		return nil, fmt.Errorf("bundle: %s: %w", name, err)
	}
	return text, nil
}

func eachRecord(z *zip.Reader, name string, fn func(text []byte) error) error {
	f, err := openFile(z, name)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewScanner(io.LimitReader(f, MaxBundle))
	in.Buffer(nil, maxRecord)
	for n := 1; in.Scan(); n++ {
		if err := fn(in.Bytes()); err != nil {
			return fmt.Errorf("bundle: %s, line %d: %w", name, n, err)
		}
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("bundle: %s: %w", name, err)
	}
	return nil
}

// Checked is what a bundle was found to show.
type Checked struct {
	Verified
	// Frozen is the line by which the ledger has recorded the scope result.
	Frozen Line
}

// ErrNotFrozen is returned when every line of a bundle is in the ledger, but
// none of them records the scope result: the result is then only a claim.
var ErrNotFrozen = errors.New("no line of the evidence records the scope result")

// Check checks that every line of the evidence is in the ledger of the given
// key and that one of them records the scope result of the bundle. It does not
// compute the scope again; the caller can, from Lines.
func (b *Bundle) Check(keys Keys) (*Checked, error) {
	v, err := b.Evidence.Verify(keys)
	if err != nil {
		return nil, err
	}
	digest := ScopeDigest(b.Scope)
	for _, line := range v.Lines {
		if isFrozen(line.Text, digest) {
			return &Checked{*v, line}, nil
		}
	}
	return nil, ErrNotFrozen
}

// ScopeDigest returns how a frozen scope result is recorded in the ledger:
// "sha256:" and 64 hexadecimal digits.
func ScopeDigest(scope []byte) string { return "sha256:" + Hash(sha256.Sum256(scope)).String() }

// kindScopeFrozen is the number of the event, docs/format/event.md.
const kindScopeFrozen = 50

func isFrozen(line []byte, digest string) bool {
	if !strings.Contains(string(line), digest) {
		return false
	}
	var e struct {
		Kind int `json:"k"`
		Body struct {
			Digest string `json:"digest"`
		} `json:"b"`
	}
	return json.Unmarshal(line, &e) == nil && e.Kind == kindScopeFrozen && e.Body.Digest == digest
}
