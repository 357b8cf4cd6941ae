package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// knocksKey is where a script keeps its knocks.
const knocksKey = "knocks"

// knocks is somebody who connects to the gate, again and again.
type knocks struct {
	end  context.CancelFunc
	said chan knocked
}

// knocked is what came of it.
type knocked struct {
	entered int
	ended   []string // sessions that the gate ended before they were ready
	refused error    // a connection that was not taken: there must be none
}

// knock begins to connect, and ends it: nobody may have been refused, nor ended
// while a session was beginning.
func knock(ts *testscript.TestScript, _ bool, args []string) {
	k := ts.Value(knocksKey).(*knocks)
	switch args[0] {
	case "start":
		ctx, cancel := context.WithCancel(context.Background())
		ts.Defer(cancel)
		first := make(chan struct{})
		k.end, k.said = cancel, make(chan knocked, 1)
		go func() { k.said <- keepKnocking(ctx, ts.Getenv("PGPORT"), ts.Getenv("PGDATABASE"), first) }()
		<-first
	case "stop":
		k.end()
		r := <-k.said
		ts.Logf("%d entered, ended: %q", r.entered, r.ended)
		if r.refused != nil {
			ts.Fatalf("somebody was refused: %v", r.refused)
		}
		if len(r.ended) > 0 {
			ts.Fatalf("%d sessions were ended, of %d: %q", len(r.ended), len(r.ended)+r.entered, r.ended)
		}
	}
}

// keepKnocking connects until ctx ends, one after the other, and once more.
func keepKnocking(ctx context.Context, port, database string, first chan struct{}) (r knocked) {
	for last := false; !last; {
		last = ctx.Err() != nil
		c, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", port), time.Minute)
		if err != nil {
			r.refused = err
		} else {
			if err := logInAndOut(c, database); err != nil {
				r.ended = append(r.ended, err.Error())
			} else {
				r.entered++
			}
			c.Close()
		}
		if first != nil {
			close(first)
			first = nil
		}
		if r.refused != nil {
			return r
		}
	}
	return r
}

// logInAndOut logs in and leaves: StartupMessage, messages to ReadyForQuery, Terminate
// (PostgreSQL, "Message Formats").
func logInAndOut(c net.Conn, database string) error {
	if err := c.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		return err
	}
	parameters := strings.Join([]string{"user", "app", "database", database, "", ""}, "\x00")
	start := binary.BigEndian.AppendUint32(nil, uint32(8+len(parameters)))
	start = binary.BigEndian.AppendUint32(start, 3<<16)
	if _, err := c.Write(append(start, parameters...)); err != nil {
		return err
	}
	var head [5]byte
	for {
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return err
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(c, body); err != nil {
			return err
		}
		switch head[0] {
		case 'E':
			return fmt.Errorf("%q", body)
		case 'Z':
			_, err := c.Write([]byte{'X', 0, 0, 0, 4})
			return err
		}
	}
}
