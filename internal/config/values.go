package config

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"sekisho/internal/fault"
)

// Duration is a length of time, written "100ms", "10m", "24h".
type Duration time.Duration

// valueError is a value of a wrong form, with its place.
type valueError struct {
	error
	at *token.Token
}

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (d *Duration) UnmarshalYAML(n ast.Node) error {
	if err := d.UnmarshalText([]byte(n.GetToken().Value)); err != nil {
		return &valueError{err, n.GetToken()}
	}
	return nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil || v <= 0 {
		return fmt.Errorf("%q is no length of time; write for example 100ms, 10m or 24h", text)
	}
	*d = Duration(v)
	return nil
}

// String returns the form that UnmarshalText reads.
func (d Duration) String() string { return time.Duration(d).String() }

// Bytes is a size, written "64MiB", "512KiB", "1GiB" or as a number of bytes.
type Bytes int64

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (b *Bytes) UnmarshalYAML(n ast.Node) error {
	if err := b.UnmarshalText([]byte(n.GetToken().Value)); err != nil {
		return &valueError{err, n.GetToken()}
	}
	return nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Bytes) UnmarshalText(text []byte) error {
	s, shift := string(text), 0
	for i, unit := range []string{"KiB", "MiB", "GiB"} {
		if n, ok := strings.CutSuffix(s, unit); ok {
			s, shift = strings.TrimSpace(n), 10*(i+1)
			break
		}
	}
	n, err := strconv.ParseUint(s, 10, 40)
	if err != nil || n == 0 || n<<shift > 1<<50 {
		return fmt.Errorf("%q is no size; write for example 64MiB", text)
	}
	*b = Bytes(n << shift)
	return nil
}

// String returns the form that UnmarshalText reads.
func (b Bytes) String() string {
	for _, u := range []struct {
		shift int
		name  string
	}{{30, "GiB"}, {20, "MiB"}, {10, "KiB"}} {
		if b != 0 && b%(1<<u.shift) == 0 {
			return fmt.Sprintf("%d%s", b>>u.shift, u.name)
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// Secret is a value that never shows: it prints as ***.
type Secret struct{ value string }

// NewSecret wraps a value.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal returns the value. Call it where the value is used, nowhere else.
func (s Secret) Reveal() string { return s.value }

// String, GoString and MarshalText hide the value from fmt, slog and encoders.
func (Secret) String() string { return "***" }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return "***" }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// maxSecret is the largest secret file, in bytes.
const maxSecret = 4096

// ReadSecret reads a secret file: its content without the final line end. The
// file must not be readable by group or others. An empty name is an empty
// secret.
func ReadSecret(file string) (Secret, error) {
	if file == "" {
		return Secret{}, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return Secret{}, fault.New(fault.SecretUnreadable, "file", file).Because(cause(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Secret{}, fault.New(fault.SecretUnreadable, "file", file).Because(cause(err))
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Secret{}, fault.New(fault.SecretMode, "file", file)
	}
	text := make([]byte, maxSecret)
	n, err := f.Read(text)
	if err != nil {
		return Secret{}, fault.New(fault.SecretUnreadable, "file", file).Because(cause(err))
	}
	return Secret{strings.TrimRight(string(text[:n]), "\r\n")}, nil
}

// cause drops the file name that the fault already shows.
func cause(err error) error {
	if p, ok := err.(*os.PathError); ok {
		return p.Err
	}
	return err
}
