package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// errUpstreamRefused: the proxy beyond answered something else than 2xx.
var errUpstreamRefused = errors.New("egress: the upstream proxy refused")

// dialUpstream opens a tunnel to host through a proxy (RFC 9110, 9.3.6). It
// reads the answer byte by byte: what follows belongs to the destination.
func dialUpstream(ctx context.Context, d *net.Dialer, proxy, host string) (net.Conn, error) {
	conn, err := d.DialContext(ctx, "tcp", proxy)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	err = func() error {
		if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", host, host); err != nil {
			return err
		}
		head, err := readHeadSlowly(conn)
		if err != nil {
			return err
		}
		if len(head) < 12 || !strings.HasPrefix(head, "HTTP/1.") || head[8:10] != " 2" {
			return errUpstreamRefused
		}
		return nil
	}()
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// maxUpstreamHead bounds an upstream proxy's answer.
const maxUpstreamHead = 8 << 10

func readHeadSlowly(conn net.Conn) (string, error) {
	var head []byte
	var one [1]byte
	for len(head) < maxUpstreamHead {
		if _, err := conn.Read(one[:]); err != nil {
			return "", err
		}
		head = append(head, one[0])
		if one[0] == '\n' && (strings.HasSuffix(string(head[max(0, len(head)-4):]), "\r\n\r\n") || strings.HasSuffix(string(head[max(0, len(head)-2):]), "\n\n")) {
			return string(head), nil
		}
	}
	return "", errUpstreamRefused
}
