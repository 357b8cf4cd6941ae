package prove

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// client is a plain PostgreSQL client that keeps every byte it is given. It
// shares no code with the gate.
type client struct {
	conn    net.Conn
	fe      *pgproto3.Frontend
	outside func(sql string) error // runs a step around the gate
	aside   func(sql string) error // runs a step in another session
	// beside starts the session of steps that hold; holder is it, once there is one.
	beside func() (*client, error)
	holder *client
	// settle, if not nil, has the gate compare the catalogue; between, if not
	// nil, runs after every step.
	settle  func() error
	between func() error
	cancel  canceler
	pid     uint32
	secret  []byte
}

func dial(ctx context.Context, network, address, user, database string, startup ...map[string]string) (*client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return login(conn, user, database, startup...)
}

// login starts a session of a role that needs no password. startup are further
// parameters of the StartupMessage.
func login(conn net.Conn, user, database string, startup ...map[string]string) (*client, error) {
	c := &client{conn: conn, fe: pgproto3.NewFrontend(conn, conn)}
	parameters := map[string]string{"user": user, "database": database}
	for _, more := range startup {
		maps.Copy(parameters, more)
	}
	c.fe.Send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: parameters})
	if err := c.fe.Flush(); err != nil {
		return nil, err
	}
	for {
		m, err := c.receive()
		if err != nil {
			return nil, fmt.Errorf("login: %w", err)
		}
		switch m := m.(type) {
		case *pgproto3.ErrorResponse:
			return nil, fmt.Errorf("login: %s", m.Message)
		case *pgproto3.BackendKeyData:
			c.pid, c.secret = m.ProcessID, m.SecretKey
		case *pgproto3.ReadyForQuery:
			return c, nil
		}
	}
}

// canceler cancels what a session runs, as soon as the server sleeps and after
// something was done. With ahead, further statements wait behind.
type canceler func(pid uint32, secret []byte, ahead bool, before func() error) error

const asleep = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"

// cancels returns what sends a CancelRequest to an address. exec runs SQL there
// as the superuser.
//
// The server signals a session twice for one CancelRequest: itself, and its
// process group. The second may come when the next statement already runs, and
// ends that one too. So what has statements behind it is cancelled by
// pg_cancel_backend, which signals once, and else the client waits for the end
// of its CancelRequest, which comes after both.
func cancels(ctx context.Context, network, address string, exec func(sql string) error) canceler {
	return func(pid uint32, secret []byte, ahead bool, before func() error) error {
		poll := time.NewTicker(20 * time.Millisecond)
		defer poll.Stop()
		for {
			if exec("SELECT 1 / count(*) "+asleep) == nil {
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-poll.C:
			}
		}
		if err := before(); err != nil {
			return err
		}
		if ahead {
			return exec("SELECT pg_cancel_backend(pid) " + asleep)
		}
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, address)
		if err != nil {
			return err
		}
		defer conn.Close()
		frame, err := (&pgproto3.CancelRequest{ProcessID: pid, SecretKey: secret}).Encode(nil)
		if err != nil {
			return err
		}
		if _, err = conn.Write(frame); err != nil {
			return err
		}
		if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			return err
		}
		if _, err = io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		return nil // PostgreSQL may reset it
	}
}

func (c *client) receive() (pgproto3.BackendMessage, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, err
	}
	return c.fe.Receive()
}

func (c *client) close() {
	c.fe.Send(&pgproto3.Terminate{})
	_ = c.fe.Flush() // the server may have gone first
	_ = c.conn.Close()
}

// hold runs SQL in a session that goes on until letGo.
func (c *client) hold(sql string) (err error) {
	if c.holder == nil {
		if c.holder, err = c.beside(); err != nil {
			return err
		}
	}
	return c.holder.simply(sql)
}

// letGo ends what the other session holds before it returns.
func (c *client) letGo() error {
	if c.holder == nil {
		return nil
	}
	if err := c.holder.simply("ROLLBACK"); err != nil {
		return err
	}
	return c.holder.alone("SELECT pg_advisory_unlock_all()")
}

// alone runs SQL and ends the session.
func (c *client) alone(sql string) error {
	defer c.close()
	return c.simply(sql)
}

// simply runs SQL; errors of the server are part of it.
func (c *client) simply(sql string) error {
	var got bytes.Buffer
	c.fe.Send(&pgproto3.Query{String: sql})
	if err := c.fe.Flush(); err != nil {
		return err
	}
	return c.collect(&got, "")
}

// run plays an episode and returns the canonical form of all that the server
// sent: every message, with object identifiers of tables, which differ between
// databases, left out.
func (c *client) run(e episode) (all []byte, err error) {
	var got bytes.Buffer
	defer func() { err = errors.Join(err, c.letGo()) }()
	for i, s := range e.steps {
		if i > 0 && c.between != nil {
			if err := c.between(); err != nil {
				return got.Bytes(), err
			}
		}
		if s.settle {
			if c.settle != nil {
				if err := c.settle(); err != nil {
					return got.Bytes(), err
				}
			}
			continue
		}
		if s.outside != "" {
			if err := c.outside(s.outside); err != nil {
				return got.Bytes(), fmt.Errorf("%s: %w", s.outside, err)
			}
			continue
		}
		if s.aside != "" {
			if err := c.aside(s.aside); err != nil {
				return got.Bytes(), fmt.Errorf("%s: %w", s.aside, err)
			}
			continue
		}
		if s.hold != "" {
			if err := c.hold(s.hold); err != nil {
				return got.Bytes(), fmt.Errorf("%s: %w", s.hold, err)
			}
			continue
		}
		if s.described != nil {
			if err := c.describeFirst(&got, s); err != nil {
				return got.Bytes(), err
			}
		}
		for _, s := range append([]step{s}, s.ahead...) {
			c.sendStep(s)
		}
		if err := c.fe.Flush(); err != nil {
			return got.Bytes(), err
		}
		if s.cancel {
			meanwhile := func() error {
				if s.meanwhile == "" {
					return nil
				}
				return c.aside(s.meanwhile)
			}
			if err := c.cancel(c.pid, c.secret, len(s.ahead) > 0, meanwhile); err != nil {
				return got.Bytes(), err
			}
		}
		for range max(1, s.readies) + len(s.ahead) {
			if err := c.collect(&got, s.copyIn); err != nil {
				return got.Bytes(), fmt.Errorf("%v: %w", s, err)
			}
		}
	}
	return got.Bytes(), nil
}

// describeFirst sends what a step has described before it is executed, waits for
// the answer, and lets happen what happens before it goes on.
func (c *client) describeFirst(got *bytes.Buffer, s step) error {
	for _, m := range s.described {
		c.send(m)
	}
	c.fe.Send(&pgproto3.Describe{ObjectType: 'P'})
	c.fe.Send(&pgproto3.Flush{})
	if err := c.fe.Flush(); err != nil {
		return err
	}
	if err := c.collectUntil(got, "", func(m pgproto3.BackendMessage) bool {
		switch m.(type) {
		case *pgproto3.RowDescription, *pgproto3.NoData, *pgproto3.ErrorResponse:
			return true
		}
		return false
	}); err != nil {
		return err
	}
	return c.aside(s.meanwhile)
}

func (c *client) sendStep(s step) {
	if s.simple != "" {
		c.fe.Send(&pgproto3.Query{String: s.simple})
	}
	for _, m := range s.pipe {
		c.send(m)
	}
	if s.pipe != nil && !s.noSync {
		c.fe.Send(&pgproto3.Sync{})
	}
}

func (c *client) send(m message) {
	switch {
	case m.parse != nil:
		c.fe.Send(&pgproto3.Parse{Name: m.parse.name, Query: m.parse.sql, ParameterOIDs: m.types})
	case m.bind != nil:
		b := &pgproto3.Bind{DestinationPortal: m.bind.portal, PreparedStatement: m.bind.statement}
		for _, a := range m.bind.args {
			b.Parameters = append(b.Parameters, []byte(a))
		}
		b.ParameterFormatCodes = m.bind.argFormats
		if m.bind.binary {
			b.ResultFormatCodes = []int16{1}
		}
		if m.bind.formats != nil {
			b.ResultFormatCodes = m.bind.formats
		}
		c.fe.Send(b)
	case m.execute != nil:
		if m.execute.describe {
			c.fe.Send(&pgproto3.Describe{ObjectType: 'P', Name: m.execute.portal})
		}
		c.fe.Send(&pgproto3.Execute{Portal: m.execute.portal, MaxRows: m.execute.rows})
	case m.closeIt != "":
		c.fe.Send(&pgproto3.Close{ObjectType: m.closeIt[0], Name: m.closeIt[1:]})
	case m.flush:
		c.fe.Send(&pgproto3.Flush{})
	case m.call != nil:
		f := &pgproto3.FunctionCall{Function: m.call.function, ArgFormatCodes: m.call.formats}
		for _, a := range m.call.args {
			f.Arguments = append(f.Arguments, []byte(a))
		}
		if m.call.binary {
			f.ResultFormatCode = 1
		}
		c.fe.Send(f)
	case m.query != "":
		c.fe.Send(&pgproto3.Query{String: m.query})
	}
}

// collect appends what the server sends up to ReadyForQuery.
func (c *client) collect(got *bytes.Buffer, copyIn string) error {
	return c.collectUntil(got, copyIn, func(m pgproto3.BackendMessage) bool {
		_, done := m.(*pgproto3.ReadyForQuery)
		return done
	})
}

func (c *client) collectUntil(got *bytes.Buffer, copyIn string, last func(pgproto3.BackendMessage) bool) error {
	for {
		m, err := c.receive()
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *pgproto3.BackendKeyData:
			continue
		case *pgproto3.RowDescription:
			for i := range m.Fields {
				m.Fields[i].TableOID = 0
				if m.Fields[i].DataTypeOID >= 16384 {
					m.Fields[i].DataTypeOID = 16384
				}
			}
		case *pgproto3.ErrorResponse:
			// Line and file of the server's source are the same for all; the
			// internal position may hold nothing personal but is kept.
		case *pgproto3.NotificationResponse:
			m.PID = 0
		case *pgproto3.CopyInResponse:
			if copyIn == "" {
				c.fe.Send(&pgproto3.CopyFail{Message: "no data"})
			} else {
				c.fe.Send(&pgproto3.CopyData{Data: []byte(copyIn)})
				c.fe.Send(&pgproto3.CopyDone{})
			}
			if err := c.fe.Flush(); err != nil {
				return err
			}
		}
		frame, err := m.Encode(nil)
		if err != nil {
			return err
		}
		got.Write(frame)
		if last(m) {
			return nil
		}
	}
}

// describeBytes prints a captured stream for people.
func describeBytes(b []byte) string {
	var out bytes.Buffer
	for len(b) >= 5 {
		n := int(binary.BigEndian.Uint32(b[1:])) + 1
		if n > len(b) {
			break
		}
		fmt.Fprintf(&out, "    %c %q\n", b[0], b[5:n])
		b = b[n:]
	}
	return out.String()
}
