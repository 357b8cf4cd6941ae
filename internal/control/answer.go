package control

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"sekisho/internal/fault"
)

// MaxAnswer is the largest answer of a call that is no stream, in bytes: it is in
// memory as a whole, here and there.
const MaxAnswer = 64 << 20

// errLarge is of an answer of which nothing was sent.
var errLarge = errors.New("the answer is too large")

// reply answers with a value as JSON; false: it is larger than MaxAnswer, and nothing
// was sent.
func (x *exchange) reply(a any) bool {
	// Other errors are a client that went away; there is nobody to tell.
	return !errors.Is(json.NewEncoder(&whole{x.w}).Encode(a), errLarge)
}

// whole writes an answer that comes in one piece, as package json encodes, to a client
// that reads.
type whole struct{ w http.ResponseWriter }

// Write implements io.Writer.
func (a *whole) Write(b []byte) (int, error) {
	if len(b) > MaxAnswer {
		return 0, errLarge
	}
	a.w.Header().Set("Content-Type", "application/json")
	a.w.WriteHeader(http.StatusOK)
	out := &lateWriter{w: a.w, control: http.NewResponseController(a.w)}
	n := 0
	for part := range slices.Chunk(b, stallBytes) {
		m, err := out.Write(part)
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// stall is how long a client may take none of stallBytes of an answer.
const (
	stall      = time.Minute
	stallBytes = 64 << 10
)

// lateWriter notes whether anything was written, and gives up on a client that
// reads no more.
type lateWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

// Write implements io.Writer.
func (l *lateWriter) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	l.begun = true
	if err := l.control.SetWriteDeadline(time.Now().Add(stall)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return l.w.Write(b)
}

// decoded reads the answer of a call.
func decoded[A any](ctx context.Context, c *Client, name string, body io.Reader) (a A, err error) {
	in := &answer{r: body, left: MaxAnswer + 1}
	err = json.NewDecoder(in).Decode(&a)
	switch {
	case err == nil:
	case in.left == 0:
		err = fault.New(fault.AnswerLarge, "call", name, "most", MaxAnswer>>20)
	case in.err != nil: // it broke off
		err = c.notRunning(ctx, in.err)
	default:
		err = fault.New(fault.ControlRefused, "problem", "the answer is not understood", "hint", "use the same version for both").Because(err)
	}
	return a, err
}

// answer reads so many bytes at most, and keeps why it ended before the answer did.
type answer struct {
	r    io.Reader
	left int
	err  error // not io.EOF, but io.ErrUnexpectedEOF
}

// Read implements io.Reader.
func (a *answer) Read(b []byte) (int, error) {
	if a.left == 0 {
		return 0, io.EOF
	}
	n, err := a.r.Read(b[:min(len(b), a.left)])
	if a.left -= n; err != nil && !errors.Is(err, io.EOF) {
		a.err = err
	}
	return n, err
}
