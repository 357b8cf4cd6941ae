package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sekisho/demo/wiretap"
)

// plan is what the intruder's process is told on its standard input.
type plan struct {
	Target   string        `json:"target"` // host:port of the gate
	From     netip.Addr    `json:"from"`   // source address
	Database string        `json:"database"`
	User     string        `json:"user"`
	Password string        `json:"password"`
	Capture  string        `json:"capture"` // file for the bytes received
	Pause    time.Duration `json:"pause"`   // between two questions
	Calls    []call        `json:"calls"`
}

// step is what the process tells of each question on its standard output.
type step struct {
	Call    int    `json:"call"`
	Rows    int    `json:"rows"`
	Bytes   int    `json:"bytes"`
	Code    string `json:"code,omitempty"`    // SQLSTATE of a refusal
	Message string `json:"message,omitempty"` // of a refusal
}

// Intrude is the intruder's process: it reads its plan from in, asks its
// questions, writes every byte that it receives to the capture file, and tells
// what happened on out, a line of JSON a question. It ends quietly when it is
// cut off.
func Intrude(ctx context.Context, in io.Reader, out io.Writer) (err error) {
	var p plan
	if err := json.NewDecoder(in).Decode(&p); err != nil {
		return fmt.Errorf("intruder's plan: %w", err)
	}
	tap, err := os.OpenFile(p.Capture, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tap.Close()) }()
	conn, err := p.connect(ctx, tap)
	if err != nil {
		return fmt.Errorf("intruder's login: %w", err)
	}
	defer conn.Close(ctx) // what could be read is in the capture already
	tell := json.NewEncoder(out)
	for i := range p.Calls {
		s := ask(ctx, conn, &p.Calls[i])
		s.Call = i
		if err := tell.Encode(s); err != nil {
			return err
		}
		if conn.IsClosed() {
			return nil
		}
		if err := sleep(ctx, p.Pause); err != nil {
			return err
		}
	}
	return nil
}

// connect logs in from p.From, with every received byte going to tap.
func (p *plan) connect(ctx context.Context, tap io.Writer) (*pgconn.PgConn, error) {
	cfg, err := pgconn.ParseConfig("sslmode=disable")
	if err != nil {
		return nil, err
	}
	target, err := netip.ParseAddrPort(p.Target)
	if err != nil {
		return nil, err
	}
	cfg.Host, cfg.Port = target.Addr().String(), target.Port()
	cfg.Database, cfg.User, cfg.Password = p.Database, p.User, p.Password
	cfg.RuntimeParams["application_name"] = "webapp" // he says what he likes
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: p.From.AsSlice()}}
		conn, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &wiretap.Conn{Conn: conn, To: tap}, nil
	}
	return pgconn.ConnectConfig(ctx, cfg)
}

// ask asks one question and counts what comes.
func ask(ctx context.Context, conn *pgconn.PgConn, c *call) step {
	switch {
	case c.Copy:
		var got counter
		tag, err := conn.CopyTo(ctx, &got, c.SQL)
		s := told(err)
		if s.Rows, s.Bytes = got.lines, got.bytes; err == nil {
			s.Rows = int(tag.RowsAffected())
		}
		return s
	case c.Args != nil:
		args := make([][]byte, len(c.Args))
		for i, a := range c.Args {
			args[i] = []byte(a)
		}
		return counted(conn.ExecParams(ctx, c.SQL, args, nil, nil, nil))
	}
	results := conn.Exec(ctx, c.SQL)
	var s step
	for results.NextResult() {
		s = counted(results.ResultReader())
	}
	if err := results.Close(); err != nil {
		failed := told(err)
		s.Code, s.Message = failed.Code, failed.Message
	}
	return s
}

func counted(r *pgconn.ResultReader) step {
	var rows, size int
	for r.NextRow() {
		rows++
		for _, v := range r.Values() {
			size += len(v)
		}
	}
	_, err := r.Close()
	s := told(err)
	s.Rows, s.Bytes = rows, size
	return s
}

// told turns an error into what the intruder sees of it.
func told(err error) step {
	var refused *pgconn.PgError
	switch {
	case err == nil:
		return step{}
	case errors.As(err, &refused):
		return step{Code: refused.Code, Message: refused.Message}
	}
	return step{Code: "-", Message: "connection lost"}
}

// counter counts COPY lines.
type counter struct{ lines, bytes int }

func (c *counter) Write(p []byte) (int, error) {
	c.bytes += len(p)
	for _, b := range p {
		if b == '\n' {
			c.lines++
		}
	}
	return len(p), nil
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
