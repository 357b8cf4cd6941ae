package pglogin_test

import (
	"io"
	"net"
	"time"

	"sekisho/internal/wire/pgwire"
)

// cancelAt sends a CancelRequest and waits for the end.
func cancelAt(addr string, pid uint32, key []byte) error {
	_, err := raw(addr, pgwire.AppendCancelRequest(nil, pid, key))
	return err
}

// raw sends bytes and returns everything that comes back until the end.
func raw(addr string, b []byte) ([]byte, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Write(b); err != nil {
		return nil, err
	}
	return io.ReadAll(conn)
}
